// Which part of a job a process is, by the variables that launchers set.
#include "train/share.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/errors.h"

namespace clearcut {
namespace {

using Variables = std::map<std::string, std::string>;

Share shard(const std::string& text, const Variables& variables = {}) {
  return parse_share(text, [&](const char* name) {
    const auto it = variables.find(name);
    return it == variables.end() ? nullptr : it->second.c_str();
  });
}
std::string read(const std::string& text, const Variables& variables = {}) {
  const Share s = shard(text, variables);
  return cat(s.index, "/", s.count);
}

TEST(Share, WrittenOut) {
  EXPECT_EQ(read("0/1"), "0/1");
  EXPECT_EQ(read("3/4", {{"RANK", "1"}, {"WORLD_SIZE", "2"}}), "3/4");
  expect_error([] { shard("4/4"); }, "the last part is 3/4");
  expect_error([] { shard("-1/4"); }, "counts from 0");
  for (const char* wrong : {"", "4", "1/", "/4", "1/4x", "1.5/4", "a/b", "1/2/3"})
    expect_error([&] { shard(wrong); }, "must be i/n, as 0/4, or auto");
}

// The variables as Open MPI 4.1 and 5, MPICH's Hydra, srun and torchrun set them.
TEST(Share, RanksOfLaunchers) {
  EXPECT_EQ(read("auto", {{"OMPI_COMM_WORLD_RANK", "2"}, {"OMPI_COMM_WORLD_SIZE", "4"}, {"PMIX_RANK", "2"}}),
            "2/4");
  EXPECT_EQ(read("auto", {{"PMI_RANK", "1"}, {"PMI_SIZE", "3"}}), "1/3");
  EXPECT_EQ(read("auto", {{"PMIX_RANK", "1"}, {"SLURM_STEP_NUM_TASKS", "3"}}), "1/3");
  EXPECT_EQ(read("auto", {{"SLURM_PROCID", "5"}, {"SLURM_STEP_ID", "0"}, {"SLURM_STEP_NUM_TASKS", "8"}}),
            "5/8");
  EXPECT_EQ(read("auto", {{"RANK", "0"}, {"WORLD_SIZE", "2"}}), "0/2");
  // Started by mpirun within a batch script of Slurm, which has its own SLURM_PROCID.
  EXPECT_EQ(read("auto", {{"SLURM_PROCID", "0"},
                          {"SLURM_NTASKS", "4"},
                          {"OMPI_COMM_WORLD_RANK", "3"},
                          {"OMPI_COMM_WORLD_SIZE", "4"}}),
            "3/4");
}

// In a batch script SLURM_PROCID is 0 though nothing was started by srun: one process would take part 0 of 4
// and the others would never come.
TEST(Share, ABatchScriptIsNoRank) {
  expect_error(
      [] {
        shard("auto", {{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "4"}});
      },
      "nothing says which part");
  expect_error([] { shard("auto"); }, "write --shard i/n");
}

Variables array(const char* id, const char* first, const char* last, const char* count,
                const char* step = "1") {
  return {{"SLURM_ARRAY_TASK_ID", id},
          {"SLURM_ARRAY_TASK_MIN", first},
          {"SLURM_ARRAY_TASK_MAX", last},
          {"SLURM_ARRAY_TASK_COUNT", count},
          {"SLURM_ARRAY_TASK_STEP", step}};
}

TEST(Share, SlurmArrays) {
  EXPECT_EQ(read("auto", array("3", "0", "15", "16")), "3/16");
  EXPECT_EQ(read("auto", array("1", "1", "4", "4")), "0/4");
  EXPECT_EQ(read("auto", array("5", "1", "7", "4", "2")), "2/4");
  // --array=3,5,9: which of the 16 parts of the first try these are, nobody can tell.
  expect_error([] { shard("auto", array("5", "3", "9", "3")); }, "$SLURM_ARRAY_TASK_ID/n");
  expect_error([] { shard("auto", {{"SLURM_ARRAY_TASK_ID", "2"}}); }, "SLURM_ARRAY_TASK_COUNT");
}

TEST(Share, ProcessesWithinAnElementOfAnArray) {
  Variables variables = array("2", "0", "3", "4");
  variables["SLURM_PROCID"] = "0";  // of the batch script: it says nothing
  EXPECT_EQ(read("auto", variables), "2/4");
  variables["SLURM_STEP_ID"] = "0";
  variables["SLURM_PROCID"] = "1";
  variables["SLURM_STEP_NUM_TASKS"] = "3";
  EXPECT_EQ(read("auto", variables), "7/12");
}

TEST(Share, MistakesAreExplained) {
  expect_error([] { shard("auto", {{"PMIX_RANK", "1"}}); }, "PMIX_RANK is set but not how many");
  expect_error([] { shard("auto", {{"RANK", "one"}, {"WORLD_SIZE", "2"}}); }, "RANK must be a whole number");
  expect_error([] { shard("auto", {{"RANK", "2"}, {"WORLD_SIZE", "2"}}); }, "the last part is 1/2");
}

}  // namespace
}  // namespace clearcut
