#include "tensor/memory.h"

#include <gtest/gtest.h>

#include <cmath>
#include <optional>

#include "autograd/arithmetic.h"
#include "autograd/conv2d.h"
#include "autograd/reduce.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace clearcut {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

TEST(Memory, FreedBlocksServeAgain) {
  release_idle_memory();
  { MemoryBlock block(100000); }
  const MemoryStats before = memory_stats();
  { MemoryBlock block(90000); }  // more than half of it
  EXPECT_EQ(memory_stats().system_allocations, before.system_allocations);
  EXPECT_EQ(memory_stats().reuses, before.reuses + 1);
  { MemoryBlock block(1000); }  // less than half: a block of its own
  EXPECT_EQ(memory_stats().system_allocations, before.system_allocations + 1);
  EXPECT_EQ(memory_stats().live, before.live);
}

// Three blocks of a chunk, freed in any order, are one range again: a block of all their bytes fits.
TEST(Memory, IdleNeighboursGrowTogether) {
  release_idle_memory();
  {
    std::optional<MemoryBlock> a(std::in_place, 2 * kMiB), b(std::in_place, 2 * kMiB),
        c(std::in_place, 2 * kMiB);
    a.reset();
    c.reset();
  }
  const MemoryStats before = memory_stats();
  { MemoryBlock all(6 * kMiB); }
  EXPECT_EQ(memory_stats().system_allocations, before.system_allocations);
  EXPECT_EQ(memory_stats().idle, before.idle);
  release_idle_memory();
  EXPECT_EQ(memory_stats().idle, 0u);
}

TEST(Memory, CountersOfLiveAndPeak) {
  const std::size_t live = memory_stats().live;
  {
    MemoryBlock a(3 * kMiB);
    reset_memory_peak();
    EXPECT_GE(memory_stats().live, live + 3 * kMiB);
    { MemoryBlock b(8 * kMiB); }
    EXPECT_GE(memory_stats().peak, live + 11 * kMiB);
    EXPECT_GE(memory_stats().idle, 8 * kMiB);
  }
  EXPECT_EQ(memory_stats().live, live);
}

TEST(Memory, IdleBytesNeverExceedTheCap) {
  release_idle_memory();
  EXPECT_EQ(memory_stats().idle, 0u);
  set_idle_memory_cap(10 * kMiB);
  {
    std::optional<MemoryBlock> oldest(std::in_place, 4 * kMiB), middle(std::in_place, 4 * kMiB);
    MemoryBlock newest(4 * kMiB);
    oldest.reset();
    middle.reset();
  }  // 12 MiB freed, or a little more with guard bytes
  EXPECT_LE(memory_stats().idle, 10 * kMiB);
  EXPECT_GE(memory_stats().idle, 4 * kMiB);
  set_idle_memory_cap(std::size_t{4} << 30);
  release_idle_memory();
}

TEST(Memory, BlocksAreAligned) {
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{777}, 3 * kMiB})
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(MemoryBlock(bytes).data()) % 64, 0u) << bytes;
}

TEST(Memory, FreshBlocksAreNaNInDebugMode) {  // tests/main.cpp turns it on
  const Tensor x(Shape{5});
  for (const float v : x.values<float>()) EXPECT_TRUE(std::isnan(v));
}

// In a program of its own: the report of this one must stay empty.
TEST(MemoryDeathTest, DamageBehindABlockIsReported) {
  EXPECT_EXIT(
      {
        set_memory_debug(true);
        { static_cast<char*>(MemoryBlock(100).data())[103] = 1; }
        std::fputs(memory_damage().c_str(), stderr);
        std::_Exit(memory_damage().empty() ? 1 : 0);
      },
      testing::ExitedWithCode(0), "byte 3 behind a block of 100 bytes was overwritten");
}

// A training step: forward, backward, update of the weights.
void step(const Var& x, const Var& w, const Var& b) {
  const Var y = relu(conv2d(x, w, {.padding = 1}) + b);
  mean(y * y).backward();
  for (const Var& p : {w, b}) {
    float* value = p.value().data<float>();
    const float* slope = p.grad().data<const float>();
    for (std::int64_t i = 0; i < p.value().numel(); ++i) value[i] -= 0.1f * slope[i];
    p.zero_grad();
  }
}

// On one thread: with several, a kernel holds as many scratch blocks at a time as threads happened to take
// part, so the first steps may see fewer than a later one.
TEST(Memory, ThirdIdenticalStepAsksNothingOfTheSystem) {
  const int all_threads = threads();
  set_threads(1);
  const Var x(Tensor::full({2, 3, 20, 20}, 0.5)), w(Tensor(Shape{4, 3, 3, 3}), true),
      b(Tensor::zeros({4, 1, 1}), true);
  RandomStream(1, "w").fill_normal(w.value(), 0, 1);
  step(x, w, b);
  step(x, w, b);
  const MemoryStats before = memory_stats();
  step(x, w, b);
  EXPECT_EQ(memory_stats().system_allocations, before.system_allocations);
  EXPECT_GT(memory_stats().reuses, before.reuses);
  EXPECT_EQ(memory_stats().live, before.live);
  set_threads(all_threads);
}

}  // namespace
}  // namespace clearcut
