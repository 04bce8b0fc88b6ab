// What is known of a job while it runs, after it was killed, and at its end.
#include "explain/label_status.h"

#include <cmath>

#include "tests/errors.h"
#include "tests/explain/label_job.h"

namespace clearcut {
namespace {

using test::LabelJob;

TEST_F(LabelJob, StatusOfShards) {
  broken_ = 2;
  work(options("out", 0, 4));     // items 0, 4, 8
  work(options("out", 2, 4));     // 2, 6
  work(options("out", 3, 4), 1);  // 3 of 3, 7
  const LabelStatus status = label_status(folder_ / "out");
  EXPECT_EQ(status.total, 9);
  EXPECT_EQ(status.done, 3 + 1 + 1);
  EXPECT_EQ(status.missing(), 9 - 5 - 1);
  ASSERT_EQ(status.failures.size(), 1U);
  EXPECT_EQ(status.failures[0].id, "even/2.png");
  EXPECT_EQ(status.failures[0].error, "not a picture");
  ASSERT_EQ(status.shards.size(), 4U);
  EXPECT_TRUE(status.shards[0].finished());
  EXPECT_FALSE(status.shards[1].started);
  EXPECT_EQ(status.shards[1].missing(), 2);
  EXPECT_EQ(status.shards[2].missing(), 0);
  EXPECT_FALSE(status.shards[2].finished());
  EXPECT_EQ(status.shards[3].done, 1);
  EXPECT_FALSE(status.shards[3].running);
  // Shard 0 is finished; the others are to be started, with what failed.
  const std::vector<std::string> commands = status.commands();
  ASSERT_EQ(commands.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_TRUE(commands[i].ends_with(cat(" --shard ", i + 1, "/4"))) << commands[i];
}

TEST_F(LabelJob, StatusKnowsWhatAnEarlierStartDid) {
  work(options("out", 0, 2), 2);
  work(options("out", 0, 2), 1);
  const ShardStatus shard = label_status(folder_ / "out").shards[0];
  EXPECT_EQ(shard.items, 5);
  EXPECT_EQ(shard.done, 3);
  EXPECT_EQ(shard.made, 1);
}

TEST_F(LabelJob, StatusSeesWhoRuns) {
  LabelStore store(options("out", 0, 2));
  store.begin(items_);
  const LabelStatus status = label_status(folder_ / "out");
  EXPECT_TRUE(status.shards[0].running);
  EXPECT_FALSE(status.shards[1].running);
  EXPECT_EQ(status.commands().size(), 1U);
  EXPECT_TRUE(std::isnan(status.eta()));
}

// 4 items took 8 seconds and 6 are left: 12 seconds.
TEST(ShardStatus, TimeLeftIsItemsLeftAtTheSpeedOfThisStart) {
  ShardStatus shard;
  shard.items = 20;
  shard.done = 14;
  shard.made = 4;
  shard.seconds = 8;
  shard.running = true;
  EXPECT_EQ(shard.eta(), 12);
  LabelStatus status;
  status.total = 40;
  status.done = 24;
  status.shards = {shard, shard};
  status.shards[1].done = 10;
  EXPECT_EQ(status.eta(), 20);        // the slower one
  EXPECT_EQ(status.work_left(), 32);  // 16 items at 2 seconds
  status.shards[1].running = false;
  EXPECT_EQ(status.eta(), 12);
}

TEST_F(LabelJob, StatusOfAFinishedJob) {
  work(options("out"));
  const LabelStatus status = label_status(folder_ / "out");
  EXPECT_EQ(status.total, 9);
  EXPECT_EQ(status.missing(), 0);
  EXPECT_TRUE(status.commands().empty());
  expect_error([&] { label_status(folder_.path()); }, "holds no labels");
}

}  // namespace
}  // namespace clearcut
