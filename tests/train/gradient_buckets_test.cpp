// Sums of gradients over ranks, bucket by bucket.
#include "train/gradient_buckets.h"

#include <gtest/gtest.h>

#include "autograd/arithmetic.h"
#include "autograd/recompute.h"
#include "autograd/reduce.h"
#include "tests/errors.h"
#include "tests/ranks.h"

namespace clearcut {
namespace {

using Numbers = std::vector<float>;

struct Net {
  Registry root;
  Param a{root.scope() / "a", Tensor::from<float>({2}, {1, 2})};
  Param frozen{root.scope() / "frozen", Tensor::from<float>({2}, {3, 4})};
  Param c{root.scope() / "c", Tensor::from<float>({2}, {5, 7})};
  Param unused{root.scope() / "unused", Tensor::from<float>({1}, {9})};
  Net() { frozen.require_grad(false); }
  /// sum of f a factor + a c
  Var loss(double factor) const {
    const Var product = recompute([this](const Var& x) { return x * c; }, a);
    return sum(a.var() * frozen * factor + product);
  }
};

// Factors 1 and 2: da = (1 + 2) f + 2 c, dc = 2 a; c is seen by recompute() alone. One bucket, and one each.
TEST(GradientBuckets, HoldTheSumsOverAllRanks) {
  for (const std::size_t bytes : {8U, 1000U})
    test::on_ranks(2, [&](AllReduce& ranks) {
      Net net;
      GradientBuckets buckets(net.root, ranks, bytes);
      for (int step = 0; step < 2; ++step) {
        buckets.backward(net.loss(ranks.rank() + 1));
        EXPECT_EQ(net.a.var().grad().values<float>(), (Numbers{9 + 10, 12 + 14}));
        EXPECT_EQ(net.c.var().grad().values<float>(), (Numbers{2, 4}));
        EXPECT_FALSE(net.unused.var().grad().defined());
        net.root.zero_grad();
      }
    });
}

// Gradients of earlier batches are this rank's own: they go into the sum once.
TEST(GradientBuckets, AddWhatWasAccumulatedBefore) {
  test::on_ranks(2, [&](AllReduce& ranks) {
    Net net;
    net.loss(ranks.rank() + 1).backward();
    GradientBuckets(net.root, ranks).backward(net.loss(ranks.rank() + 1));
    EXPECT_EQ(net.a.var().grad().values<float>(), (Numbers{2 * 19, 2 * 26}));
    EXPECT_EQ(net.c.var().grad().values<float>(), (Numbers{4, 8}));
  });
}

TEST(GradientBuckets, AGradientThatChangesAfterItWasSummedIsAnError) {
  test::on_ranks(2, [&](AllReduce& ranks) {
    Net net;
    GradientBuckets buckets(net.root, ranks, 8);
    const Var before = net.loss(1), after = sum(net.c.var() * 2);  // c is read outside last
    expect_error([&] { buckets.backward(before + after); },
                 "the gradient of c changed after it was complete");
  });
}

}  // namespace
}  // namespace clearcut
