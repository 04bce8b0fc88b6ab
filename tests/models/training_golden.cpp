#include "tests/models/training_golden.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "tensor/safetensors.h"
#include "train/optimiser.h"

namespace clearcut::test {

namespace {

double hashed_value(std::int64_t i, std::uint32_t k, double low, double high) {
  std::uint32_t h = static_cast<std::uint32_t>(i) + 40503U * (k + 1) * 65537U;
  h = (h ^ (h >> 16)) * 0x85EBCA6BU;
  h = (h ^ (h >> 13)) * 0xC2B2AE35U;
  h ^= h >> 16;
  return low + (high - low) * (h / 4294967296.0);
}

}  // namespace

Tensor hashed(const Shape& shape, std::uint32_t k, double low, double high) {
  Tensor x(shape, DType::kFloat64);
  double* value = x.data<double>();
  for (std::int64_t i = 0; i < x.numel(); ++i) value[i] = hashed_value(i, k, low, high);
  return x;
}

Tensor drawn_labels(const Shape& shape, Device device) {
  Tensor labels(shape, DType::kInt32, device);
  auto* y = labels.data<std::int32_t>();
  for (std::int32_t i = 0; i < labels.numel(); ++i) {
    y[i] = (i / 7 + i / 480) % 6;
    if (y[i] == 5) y[i] = 255;
  }
  return labels;
}

bool is_buffer(const std::string& name) {
  return name.find("running_") != std::string::npos || name.ends_with("num_batches_tracked");
}

void set_state(Registry& registry) {
  const StateDict state = registry.state();
  for (std::uint32_t k = 0; k < state.size(); ++k) {
    const auto& [name, tensor] = state[k];
    if (is_buffer(name)) continue;
    double low = -0.25, high = 0.25;  // biases
    if (tensor.rank() >= 2) {
      high = std::sqrt(6.0 / static_cast<double>(tensor.numel() / tensor.dim(0)));
      low = -high;
    } else if (name.ends_with("weight")) {
      low = 0.5, high = 1.5;  // batch norms
    }
    tensor.copy_from(hashed(tensor.shape(), k, low, high).to(tensor.dtype()));
  }
}

double norm(const Tensor& t) {
  double squares = 0;
  for (const double v : t.to(DType::kFloat64).values<double>()) squares += v * v;
  return std::sqrt(squares);
}

void expect_close(const Tensor& got, const Tensor& expected, double tolerance, const char* what) {
  ASSERT_EQ(got.shape(), expected.shape()) << what;
  const auto a = got.to(DType::kFloat64).values<double>(), b = expected.values<double>();
  double scale = 0;
  for (const double v : b) scale = std::max(scale, std::abs(v));
  for (std::size_t i = 0; i < a.size(); ++i)
    ASSERT_NEAR(a[i], b[i], tolerance * scale) << what << ", value " << i;
}

Tensor doubles(const std::vector<double>& values) {
  return Tensor::from<double>({static_cast<std::int64_t>(values.size())}, values);
}

Golden read_golden(const std::string& name) {
  Golden golden;
  for (auto& [key, tensor] : read_safetensors("tests/golden/models/" + name + ".safetensors").tensors)
    golden[key] = tensor;
  return golden;
}

Var input_of(const Training& t) {
  return Var(hashed(t.input, 1000, -2, 2).to(t.registry.dtype()).to(t.registry.device()));
}

double product(const Tensor& gradient, std::uint32_t k) {
  double sum = 0;
  const auto add = [&](const auto* g) {
    for (std::int64_t i = 0; i < gradient.numel(); ++i) sum += g[i] * hashed_value(i, k, -1, 1);
  };
  gradient.dtype() == DType::kFloat32 ? add(gradient.data<const float>())
                                      : add(gradient.data<const double>());
  return sum;
}

namespace {

void expect_gradients(const Registry& registry, const Golden& golden, double tolerance) {
  std::vector<double> norms, first;
  for (const Param* p : registry.params()) {
    norms.push_back(norm(p->var().grad()));
    first.push_back(p->var().grad().reshape(Shape{p->value().numel()})[0].item());
  }
  expect_close(doubles(norms), golden.at("gradient_norms"), tolerance, "gradient norms");
  expect_close(doubles(first), golden.at("gradient_first"), tolerance, "first gradient values");
}

// The largest error and where, and the mean of squares.
struct Errors {
  double worst = 0, squares = 0;
  std::int64_t count = 0;
  std::string where;
  void see(double error, const std::string& place) {
    if (!(error <= worst)) worst = error, where = place;  // also NaN
    squares += error * error, ++count;
  }
  double typical() const { return std::sqrt(squares / static_cast<double>(count)); }
};

// A gradient of length |g| has products of about |g| / sqrt(3) with directions of uniform numbers in [-1, 1):
// errors are measured by |g|. Biases before a batch norm have gradients of nothing but rounding, so a
// thousandth of the largest norm is the least measure. In float32, where values are off by a share s, about
// as large a share of the ReLUs changes sides, and with them terms of the gradients: |g| moves by a few s,
// its direction by sqrt(s). Seen with s = 1e-4: norms 0.3 %, at most 1 %; products 1.3 %, at most 7 %. A
// wrong layer moves products by all they are.
void expect_gradient_products(const Registry& registry, const Golden& golden, double tolerance) {
  const auto norms = golden.at("gradient_norms").values<double>();
  const auto products = golden.at("gradient_products").values<double>();
  const double floor = 1e-3 * *std::max_element(norms.begin(), norms.end());
  ASSERT_EQ(norms.size(), registry.params().size());
  Errors of_norms, of_products;
  for (std::size_t i = 0; i < norms.size(); ++i) {
    const Param& p = *registry.params()[i];
    const double unit = std::max(norms[i], floor);
    of_norms.see(std::abs(norm(p.var().grad()) - norms[i]) / unit, p.name());
    for (std::uint32_t j = 0; j < 3; ++j)
      of_products.see(std::abs(product(p.var().grad(), 2000 + j) - products[3 * i + j]) / unit,
                      cat(p.name(), ", direction ", j));
  }
  EXPECT_LE(of_norms.typical(), 10 * tolerance);
  EXPECT_LE(of_norms.worst, 50 * tolerance) << of_norms.where;
  EXPECT_LE(of_products.typical(), std::sqrt(tolerance));
  EXPECT_LE(of_products.worst, 10 * std::sqrt(tolerance)) << of_products.where;
}

}  // namespace

void expect_as_pytorch(const Training& t, const Precision& precision) {
  const double tolerance = precision.tolerance;
  const Golden golden = read_golden(t.golden);
  set_state(t.registry);
  const Var x = input_of(t);
  expect_close(t.logits(x).value(), golden.at("evaluation"), tolerance, "logits in evaluation");
  t.registry.mode.training = true;
  Sgd optimiser(t.registry, {.momentum = 0.9, .groups = {.weight_decay = 1e-4}});
  std::vector<double> losses, norms;
  for (int step = 0; step < precision.steps; ++step) {
    t.registry.zero_grad();
    Var logits;
    const Var loss = t.loss(x, &logits);
    loss.backward();
    losses.push_back(loss.value().item());
    if (step == 0) {
      expect_close(logits.value(), golden.at("logits"), tolerance, "logits in training");
      expect_gradients(t.registry, golden, 10 * tolerance);
    }
    optimiser.step(t.rate);
  }
  for (const auto& [name, tensor] : t.registry.state()) norms.push_back(norm(tensor));
  expect_close(doubles(losses), golden.at("losses").slice(0, precision.steps), 100 * tolerance, "losses");
  if (precision.steps < golden.at("losses").dim(0)) return;
  expect_close(doubles(norms), golden.at("state_norms"), 100 * tolerance, "state after the last step");
}

void expect_step_as_pytorch(const Training& t, const Precision& precision) {
  const Golden golden = read_golden(t.golden);
  set_state(t.registry);
  t.registry.mode.training = true;
  Var logits;
  const Var loss = t.loss(input_of(t), &logits);
  loss.backward();
  std::vector<double> running;
  for (const auto& [name, tensor] : t.registry.state())
    if (is_buffer(name)) running.push_back(norm(tensor));
  expect_close(logits.value(), golden.at("logits"), precision.tolerance, "logits in training");
  expect_close(loss.value().reshape(Shape{1}), golden.at("losses"), precision.tolerance, "loss");
  expect_close(doubles(running), golden.at("running_norms"), precision.tolerance, "running statistics");
  expect_gradient_products(t.registry, golden, precision.tolerance);
}

}  // namespace clearcut::test
