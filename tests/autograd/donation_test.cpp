// Temporaries and gradients whose storage a pointwise operator takes over, and all those that it must leave
// alone.
#include <gtest/gtest.h>

#include "autograd/arithmetic.h"
#include "autograd/reduce.h"
#include "autograd/softmax.h"
#include "nn/module.h"
#include "tensor/memory.h"

namespace clearcut {
namespace {

using Doubles = std::vector<double>;

Var leaf(const Doubles& values) {
  return Var(Tensor::from<double>({static_cast<std::int64_t>(values.size())}, values), true);
}
const void* address(const Var& x) { return x.value().data<const double>(); }

TEST(Donation, ATemporaryIsTakenOver) {
  const Var x = leaf({-1, 2});
  Var y = x * 3;
  const void* storage = address(y);
  const Var z = relu(std::move(y));
  EXPECT_EQ(address(z), storage);
  EXPECT_EQ(z.value().values<double>(), (Doubles{0, 6}));
  sum(z).backward();
  EXPECT_EQ(x.grad().values<double>(), (Doubles{0, 3}));
}

TEST(Donation, SharedValuesStay) {
  const Var x = leaf({-1, 2});
  Var y = x * 3;
  const Var other = y;                            // a second handle
  const Tensor view = y.value().reshape({2, 1});  // and a view
  EXPECT_NE(address(relu(std::move(y))), address(other));
  EXPECT_EQ(other.value().values<double>(), (Doubles{-3, 6}));
}

TEST(Donation, ASavedValueStays) {
  const Var x = leaf({0.5, 0.25});
  sum(relu(softmax(x, 0))).backward();                  // softmax saved its result
  EXPECT_NEAR(x.grad().values<double>()[0], 0, 1e-16);  // probabilities sum to 1 whatever x is
}

TEST(Donation, AnOperatorThatNeedsItsInputLeavesIt) {
  const Var x = leaf({3, 4});
  Var y = x * 1;
  const void* storage = address(y);
  const Var z = square(std::move(y));
  EXPECT_NE(address(z), storage);
  sum(z).backward();
  EXPECT_EQ(x.grad().values<double>(), (Doubles{6, 8}));
  const NoGrad guard;  // without a tape nothing is needed
  Var u = x * 1;
  storage = address(u);
  EXPECT_EQ(address(square(std::move(u))), storage);
}

TEST(Donation, ALeafKeepsItsNumbers) {
  const Tensor numbers = Tensor::from<double>({2}, {-1, 1});
  EXPECT_EQ(relu(Var(numbers, true)).value().values<double>(), (Doubles{0, 1}));
  EXPECT_EQ(numbers.values<double>(), (Doubles{-1, 1}));
  Registry registry(1, Device::kCpu, DType::kFloat64);
  const Param weight(registry.scope() / "w", numbers);
  EXPECT_EQ(relu(weight).value().values<double>(), (Doubles{0, 1}));
  EXPECT_EQ(weight.value().values<double>(), (Doubles{-1, 1}));
}

TEST(Donation, ATapKeepsItsActivation) {
  Registry registry(1, Device::kCpu, DType::kFloat64);
  const Tap tap(registry, "layer");
  const Var x = leaf({-1, 2});
  const Var y = relu(registry.observe("layer", x * 3));
  EXPECT_EQ(tap.activation().values<double>(), (Doubles{-3, 6}));
  EXPECT_EQ(y.value().values<double>(), (Doubles{0, 6}));
}

TEST(Donation, AGradientThatNobodyHoldsIsTakenOver) {
  const Var x(Tensor::zeros({1 << 20}), true);
  const Var y = relu(relu(relu(x)));
  const Tensor dy = Tensor::zeros({1 << 20});
  const PeakMeter meter;
  y.backward(dy);
  EXPECT_LT(meter.bytes_above_start(), std::size_t{2} * 4 << 20);  // one gradient of 4 MiB, not two
}

TEST(Donation, AGradientThatIsHeldStays) {
  const Var x = leaf({-1, 2});
  const Var y = relu(x);
  const Var z = neg(y);
  y.keep_grad();
  const Tensor dz = Tensor::from<double>({2}, {3, 4});
  z.backward(dz);
  EXPECT_EQ(dz.values<double>(), (Doubles{3, 4}));  // the caller's
  EXPECT_EQ(y.grad().values<double>(), (Doubles{-3, -4}));
  EXPECT_EQ(x.grad().values<double>(), (Doubles{0, -4}));
}

TEST(Donation, AGradientThatTwoInputsShareStaysUntilTheLastReadIt) {
  const Var x = leaf({-1, 2}), w = leaf({1, -2});
  sum((relu(x) + relu(w)) * 5).backward();  // + hands the same gradient to both
  EXPECT_EQ(x.grad().values<double>(), (Doubles{0, 5}));
  EXPECT_EQ(w.grad().values<double>(), (Doubles{5, 0}));
}

}  // namespace
}  // namespace clearcut
