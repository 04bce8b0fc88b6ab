// Jobs that are killed, that run out of disk, that share their work: the folder of labels is the same.
#include "explain/label_journal.h"

#include <future>
#include <thread>

#include "data/file_lock.h"
#include "tests/disk_limit.h"
#include "tests/errors.h"
#include "tests/explain/label_job.h"

namespace clearcut {
namespace {

namespace fs = std::filesystem;
using test::LabelJob, test::Snapshot;

TEST_F(LabelJob, IsCompleteAndHoldsNoJournal) {
  EXPECT_EQ(work(options("whole")), 9);
  const Snapshot files = snapshot("whole");
  EXPECT_EQ(files.size(), 8U + 3U) << "eight labels, manifest.jsonl, job.json, classes.txt";
  EXPECT_TRUE(files.contains("labels/odd/7.png"));
  const std::vector<JsonObject> lines = read_jsonl(folder_ / "whole/manifest.jsonl");
  ASSERT_EQ(lines.size(), 9U);
  for (std::size_t i = 0; i < 9; ++i) EXPECT_EQ(lines[i].text("id"), items_[i].name);
  EXPECT_EQ(lines[4].text("skipped"), "no image label");
  EXPECT_EQ(work(options("whole")), 0);
  EXPECT_EQ(snapshot("whole"), files);
}

TEST_F(LabelJob, ShardsOfAnyNumberGiveTheSameFolder) {
  work(options("whole"));
  const Snapshot whole = snapshot("whole");
  for (const std::int64_t shards : {2, 4, 7}) {
    for (std::int64_t shard = shards - 1; shard >= 0; --shard) {
      EXPECT_FALSE(fs::exists(folder_ / cat(shards, "/manifest.jsonl")));
      work(options(cat(shards), shard, shards));
    }
    EXPECT_EQ(snapshot(cat(shards)), whole) << shards << " shards";
  }
}

// Both have written their end before one of them can join.
TEST_F(LabelJob, ShardsThatEndTogetherAreJoinedOnce) {
  work(options("whole"));
  std::vector<std::unique_ptr<LabelStore>> stores;
  for (const std::int64_t shard : {0, 1}) {
    stores.push_back(std::make_unique<LabelStore>(options("out", shard, 2)));
    stores.back()->begin(items_);
    write(*stores.back(), options("out", shard, 2));
  }
  auto lock = std::make_unique<FileLock>(folder_ / "out/job.json", FileLock::Wait::kAlways);
  std::vector<std::future<void>> ends;
  for (const auto& store : stores)
    ends.push_back(std::async(std::launch::async, [&] { store->finish(items_); }));
  for (const std::int64_t shard : {0, 1})
    while (!journal_ended(journal_path(folder_ / "out", shard, 2)))
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
  lock.reset();
  for (auto& end : ends) EXPECT_NO_THROW(end.get());
  EXPECT_EQ(snapshot("out"), snapshot("whole"));
}

// As with `label fuse --limit 2` in a folder that is whole, and the whole job again.
TEST_F(LabelJob, FewerItemsLeaveTheOthersAlone) {
  work(options("out"));
  const Snapshot whole = snapshot("out");
  LabelStoreOptions few = options("out");
  few.others.assign(items_.begin() + 2, items_.end());
  const std::vector<Item> all = items_;
  items_.resize(2);
  EXPECT_EQ(work(few), 0);
  EXPECT_EQ(snapshot("out"), whole);
  items_ = all;
  EXPECT_EQ(work(options("out")), 0);
}

// Values of labels mean names: with others, in another order, they would mean something else.
TEST_F(LabelJob, OtherNamesOfClassesAreAnotherJob) {
  work(options("out"));
  LabelStoreOptions swapped = options("out");
  std::swap(swapped.class_names[1], swapped.class_names[2]);
  expect_error([&] { LabelStore{swapped}; }, "holds labels of another job");
}

// Nothing of the old job is taken for the new one's; what belongs to the members stays.
TEST_F(LabelJob, OverwritingAnotherJobRemovesWhatItLeft) {
  work(options("out"));
  for (const char* file : {"consensus/even/0.png.1.png", "weights/even/0.png.png",
                           "originals/labels/even/0.png", "train/even/0.JPEG_eiseg.npz", "train.txt",
                           "imagenet_lsvrc_2015_synsets.txt", "maps/even/0.png.npz", "classifiers.json"})
    write_file((folder_ / "out/") + file, "old");
  isa_ = "avx512";
  work(options("whole"));
  LabelStoreOptions over = options("out");
  over.overwrite = true;
  work(over);
  Snapshot expected = snapshot("whole");
  expected["maps/even/0.png.npz"] = expected["classifiers.json"] = "old";
  EXPECT_EQ(snapshot("out"), expected);
}

// More shards than pictures: some have nothing to do and end at once.
TEST_F(LabelJob, ShardsWithoutItemsEndToo) {
  work(options("whole"));
  for (std::int64_t shard = 0; shard < 12; ++shard) work(options("many", shard, 12));
  EXPECT_EQ(snapshot("many"), snapshot("whole"));
}

TEST_F(LabelJob, AnotherNumberOfShardsGoesOn) {
  work(options("whole"));
  work(options("out", 1, 2));
  work(options("out", 0, 2), 2);
  int made = 0;
  for (std::int64_t shard = 0; shard < 3; ++shard) made += work(options("out", shard, 3));
  EXPECT_EQ(made, 9 - 4 - 2);
  EXPECT_EQ(snapshot("out"), snapshot("whole"));
}

// A killed process leaves a beginning of its journal. Every one of them, with and without the files being
// written, leads to the same folder.
TEST_F(LabelJob, AJournalCutAtAnyByteGoesOn) {
  work(options("whole"));
  const Snapshot whole = snapshot("whole");
  work(options("part", 0, 2), 4);
  const Snapshot part = snapshot("part");
  const std::string journal = part.at("journal/0-of-2.jsonl");
  for (std::size_t cut = 0; cut <= journal.size(); cut += cut % 300 < 4 ? 1 : 29) {
    Snapshot files = part;
    files["journal/0-of-2.jsonl"] = journal.substr(0, cut);
    files["journal/0-of-2.3.new"] = "half a label";
    if (cut % 2 == 1) files.erase("labels/even/2.png");
    restore("out", files);
    work(options("out", 0, 2));
    work(options("out", 1, 2));
    ASSERT_EQ(snapshot("out"), whole) << "cut at byte " << cut << " of " << journal.size();
  }
}

// Whatever file the disk has no room for: the job says so, does not blame the picture, and goes on later.
TEST_F(LabelJob, AFullDiskStopsTheJobAndNothingIsLost) {
  work(options("whole"));
  const Snapshot whole = snapshot("whole");
  int stopped = 0;
  for (std::size_t bytes = 1; bytes < 4000; bytes += 61) {
    fs::remove_all(folder_ / "out");
    fs::create_directories(folder_ / "out");
    try {
      const test::DiskLimit limit(bytes);
      work(options("out"));
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("File too large"), std::string::npos) << error.what();
      ++stopped;
    }
    EXPECT_FALSE(fs::exists(folder_ / "out/failures.jsonl"));
    work(options("out"));
    ASSERT_EQ(snapshot("out"), whole) << "limit of " << bytes << " bytes";
  }
  EXPECT_GT(stopped, 20);
}

TEST_F(LabelJob, FailuresStayInTheJournalUntilTheyAreMended) {
  work(options("whole"));
  const Snapshot whole = snapshot("whole");
  broken_ = 3;
  for (std::int64_t shard = 0; shard < 2; ++shard) work(options("out", shard, 2));
  const std::vector<Failure> failures = read_failures(folder_ / "out/failures.jsonl");
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_EQ(failures[0].id, "odd/3.png");
  EXPECT_EQ(read_jsonl(folder_ / "out/manifest.jsonl").size(), 8U);
  broken_ = -1;
  EXPECT_EQ(work(options("out", 0, 2)), 0);
  EXPECT_EQ(work(options("out", 1, 2)), 1);
  EXPECT_EQ(snapshot("out"), whole);
}

TEST_F(LabelJob, ALabelThatIsGoneIsMadeAgain) {
  work(options("out"));
  const Snapshot whole = snapshot("out");
  fs::remove(folder_ / "out/labels/odd/5.png");
  EXPECT_EQ(work(options("out")), 1);
  EXPECT_EQ(snapshot("out"), whole);
}

// The labels of the first kind were made, then those of the second over them, and now the first are wanted.
TEST_F(LabelJob, TheNewestLineOfAnItemCounts) {
  work(options("out", 0, 2));
  items_[2].classes = {2};
  EXPECT_EQ(work(options("out", 0, 2)), 1);
  items_[2].classes = {1};
  EXPECT_EQ(work(options("out", 0, 2)), 1);
}

TEST_F(LabelJob, OverwriteMakesAllAgain) {
  work(options("out"));
  const Snapshot whole = snapshot("out");
  LabelStoreOptions again = options("out");
  again.overwrite = true;
  EXPECT_EQ(work(again), 9);
  EXPECT_EQ(snapshot("out"), whole);
}

TEST_F(LabelJob, OverwriteWithAnotherJobForgetsTheOldShards) {
  work(options("out", 1, 2));
  isa_ = "avx512";
  LabelStoreOptions again = options("out", 0, 2);
  again.overwrite = true;
  work(again);
  EXPECT_FALSE(fs::exists(folder_ / "out/manifest.jsonl"));
  EXPECT_EQ(work(options("out", 1, 2)), 4);
  EXPECT_TRUE(fs::exists(folder_ / "out/manifest.jsonl"));
}

TEST_F(LabelJob, AnotherInstructionSetIsRefused) {
  work(options("out", 0, 2));
  isa_ = "avx512";
  expect_error([&] { work(options("out", 1, 2)); },
               "there \"isa\": \"avx2\", here \"isa\": \"avx512\"; results are the same bits only within one "
               "instruction set: CLEARCUT_ISA=NAME chooses it");
}

// Machines without a common disk: their folders are copied together, and that is where it shows.
TEST_F(LabelJob, ShardsOfTwoInstructionSetsAreNotJoined) {
  work(options("here", 0, 2));
  isa_ = "avx512";
  work(options("there", 1, 2));
  Snapshot both = snapshot("here");
  both.merge(snapshot("there"));
  restore("both", both);
  isa_ = "avx2";
  expect_error([&] { work(options("both", 0, 2)); }, "the shards cannot be joined: ");
  EXPECT_FALSE(fs::exists(folder_ / "both/manifest.jsonl"));
  // The same way with one instruction set.
  work(options("third", 1, 2));
  both = snapshot("here");
  both.merge(snapshot("third"));
  restore("both", both);
  EXPECT_EQ(work(options("both", 0, 2)), 0);
  work(options("whole"));
  EXPECT_EQ(snapshot("both"), snapshot("whole"));
}

TEST_F(LabelJob, OneProcessPerShard) {
  LabelStore first(options("out", 0, 2));
  first.begin(items_);
  expect_error([&] { work(options("out", 0, 2)); }, "another process works on shard 0/2");
  work(options("out", 1, 2));
}

TEST_F(LabelJob, WhatAPictureCannotHaveIsItsOwnFailure) {
  items_[3].name = std::string(300, 'x') + ".png";
  work(options("out"));
  const std::vector<Failure> failures = read_failures(folder_ / "out/failures.jsonl");
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_NE(failures[0].error.find("File name too long"), std::string::npos);
}

TEST(ShellText, CommandsCanBeTypedAgain) {
  JournalStart start{.shard = 1, .shards = 3};
  start.command = {"bin/clearcut", "label", "fuse",        "--shard", "1/3",
                   "--rule",       "it's",  "--overwrite", "-o",      "a b"};
  EXPECT_EQ(shard_command(start, 2), "bin/clearcut label fuse --rule 'it'\\''s' -o 'a b' --shard 2/3");
  start.command = {"bin/clearcut", "label", "fuse", "--shard=auto"};
  EXPECT_EQ(shard_command(start, 0), "bin/clearcut label fuse --shard 0/3");
  start.shards = 1;
  EXPECT_EQ(shard_command(start, 0), "bin/clearcut label fuse");
  start.command.clear();
  EXPECT_EQ(shard_command(start, 0), "");
}

}  // namespace
}  // namespace clearcut
