// What a run leaves for people who watch it: TensorBoard's events, the page, the curves.
#include <gtest/gtest.h>

#include "tensor/file.h"
#include "tests/train/folder.h"
#include "train/log.h"
#include "train/tensorboard.h"

namespace clearcut {
namespace {

// RFC 3720, B.4, and the usual check value.
TEST(Tensorboard, Crc32cOfKnownTexts) {
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43U);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
}

// Byte for byte what Google's protobuf encodes; see tests/golden/train/events.py.
TEST(Tensorboard, RecordsAreThoseOfProtobuf) {
  Bytes bytes = tensorboard_head(1700000000.0);
  const Bytes event = tensorboard_record(
      {.wall_time = 1700000000.25, .step = 300, .scalars = {{"train/loss", 0.7}, {"eval/miou", 0.125}}});
  bytes.insert(bytes.end(), event.begin(), event.end());
  EXPECT_EQ(bytes, read_file("tests/golden/train/events.tfevents"));
}

std::size_t count(const std::string& text, const std::string& word) {
  std::size_t n = 0;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++n;
  return n;
}

// Steps 1 and 2 are written, a third is lost with the run; resumed after step 2, step 3 comes once.
TEST(RunLog, EventsPageAndCurvesFollowTheRecordsOfAResumedRun) {
  const test::Folder folder;
  const auto step = [](RunLog& log, std::int64_t n) {
    log.train({.step = n, .epoch = 0, .rate = 0.1, .loss = 2.5, .losses = {2, 0.5}});
  };
  {
    RunLog log(folder.path(), 0, false);
    step(log, 1);
    log.evaluation(1, 0, "miou", 0.5, {});
    EXPECT_NE(read_text(folder / "progress.html").find("http-equiv='refresh'"), std::string::npos);
    step(log, 2);
    step(log, 3);
  }
  const std::string whole = read_text(folder / "events.out.tfevents.clearcut");
  {
    RunLog log(folder.path(), 2, false);
    EXPECT_EQ(count(read_text(folder / "events.out.tfevents.clearcut"), "train/loss_1"), 2U);
    step(log, 3);
  }
  const std::string events = read_text(folder / "events.out.tfevents.clearcut");
  EXPECT_EQ(events.size(), whole.size());
  EXPECT_EQ(count(events, "train/gradient_norm"), 3U);
  EXPECT_EQ(count(events, "eval/miou"), 1U);
  const std::string page = read_text(folder / "progress.html"), curves = read_text(folder / "curves.svg");
  EXPECT_EQ(page.find("http-equiv='refresh'"), std::string::npos);  // the run is over
  EXPECT_EQ(count(page, "class='chart'"), 5U);                      // loss, rate, gradients, speed, score
  EXPECT_EQ(curves.rfind("<svg xmlns=", 0), 0U);
  EXPECT_EQ(count(curves, "class='chart'"), 2U);
}

}  // namespace
}  // namespace clearcut
