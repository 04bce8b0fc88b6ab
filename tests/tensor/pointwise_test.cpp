// The pointwise loops of every instruction set at the edges of their functions, and at every position.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "tensor/cpu/isa.h"
#include "tensor/ops/clamp_mask.h"
#include "tensor/ops/elementwise.h"
#include "tensor/ops/softmax.h"
#include "tensor/random.h"
#include "tests/errors.h"

namespace clearcut {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity(), kNaN = std::numeric_limits<float>::quiet_NaN();

class PointwiseIsa : public testing::TestWithParam<std::string_view> {
 protected:
  void SetUp() override { set_isa(GetParam()); }
  void TearDown() override { set_isa(""); }
};

// x stands at every place of a row of 40: in whole vectors and in the rest behind them.
template <class F>
void expect_at(const char* name, const F& f, float x, float expected, double relative) {
  const Tensor y = f(Tensor::full({40}, static_cast<double>(x)));
  for (const float v : y.values<float>()) {
    if (std::isnan(expected))
      EXPECT_TRUE(std::isnan(v)) << name << "(" << x << ") = " << v;
    else if (std::isinf(expected) || expected == 0)
      EXPECT_EQ(v, expected) << name << "(" << x << ")";
    else
      EXPECT_NEAR(v, expected, relative * std::abs(expected)) << name << "(" << x << ")";
  }
}

// Expected: the functions of the C library in double, rounded. 4 ulp = 4 * 6e-8, relative.
TEST_P(PointwiseIsa, Edges) {
  const double close = 2.4e-7;
  for (const float x : {0.0f, 1.0f, -1.0f, 1e-20f, 0.3f, -0.34f, 0.35f, 5.0f, -20.0f, 87.0f, 88.5f, -87.0f,
                        100.0f, -200.0f, kInf, -kInf, kNaN}) {
    const double d = x;
    expect_at(
        "exp", [](const Tensor& t) { return ops::exp(t); }, x,
        x < -87.3f ? 0.0f : static_cast<float>(std::exp(d)), close);
    expect_at(
        "tanh", [](const Tensor& t) { return ops::tanh(t); }, x, static_cast<float>(std::tanh(d)), close);
    // The formula's 1.5e-7 of at least 0.84, and two roundings.
    expect_at(
        "erf", [](const Tensor& t) { return ops::erf(t); }, x, static_cast<float>(std::erf(d)), 3.5e-7);
    expect_at(
        "sigmoid", [](const Tensor& t) { return ops::sigmoid(t); }, x,
        x < -88.7f ? 0.0f : static_cast<float>(1 / (1 + std::exp(-d))), close);
    expect_at(
        "softplus", [](const Tensor& t) { return ops::softplus(t); }, x,
        x < -87.3f ? 0.0f : static_cast<float>(x > 50 ? d : std::log1p(std::exp(d))), close);
    expect_at(
        "relu", [](const Tensor& t) { return ops::relu(t); }, x, x < 0 ? 0.0f : x, 0);
    expect_at(
        "clamp", [](const Tensor& t) { return ops::clamp(t, -1, 6); }, x,
        std::isnan(x) ? x : std::fmin(std::fmax(x, -1.0f), 6.0f), 0);
  }
  for (const float x :
       {0.0f, -1.0f, 1.0f, 1.0001f, 0.9999f, 0.70710677f, 1e-40f, 1.1754944e-38f, 3e38f, 0.5f, kInf, kNaN})
    expect_at(
        "log", [](const Tensor& t) { return ops::log(t); }, x, static_cast<float>(std::log(double{x})),
        close);
}

// By hand: the limits themselves are shut, NaN is open. At every place of whole vectors and of the rest.
TEST_P(PointwiseIsa, AMaskHoldsBackWhatTheClampDid) {
  const std::vector<float> values = {-1, 0, 1e-30f, 3, 6, 7, kNaN, kInf, -kInf, -0.0f};
  const std::vector<float> open = {0, 0, 1, 1, 0, 0, 1, 0, 0, 0};
  for (const auto dtype : {DType::kFloat32, DType::kFloat64})
    for (std::size_t turn = 0; turn < values.size(); ++turn) {
      std::vector<float> y, expected;
      for (std::size_t i = 0; i < 53; ++i) {
        y.push_back(values[(i + turn) % values.size()]);
        expected.push_back(5 * open[(i + turn) % values.size()]);
      }
      const Tensor mask = ops::clamp_mask(Tensor::from({53}, y).to(dtype), 0, 6);
      const Tensor dy = Tensor::full({53}, 5, dtype);
      EXPECT_EQ(ops::masked(dy, mask).to(DType::kFloat32).values<float>(), expected);
      ops::mask_in_place(dy, mask);
      EXPECT_EQ(dy.to(DType::kFloat32).values<float>(), expected);
    }
}

TEST(ClampMask, WantsAMaskOfTheSameShape) {
  const Tensor dy = Tensor::zeros({2, 3});
  expect_error([&] { ops::masked(dy, dy); }, "masked: the mask must be uint8, got float32");
  expect_error(
      [&] {
        ops::masked(dy, Tensor::zeros({3, 2}, DType::kUInt8));
      },
      "dy and mask must have one shape and device; got dy [2, 3], mask [3, 2]");
}

// The bits of a value do not depend on where it stands: neighbours in a batch cannot change them.
TEST_P(PointwiseIsa, BitsDoNotDependOnThePosition) {
  const std::int64_t n = 203;
  Tensor x({n}), dy({n});
  RandomStream(1, "x").fill_uniform(x, 0.1, 3);
  RandomStream(1, "dy").fill_normal(dy, 0, 1);
  const auto compare = [&](const char* name, const auto& f) {
    const auto whole = f(x, dy).template values<float>();
    for (const std::int64_t begin : {1, 2, 7, 13, 31, 100}) {
      const auto part = f(x.slice(begin, n).clone(), dy.slice(begin, n).clone()).template values<float>();
      for (std::size_t i = 0; i < part.size(); ++i)
        ASSERT_EQ(std::bit_cast<std::uint32_t>(part[i]),
                  std::bit_cast<std::uint32_t>(whole[i + static_cast<std::size_t>(begin)]))
            << name << ", element " << i << " of the part from " << begin;
    }
  };
#define COMPARE(name, ...)                                                                                \
  compare(#name, [](const Tensor& t, const Tensor&) { return ops::name(t __VA_OPT__(, ) __VA_ARGS__); }); \
  compare(#name " backward", [](const Tensor& t, const Tensor& g) {                                       \
    return ops::pointwise_backward(pointwise::name{__VA_ARGS__}, g, t);                                   \
  });
#define OP(name, ...) COMPARE(name)
#define OP1(name, ...) COMPARE(name, 0.3)
#define OP2(name, ...) COMPARE(name, 0.5, 2.0)
#include "tensor/elementwise.def"
#undef COMPARE
}

TEST_P(PointwiseIsa, SoftmaxOfNaNAndInfinity) {
  Tensor x = Tensor::zeros({3, 70});
  x[0].data<float>()[69] = kNaN;
  x[1].data<float>()[3] = -kInf;
  x[2].data<float>()[5] = 1000;
  const Tensor y = ops::softmax(x, 1);
  for (const float v : y[0].values<float>()) EXPECT_TRUE(std::isnan(v));
  EXPECT_EQ(y[1][3].item(), 0);
  EXPECT_NEAR(y[1][0].item(), 1.0 / 69, 1e-8);
  EXPECT_EQ(y[2][5].item(), 1);
}

INSTANTIATE_TEST_SUITE_P(Of, PointwiseIsa, testing::ValuesIn(supported_isas()),
                         [](const auto& isa) { return std::string(isa.param); });

}  // namespace
}  // namespace clearcut
