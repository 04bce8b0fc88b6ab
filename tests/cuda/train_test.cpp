// A small network trained on the emulated device: its numbers stay there for whole steps, and the losses are
// those of Reference in double.
#include <gtest/gtest.h>

#include <vector>

#include "autograd/arithmetic.h"
#include "autograd/batch_norm.h"
#include "autograd/elementwise.h"
#include "autograd/matmul.h"
#include "autograd/reduce.h"
#include "autograd/softmax.h"
#include "tensor/ops/arithmetic.h"
#include "tensor/ops/elementwise.h"
#include "tensor/random.h"
#include "tests/cuda/orders.h"

namespace clearcut {
namespace {

constexpr std::int64_t kRows = 65, kInputs = 9, kHidden = 70, kClasses = 5;  // around the tiles of 64

struct Net {
  Net(DType dtype, Device device) {
    const auto drawn = [&](const char* name, const Shape& shape, double deviation) {
      Tensor values(shape, DType::kFloat64);
      RandomStream(1, name).fill_normal(values, 0, deviation);
      return values.to(DType::kFloat32).to(dtype).to(device);  // the same numbers in float and double
    };
    x = drawn("x", {kRows, kInputs}, 1);
    Tensor labels = Tensor::zeros({kRows, kClasses}, dtype);
    on_host<Floats>("labels", Device::kCpu, dtype, [&]<class T>(auto) {
      for (std::int64_t i = 0; i < kRows; ++i) labels.data<T>()[i * kClasses + i % kClasses] = T(1);
    });
    one_hot = labels.to(device);
    running = {Tensor::zeros({kHidden}, dtype, device), Tensor::full({kHidden}, 1, dtype, device)};
    weights = {drawn("w1", {kHidden, kInputs}, 0.3),      Tensor::zeros({kHidden}, dtype, device),
               Tensor::full({kHidden}, 1, dtype, device), Tensor::zeros({kHidden}, dtype, device),
               drawn("w2", {kClasses, kHidden}, 0.3),     Tensor::zeros({kClasses}, dtype, device)};
  }

  // One step of gradient descent; the loss before it.
  Tensor step() {
    std::vector<Var> w;
    for (const Tensor& value : weights) w.emplace_back(value, true);
    const Var h =
        relu(batch_norm(linear(Var(x), w[0], w[1]), w[2], w[3], running, {.mode = BatchNormMode::kTraining}));
    const Var log_p = log_softmax(linear(h, w[4], w[5]));
    const Var loss = -sum(log_p * Var(one_hot)) / static_cast<double>(kRows);
    loss.backward();
    for (std::size_t i = 0; i < w.size(); ++i) weights[i] = ops::sub(weights[i], ops::mul(w[i].grad(), 0.5));
    return loss.value();
  }

  Tensor x, one_hot;
  RunningStatistics running;
  std::vector<Tensor> weights;
};

std::vector<double> losses(DType dtype, Device device) {
  Net net(dtype, device);
  std::vector<Tensor> kept;
  for (int i = 0; i < 3; ++i) kept.push_back(net.step());
  std::vector<double> values;
  for (const Tensor& loss : kept) values.push_back(loss.item());
  for (const Tensor& t : {net.running.mean, net.running.variance, net.weights[0], net.weights[4]})
    values.push_back(t.to(Device::kCpu)[0].reshape({-1}).to(DType::kFloat64).values<double>()[0]);
  return values;
}

// Under the last order of all_orders() host code that touched a tensor between the steps would end the
// program.
TEST(CudaTraining, ThreeStepsGiveTheLossesOfReference) {
  const std::vector<double> expected = losses(DType::kFloat64, Device::kReference);
  EXPECT_LT(expected[2], 0.9 * expected[0]) << "it learns";
  test::in_each_order([&] {
    const std::vector<double> in_double = losses(DType::kFloat64, Device::kCuda);
    const std::vector<double> in_float = losses(DType::kFloat32, Device::kCuda);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR(in_double[i], expected[i], 1e-12) << i;  // another order of summation
      EXPECT_NEAR(in_float[i], expected[i], 2e-5) << i;    // some 100 eps: three steps of four layers
    }
  });
}

}  // namespace
}  // namespace clearcut
