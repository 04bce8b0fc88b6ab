// Memory of training steps of whole networks.

#include <gtest/gtest.h>

#include "autograd/arithmetic.h"
#include "autograd/reduce.h"
#include "models/resnet.h"
#include "tensor/memory.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "train/optimiser.h"

namespace clearcut {
namespace {

struct Training {
  Registry root{2};
  ResNet net;
  Sgd sgd;
  Tensor x;

  explicit Training(bool recompute = false, std::int64_t side = 96)
      : net(root.scope(), {.depth = 50, .classes = 10, .width = 0.25, .recompute = recompute}),
        sgd(root, {}),
        x({2, 3, side, side}) {
    root.mode.training = true;
    RandomStream(1, "x").fill_normal(x, 0, 1);
  }
  std::vector<float> step() {
    const Var z = net.logits(Var(x));
    sum(z * z).backward();
    sgd.step(0.01);
    root.zero_grad();
    return z.value().values<float>();
  }
};

class Memories : public testing::Test {
 protected:
  void SetUp() override {
    set_threads(1);         // with more, scratch blocks come in the order of the threads
    release_idle_memory();  // what other tests left would serve small requests with blocks of up to twice the
                            // size
  }
  void TearDown() override { set_threads(before_); }

 private:
  const int before_ = threads();
};

TEST_F(Memories, TheThirdTrainingStepAsksNothingOfTheSystem) {
  Training t;
  t.step();
  t.step();
  const MemoryStats before = memory_stats();
  t.step();
  EXPECT_EQ(memory_stats().system_allocations, before.system_allocations);
  EXPECT_EQ(memory_stats().live, before.live);
}

// Bytes that the forward pass leaves alive, against the outputs of all convolutions: one tensor for each
// batch norm. Kept besides are the picture, the pooled map that layer1 reads, its indices, and the last
// features.
TEST_F(Memories, OneTensorIsKeptForEachBatchNorm) {
  Training t;
  t.step();
  const std::size_t before = memory_stats().live;
  const Var z = t.net.logits(Var(t.x));
  const std::size_t kept = memory_stats().live - before;
  // Floats of ResNet-50's convolutions at 96 x 96 with a quarter of the channels, a picture: the stem 16 at
  // 48 x 48; then for each stage blocks * (w + w + 4 w) at its side, 4 w more for its downsample, and w at
  // the side before for the first block of stages 2 to 4.
  std::size_t floats = 16 * 48 * 48;
  std::size_t side = 24, w = 16;
  for (const std::size_t blocks : {3, 4, 6, 3}) {
    floats += (blocks * 6 + 4) * w * side * side;
    if (w > 16) floats += w * (2 * side) * (2 * side) - w * side * side;
    side /= 2, w *= 2;
  }
  const std::size_t convolutions = 2 * 4 * floats, pooled = 2 * 4 * 16 * 24 * 24;
  EXPECT_GE(kept, convolutions);
  EXPECT_LE(kept, convolutions + 2 * pooled + convolutions / 10);  // and [C] tensors, blocks a little larger
}

TEST_F(Memories, RecomputeGivesTheSameNumbersInLess) {
  Training kept(false, 192), again(true, 192);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(kept.step(), again.step()) << i;
  std::size_t peak[2];
  for (Training* t : {&kept, &again}) {
    const PeakMeter meter;
    t->step();
    peak[t == &again] = meter.bytes_above_start();
  }
  EXPECT_LT(peak[1], peak[0]);
}

}  // namespace
}  // namespace clearcut
