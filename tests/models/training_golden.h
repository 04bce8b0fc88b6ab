// Networks against PyTorch: logits, gradients, training losses and the state after them.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "nn/module.h"

namespace clearcut::test {

/// Value i of tensor k: murmur3's finaliser of i + 40503 (k + 1) * 65537 as a fraction of 2^32, in [low,
/// high); float64. hashed() of tests/golden/models/steps.py makes the same numbers.
Tensor hashed(const Shape& shape, std::uint32_t k, double low, double high);

/// The tolerance is that of the first step; along ten steps errors grow, about a hundredfold.
struct Precision {
  Device device;
  DType dtype;
  double tolerance;
  int steps;
};
// Double: sums in another order. Float: 1e-7 per operation through some 20 or 60 layers with batch norms.
constexpr Precision exact(int steps) { return {Device::kReference, DType::kFloat64, 1e-10, steps}; }
constexpr Precision fast(double tolerance, int steps) {
  return {Device::kCpu, DType::kFloat32, tolerance, steps};
}

/// One network: how to run it, and its golden file, tests/golden/models/GOLDEN.safetensors.
struct Training {
  std::string golden;
  Registry& registry;
  std::function<Var(const Var&)> logits;             // the main output
  std::function<Var(const Var&, Var* logits)> loss;  // and the main output
  Shape input;
  double rate;
};

// Parts of the checks below, for tests that compare other things.
using Golden = std::map<std::string, Tensor>;
Golden read_golden(const std::string& name);
bool is_buffer(const std::string& name);  // part of the state, but not trained
void set_state(Registry& registry);       // hashed values for all that is trained
Var input_of(const Training& t);
double norm(const Tensor& t);
double product(const Tensor& gradient, std::uint32_t k);  // with tensor k of hashed values in [-1, 1)
Tensor doubles(const std::vector<double>& values);
/// |got - expected| <= tolerance * (largest expected value).
void expect_close(const Tensor& got, const Tensor& expected, double tolerance, const char* what);

/// int32 labels: runs of 7 pixels in classes 0 to 4 and 255; drawn_labels() of steps.py.
Tensor drawn_labels(const Shape& shape, Device device);

/// Sets all weights to hashed values and trains on one fixed batch with SGD (momentum 0.9, weight decay 1e-4)
/// as run() of tests/golden/models/steps.py did.
void expect_as_pytorch(const Training& t, const Precision& precision);

/// One step in training mode, as run_full() of steps.py did it: logits, loss, norms of the running
/// statistics, and of each parameter's gradient the norm and its products with three hashed directions.
void expect_step_as_pytorch(const Training& t, const Precision& precision);

}  // namespace clearcut::test
