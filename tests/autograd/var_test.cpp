#include "autograd/var.h"

#include <gtest/gtest.h>

#include "autograd/arithmetic.h"
#include "autograd/leaf_ready.h"
#include "autograd/recompute.h"
#include "autograd/reduce.h"
#include "tensor/ops/arithmetic.h"
#include "tensor/ops/elementwise.h"
#include "tests/errors.h"

namespace clearcut {
namespace {

using Doubles = std::vector<double>;

Var leaf(const Shape& shape, const Doubles& values) { return Var(Tensor::from<double>(shape, values), true); }
Doubles grad(const Var& x) { return x.grad().values<double>(); }

TEST(Var, DerivativeOfAFormula) {
  const Var x = leaf({2}, {3, -2});
  sum(x * x * 2 + x).backward();  // 4 x + 1
  EXPECT_EQ(grad(x), (Doubles{13, -7}));
}

TEST(Var, GradientsOfSeveralUsesAndWalksAddUp) {
  const Var x = leaf({1}, {3}), y = leaf({1}, {5});
  const Var shared = x * y;
  (shared + shared * x).backward();  // y + 2 x y; x + x^2
  EXPECT_EQ(grad(x), (Doubles{35}));
  EXPECT_EQ(grad(y), (Doubles{12}));
  (x * 2).backward();
  EXPECT_EQ(grad(x), (Doubles{37}));
  x.zero_grad();
  EXPECT_FALSE(x.grad().defined());
}

// a is read first and last, b only last: b is complete first. Inside recompute() nothing is told.
TEST(LeafReady, TellsOfEachLeafWhenItsLastReaderRan) {
  const Var a = leaf({1}, {3}), b = leaf({1}, {5}), c = leaf({1}, {2});
  std::vector<std::pair<char, double>> told;
  const auto name = [&](const Node& node) {
    return &node == a.node().get() ? 'a' : &node == b.node().get() ? 'b' : 'c';
  };
  const Var y = recompute([&](const Var& x) { return x * c; }, a * 2) * b + a;
  {
    const LeafReady listener([&](Node& node) {
      told.emplace_back(name(node), node.grad.item());
      node.grad = node.grad.clone();
    });
    sum(y).backward();  // y = 2 a c b + a
  }
  EXPECT_EQ(told, (std::vector<std::pair<char, double>>{{'b', 12}, {'a', 21}}));
  EXPECT_EQ(grad(c), (Doubles{30}));
  sum(a * b).backward();  // nobody listens any more
  EXPECT_EQ(told.size(), 2U);
}

// z = 3 relu(x) y: the rule doubles what relu passes back and says whom it saw.
TEST(Var, AWalkByAnotherRule) {
  const Var x = leaf({2}, {3, -2}), y = leaf({2}, {5, 7});
  std::vector<std::string> seen;
  sum(relu(x) * y * 3)
      .backward(Tensor::full({}, 1, DType::kFloat64),
                [&](const Node& node, const Tensor& dy, const Need& need) {
                  seen.emplace_back(node.op);
                  Grads grads = node.backward(dy, need);
                  if (seen.back() == "relu") grads[0] = ops::mul(grads[0], 2.0);
                  return grads;
                });
  EXPECT_EQ(seen, (std::vector<std::string>{"sum", "mul", "mul", "relu"}));
  EXPECT_EQ(grad(x), (Doubles{30, 0}));
  EXPECT_EQ(grad(y), (Doubles{9, 0}));
}

TEST(Var, BroadcastGradientsAreSummed) {
  const Var a = leaf({2, 1}, {1, 2}), b = leaf({3}, {3, 4, 5}), c = leaf({}, {2});
  sum(a * b + c).backward();
  EXPECT_EQ(grad(a), (Doubles{12, 12}));
  EXPECT_EQ(grad(b), (Doubles{3, 3, 3}));
  EXPECT_EQ(grad(c), (Doubles{6}));
  EXPECT_EQ(c.grad().shape(), Shape{});
}

TEST(Var, OneGradientHandedToTwoInputsIsNotAddedTwice) {
  const Var x = leaf({1}, {1});
  const Var y = x + x;     // add returns the same tensor for both inputs
  (y + y * 3).backward();  // and y gathers two gradients
  EXPECT_EQ(grad(x), (Doubles{8}));
}

TEST(Var, BackwardWithAGradientOfTheResult) {
  const Var x = leaf({2}, {3, 4});
  square(x).backward(Tensor::from<double>({2}, {1, 10}));
  EXPECT_EQ(grad(x), (Doubles{6, 80}));
  expect_error([&] { square(x).backward(); }, "without dy the value must have one element, got [2]");
  expect_error([&] { square(x).backward(Tensor::zeros({3}, DType::kFloat64)); },
               "dy must be [2] float64; got [3] float64");
}

TEST(Var, StaleSavedValueNamesBothOperators) {
  const Var x = leaf({2}, {1, 2}), w = leaf({2}, {3, 4});
  const Var y = sum(x * w);
  w.value().copy_from(Tensor::zeros({2}, DType::kFloat64), "sgd");
  expect_error([&] { y.backward(); },
               "mul: a value saved for its backward pass, [2], was overwritten by sgd after it was recorded");
  x.value().data<double>();
  const Var z = sum(exp(x));  // exp keeps its result only: writing to x is fine
  x.value().data<double>()[0] = 7;
  z.backward();
}

TEST(Var, ATapeRunsOnce) {
  const Var x = leaf({1}, {2});
  const Var y = exp(x), z = y * 2;
  z.backward();
  expect_error([&] { z.backward(); }, "mul: its tape was freed by an earlier backward()");
  expect_error([&] { (y * 3).backward(); }, "exp: its tape was freed by an earlier backward()");
}

TEST(Var, NoGradKeepsNoTape) {
  const Var x = leaf({1}, {2});
  {
    const NoGrad guard;
    const Var y = exp(x);
    EXPECT_FALSE(y.requires_grad());
    { const NoGrad inner; }
    EXPECT_TRUE(NoGrad::active());
    expect_error([&] { y.backward(); }, "nothing to differentiate");
  }
  EXPECT_FALSE(NoGrad::active());
  EXPECT_TRUE(exp(x).requires_grad());
  EXPECT_FALSE((exp(x.detach()) * 2).requires_grad());
}

TEST(Var, OnlyWhatNeedsAGradientGetsOne) {
  const Var x = leaf({1}, {2});
  const Var constant(Tensor::from<double>({1}, {5}));
  (x * constant).backward();
  EXPECT_EQ(grad(x), (Doubles{5}));
  expect_error([&] { constant.grad(); }, "made without requires_grad");
  expect_error([] { Var(Tensor::zeros({1}, DType::kInt32), true); }, "only float32 and float64");
}

TEST(Var, KeepGradOfAnInnerValue) {
  const Var x = leaf({1}, {2});
  const Var y = x * 3;
  const Var other = x * 5;
  y.keep_grad();
  (y * y + other).backward();  // 2 y
  EXPECT_EQ(grad(y), (Doubles{12}));
  EXPECT_FALSE(other.grad().defined());
}

TEST(Var, BadGradientsAreRefusedByName) {
  const Var x = leaf({2}, {1, 2});
  const auto run = [&](const Grads& grads) {
    record("myop", x.value().clone(), {x}, [grads](const Tensor&, const Need&) {
      return grads;
    }).backward(Tensor::zeros({2}, DType::kFloat64));
  };
  expect_error([&] { run({}); }, "myop: backward returned 0 gradients for 1 inputs");
  expect_error([&] { run({Tensor()}); }, "myop: backward returned no gradient for input 0");
  expect_error([&] { run({Tensor::zeros({2})}); },
               "myop: backward: gradient of input 0 must be float64 on cpu");
  expect_error([&] { run({Tensor::zeros({3}, DType::kFloat64)}); },
               "myop: backward: gradient of input 0: sum_to: shapes [3] and [2] do not");
}

Var long_chain(const Var& x) {
  Var y = x;
  for (int i = 0; i < 100000; ++i) y = y + 1;
  return y;
}

TEST(Var, DeepChainsNeedNoStack) {
  const Var x = leaf({1}, {0});
  const Var y = long_chain(x);
  EXPECT_EQ(y.value().item(), 100000);
  y.backward();
  EXPECT_EQ(grad(x), (Doubles{1}));
}

TEST(Var, DeepChainsThatWereNeverWalkedAreFreed) {
  const Var x = leaf({1}, {0});
  { const Var y = long_chain(x); }
  { const Var y = long_chain(x) + long_chain(x); }
  EXPECT_EQ(x.node().use_count(), 1);
}

// y = 3 x is made again, once, for the two who saved it, and freed with the last of them.
TEST(Rebuilt, IsMadeOnceForAllWhoSavedIt) {
  int made = 0;
  const Var x(Tensor::from<double>({2}, {1, -2}), true);
  const auto again = std::make_shared<Rebuilt>([&made, x = save(x)] {
    ++made;
    return ops::mul(x, 3);
  });
  const Var y = (x * 3).rebuilt_by(again);
  const Var z = y * y + y * y;
  EXPECT_EQ(made, 0);
  sum(z).backward();
  EXPECT_EQ(made, 1);
  EXPECT_EQ(x.grad().values<double>(), (std::vector<double>{36, -72}));  // d(2 * 9 x^2) = 36 x
}

TEST(Rebuilt, FromAnOverwrittenValueIsAnError) {
  const Var x(Tensor::from<double>({2}, {1, -2}), true);
  const auto again = std::make_shared<Rebuilt>([x = save(x)] { return ops::mul(x, 3); });
  const Var y = (x * 3).rebuilt_by(again);
  const Var z = y * y;
  y.value().data<double>()[0] = 7;  // harmless: y is not what was kept
  x.value().data<double>()[0] = 5;
  EXPECT_THROW(sum(z).backward(), Error);
}

}  // namespace
}  // namespace clearcut
