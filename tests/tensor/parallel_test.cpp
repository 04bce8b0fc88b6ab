#include "tensor/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>

#include "tests/errors.h"

namespace clearcut {
namespace {

class Threads : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    before_ = threads();
    set_threads(GetParam());
  }
  void TearDown() override { set_threads(before_); }

 private:
  int before_ = 0;
};

TEST_P(Threads, ChunksDependOnTheProblemOnly) {
  std::mutex lock;
  std::set<std::pair<std::int64_t, std::int64_t>> chunks;
  parallel_for(10, 4, [&](std::int64_t begin, std::int64_t end) {
    const std::lock_guard guard(lock);
    chunks.emplace(begin, end);
  });
  EXPECT_EQ(chunks, (std::set<std::pair<std::int64_t, std::int64_t>>{{0, 4}, {4, 8}, {8, 10}}));
}

TEST_P(Threads, EachIndexOnce) {
  std::vector<std::atomic<int>> seen(1003);
  parallel_for(1003, 7, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) ++seen[static_cast<std::size_t>(i)];
  });
  for (const auto& count : seen) EXPECT_EQ(count, 1);
}

TEST_P(Threads, NothingToDo) {
  parallel_for(0, 4, [](std::int64_t, std::int64_t) { FAIL(); });
  parallel_for(-3, 4, [](std::int64_t, std::int64_t) { FAIL(); });
  EXPECT_EQ(parallel_sum<double>(0, 4, [](std::int64_t, std::int64_t) { return 1.0; }), 0.0);
}

TEST_P(Threads, AnExceptionOfAChunkArrives) {
  expect_error(
      [] {
        parallel_for(100, 1,
                     [](std::int64_t begin, std::int64_t) { check(begin != 57, "chunk", "number 57"); });
      },
      "chunk: number 57");
  EXPECT_EQ(parallel_sum<int>(10, 3, [](std::int64_t b, std::int64_t e) { return static_cast<int>(e - b); }),
            10);
}

TEST_P(Threads, NestedCallsRun) {
  std::atomic<int> count = 0;
  parallel_for(4, 1, [&](std::int64_t, std::int64_t) {
    parallel_for(5, 1, [&](std::int64_t, std::int64_t) { ++count; });
  });
  EXPECT_EQ(count, 20);
}

// Sum of 1/i in float depends on the order of addition: equal bits mean an equal order.
float harmonic() {
  return parallel_sum<float>(100000, 1000, [](std::int64_t begin, std::int64_t end) {
    float sum = 0;
    for (std::int64_t i = begin; i < end; ++i) sum += 1.0f / static_cast<float>(i + 1);
    return sum;
  });
}

TEST_P(Threads, SumsAreTheSameBits) {
  const float here = harmonic();
  set_threads(1);
  EXPECT_EQ(here, harmonic());
  EXPECT_NEAR(here, 12.0901461, 1e-4);  // H(100000); float rounding of 100 partial sums
}

INSTANTIATE_TEST_SUITE_P(Of, Threads, testing::Values(1, 2, 5));

}  // namespace
}  // namespace clearcut
