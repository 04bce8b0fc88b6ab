// What a trace writes down.
#include "autograd/trace.h"

#include <gtest/gtest.h>

#include "autograd/arithmetic.h"
#include "autograd/elementwise.h"
#include "autograd/pool.h"
#include "autograd/rearrange.h"
#include "tests/errors.h"

namespace clearcut {
namespace {

Tensor four() { return Tensor::from<float>(Shape{1, 1, 2, 2}, {-3, -1, 1, 3}); }

TEST(Trace, HoldsOperatorsInTheirOrderWithOptions) {
  const NoGrad no_grad;
  Trace trace;
  const Var x(four());
  const Var y = max_pool2d(relu(x + 1.0), {.kernel = 2});
  const auto& calls = trace.calls();
  ASSERT_EQ(calls.size(), 3U);
  EXPECT_EQ(calls[0].op, "add");
  EXPECT_EQ(calls[1].op, "relu");
  EXPECT_EQ(calls[2].op, "max_pool2d");
  EXPECT_TRUE(calls[0].inputs[0].same_view(x.value()));
  EXPECT_TRUE(calls[1].inputs[0].same_view(calls[0].output));
  EXPECT_TRUE(calls[2].output.same_view(y.value()));
  const auto* options = std::any_cast<MaxPoolOptions>(&calls[2].options);
  ASSERT_NE(options, nullptr);
  EXPECT_EQ(options->kernel, Size2(2));
}

// Outside of a trace relu takes over the storage of the sum.
TEST(Trace, KeepsEveryValueApart) {
  const NoGrad no_grad;
  Trace trace;
  relu(Var(four()) + 1.0);
  EXPECT_EQ(trace.calls()[0].output.values<float>(), (std::vector<float>{-2, 0, 2, 4}));
  EXPECT_EQ(trace.calls()[1].output.values<float>(), (std::vector<float>{0, 0, 2, 4}));
}

TEST(Trace, TheOutermostModuleNamesAValue) {
  Trace trace;
  const Var y = relu(Var(four()));
  trace.name(y.value(), "block.relu");
  trace.name(y.value(), "block");
  trace.name(four(), "nobody");
  EXPECT_EQ(trace.calls()[0].path, "block");
}

TEST(Trace, EndsWithItsScopeAndRefusesOptionsOfOthers) {
  const Var x(four());
  {
    Trace outer;
    {
      Trace inner;
      relu(x);
      EXPECT_EQ(inner.calls().size(), 1U);
    }
    EXPECT_TRUE(outer.calls().empty());
    relu(x);
    EXPECT_EQ(outer.calls().size(), 1U);
    expect_error([&] { described(x, 1); }, "a value that the last operator did not make");
  }
  EXPECT_EQ(Trace::active(), nullptr);
  EXPECT_TRUE(described(x, 1).value().same_view(x.value()));
}

}  // namespace
}  // namespace clearcut
