#include "train/progress.h"

#include <gtest/gtest.h>

#include <sstream>

#include "train/config.h"

namespace clearcut {
namespace {

TEST(Progress, FormatsTimesAndBytes) {
  EXPECT_EQ(format_seconds(0), "0:00");
  EXPECT_EQ(format_seconds(65.4), "1:05");
  EXPECT_EQ(format_seconds(3723), "1:02:03");
  EXPECT_EQ(format_seconds(-1), "?");
  EXPECT_EQ(format_bytes(512), "512B");
  EXPECT_EQ(format_bytes(1536), "1.50KiB");
  EXPECT_EQ(format_bytes(6.0 * (1 << 30)), "6.00GiB");
}

TEST(Progress, ParsesBytes) {
  EXPECT_EQ(parse_bytes("6GiB"), std::size_t{6} << 30);
  EXPECT_EQ(parse_bytes("1.5MiB"), 1572864U);
  EXPECT_EQ(parse_bytes("2GB"), 2000000000U);
  EXPECT_EQ(parse_bytes("10"), 10U);
  for (const char* bad : {"", "GiB", "6Gib", "-1", "6 GiB x"})
    EXPECT_THROW(parse_bytes(bad), ConfigError) << bad;
}

TEST(Progress, LinesAreWholeAndTheLastOneAlwaysComes) {
  std::ostringstream out;
  Progress progress("explain", 3, ProgressStyle::kLines);
  progress.print_to(out, 1000);
  progress.update(1);
  EXPECT_EQ(out.str(), "");  // within the interval
  progress.update(3, "loss 0.5");
  EXPECT_EQ(out.str().find("explain: 3/3 (100.0%)"), 0U) << out.str();
  EXPECT_NE(out.str().find("loss 0.5\n"), std::string::npos) << out.str();
  EXPECT_EQ(out.str().find('\r'), std::string::npos);
}

TEST(Progress, ItemsOfAnEarlierRunDoNotCountForTheSpeed) {
  Progress progress("train", 10, ProgressStyle::kNone, 9);
  EXPECT_EQ(progress.line(), "train: 9/10 (90.0%)  ETA ?");
}

TEST(Progress, ABarIsRedrawnInPlaceAndEndsWithALineFeed) {
  std::ostringstream out;
  {
    Progress progress("x", 4, ProgressStyle::kBar);
    progress.print_to(out, 0);
    progress.update(2);
    EXPECT_EQ(out.str().find("\r[############............] x: 2/4 (50.0%)"), 0U) << out.str();
  }
  EXPECT_EQ(out.str().back(), '\n');
}

TEST(Progress, UnknownStyleIsAnError) { EXPECT_THROW(progress_style("fancy"), ConfigError); }

}  // namespace
}  // namespace clearcut
