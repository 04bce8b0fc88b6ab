// Every instruction set that this processor runs, on sizes that cut c into many tasks and k into blocks.
#include "tensor/cpu/isa.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>

#include "tensor/ops/conv2d.h"
#include "tensor/ops/matmul.h"
#include "tensor/ops/max_pool2d.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace clearcut {
namespace {

Tensor normal(const Shape& shape, const char* purpose) {
  Tensor x(shape, DType::kFloat64);
  RandomStream(7, purpose).fill_normal(x, 0, 1);
  return x.to(DType::kFloat32);
}

// Float sums of `terms` products of normal numbers: eps * sqrt(terms) * their size, sqrt(terms); times 8 for
// the largest of many.
void expect_near_reference(const Tensor& got, const Tensor& expected, double terms, const std::string& what) {
  ASSERT_EQ(got.shape(), expected.shape()) << what;
  const auto a = got.to(DType::kFloat64).values<double>(), b = expected.values<double>();
  const double tolerance = 8 * 1.2e-7 * terms;
  std::size_t worst = 0;  // a NaN is the worst
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!(std::abs(a[i] - b[i]) <= std::abs(a[worst] - b[worst]))) worst = i;
  if (a.empty()) return;
  EXPECT_NEAR(a[worst], b[worst], tolerance) << what << ", element " << worst;
}

Tensor exact(const Tensor& x) { return x.to(DType::kFloat64).to(Device::kReference); }

class EachIsa : public testing::TestWithParam<std::string_view> {
 protected:
  void SetUp() override { set_isa(GetParam()); }
  void TearDown() override { set_isa(""); }
};

struct Sizes {
  std::int64_t M, K, N;
};

TEST_P(EachIsa, MatmulIsReference) {
  for (const Sizes s : {Sizes{67, 801, 163},
                        {1, 1000, 101},
                        {3, 77, 201},
                        {9, 440, 130},
                        {300, 70, 1},
                        {70, 5, 2},
                        {17, 1, 1000}})
    for (const bool ta : {false, true})
      for (const bool tb : {false, true}) {
        const Tensor a = normal(ta ? Shape{s.K, s.M} : Shape{s.M, s.K}, "a");
        const Tensor b = normal(tb ? Shape{s.N, s.K} : Shape{s.K, s.N}, "b");
        const MatmulOptions options{.transpose_a = ta, .transpose_b = tb};
        expect_near_reference(ops::matmul(a, b, options), ops::matmul(exact(a), exact(b), options),
                              static_cast<double>(s.K), cat(s.M, "x", s.K, "x", s.N, " ", ta, tb));
      }
}

TEST_P(EachIsa, MatmulOfNothing) {
  EXPECT_EQ(ops::matmul(Tensor::zeros({2, 0}), Tensor::zeros({0, 20})).values<float>(),
            std::vector<float>(40, 0.0f));
  EXPECT_EQ(ops::matmul(Tensor::zeros({0, 3}), Tensor::zeros({3, 4})).numel(), 0);
}

TEST_P(EachIsa, MatmulHasTheSameBitsForAnyThreadsAndOtherColumns) {
  const Tensor a = normal({100, 900}, "a"), b = normal({900, 700}, "b");
  const int before = threads();
  set_threads(1);
  const auto one = ops::matmul(a, b).values<float>();
  set_threads(3);
  EXPECT_EQ(ops::matmul(a, b).values<float>(), one);
  set_threads(before);
  // Column 0 alone with 64 others, so that the same path runs, keeps its bits.
  std::vector<float> left;
  for (std::int64_t k = 0; k < 900; ++k)
    for (std::int64_t n = 0; n < 65; ++n) left.push_back(b.data<const float>()[k * 700 + n]);
  const auto few = ops::matmul(a, Tensor::from({900, 65}, left)).values<float>();
  for (std::size_t m = 0; m < 100; ++m) EXPECT_EQ(few[m * 65], one[m * 700]);
}

// Sizes that make several panels, k blocks, images at a time and chunks of planes.
struct ConvCase {
  Shape x, w;
  ConvOptions o;
};
const std::vector<ConvCase> kConvCases = {
    {{2, 47, 9, 13}, {21, 47, 3, 3}, {.padding = 1}},
    {{2, 3, 41, 38}, {19, 3, 7, 7}, {.stride = 2, .padding = 3}},
    {{2, 70, 9, 11}, {50, 70, 1, 1}, {}},
    {{2, 50, 15, 14}, {33, 50, 1, 1}, {.stride = 2}},
    {{5, 20, 3, 3}, {30, 20, 3, 3}, {.padding = 1}},
    {{1, 12, 19, 18}, {10, 12, 3, 3}, {.padding = 4, .dilation = 4}},
    {{2, 24, 20, 21}, {36, 8, 3, 3}, {.stride = {2, 1}, .padding = {0, 1, 1, 2}, .groups = 3}},
    {{20, 30, 4, 5}, {9, 30, 3, 3}, {.padding = 1}},   // one image shares its channels among tasks, 20 do not
    {{1, 4, 12, 13}, {5, 4, 2, 2}, {.stride = 3}},     // pixels that no tap reads
    {{2, 5, 330, 330}, {2, 5, 3, 2}, {.padding = 1}},  // copies of the input beyond one group of images
    {{2, 40, 45, 61}, {40, 1, 3, 3}, {.padding = 1, .groups = 40}},
    {{2, 40, 46, 61}, {40, 1, 3, 3}, {.stride = 2, .padding = {0, 0, 1, 1}, .groups = 40}},
    {{3, 9, 7, 7}, {9, 1, 5, 5}, {.padding = 2, .groups = 9}},
    {{1, 6, 12, 70}, {6, 1, 2, 3}, {.groups = 6}},  // no padding: the map is read in place
    {{1, 6, 12, 20}, {6, 1, 3, 3}, {.stride = 3, .padding = {5, 0, 0, 6}, .dilation = 2, .groups = 6}},
};

struct ConvResult {
  Tensor y, dx, dw;
};
ConvResult run_conv(const ConvCase& c, const Tensor& x, const Tensor& w, const Tensor& bias,
                    const Tensor& dy) {
  return {ops::conv2d(x, w, bias, c.o), ops::conv2d_backward_input(dy, w, c.x, c.o),
          ops::conv2d_backward_weight(dy, x, c.w, c.o)};
}

// Reference is slow: each case runs once for all instruction sets.
const ConvResult& reference_of(std::size_t i, const Tensor& x, const Tensor& w, const Tensor& bias,
                               const Tensor& dy) {
  static std::map<std::size_t, ConvResult> results;
  if (results.count(i) == 0) results[i] = run_conv(kConvCases[i], exact(x), exact(w), exact(bias), exact(dy));
  return results[i];
}

TEST_P(EachIsa, Conv2dIsReference) {
  for (std::size_t i = 0; i < kConvCases.size(); ++i) {
    const ConvCase& c = kConvCases[i];
    const Shape y = ops::conv2d_shape(c.x, c.w, c.o);
    const Tensor x = normal(c.x, "x"), w = normal(c.w, "w"), bias = normal({c.w[0]}, "bias"),
                 dy = normal(y, "dy");
    const ConvResult got = run_conv(c, x, w, bias, dy);
    const ConvResult& expected = reference_of(i, x, w, bias, dy);
    const double kernel = static_cast<double>(c.w[2] * c.w[3]);
    expect_near_reference(got.y, expected.y, static_cast<double>(c.w[1]) * kernel + 1, cat("y of case ", i));
    expect_near_reference(got.dx, expected.dx, static_cast<double>(c.w[0] / c.o.groups) * kernel,
                          cat("dx of case ", i));
    expect_near_reference(got.dw, expected.dw, static_cast<double>(y[0] * y[2] * y[3]),
                          cat("dw of case ", i));
  }
}

TEST_P(EachIsa, Conv2dHasTheSameBitsForAnyThreadsAndForwardForAnyBatch) {
  const int before = threads();
  for (std::size_t i = 0; i < kConvCases.size(); ++i) {
    const ConvCase& c = kConvCases[i];
    const Tensor x = normal(c.x, "x"), w = normal(c.w, "w"), bias = normal({c.w[0]}, "bias");
    const Tensor dy = normal(ops::conv2d_shape(c.x, c.w, c.o), "dy");
    set_threads(1);
    const ConvResult one = run_conv(c, x, w, bias, dy);
    set_threads(3);
    const ConvResult many = run_conv(c, x, w, bias, dy);
    EXPECT_EQ(one.y.values<float>(), many.y.values<float>()) << "case " << i;
    EXPECT_EQ(one.dx.values<float>(), many.dx.values<float>()) << "case " << i;
    EXPECT_EQ(one.dw.values<float>(), many.dw.values<float>()) << "case " << i;
    const std::int64_t last = c.x[0] - 1;
    EXPECT_EQ(ops::conv2d(x.slice(last, last + 1), w, bias, c.o).values<float>(),
              one.y.slice(last, last + 1).values<float>())
        << "case " << i;
    EXPECT_EQ(ops::conv2d_backward_input(dy.slice(last, last + 1), w, c.x.with(0, 1), c.o).values<float>(),
              one.dx.slice(last, last + 1).values<float>())
        << "case " << i;
  }
  set_threads(before);
}

TEST_P(EachIsa, Conv2dOfNoImages) {
  const Tensor x = Tensor::zeros({0, 3, 8, 8}), w = Tensor::full({4, 3, 3, 3}, 1.0);
  EXPECT_EQ(ops::conv2d(x, w).shape(), Shape({0, 4, 6, 6}));
  EXPECT_EQ(ops::conv2d_backward_input(Tensor::zeros({0, 4, 6, 6}), w, x.shape()).numel(), 0);
  EXPECT_EQ(ops::conv2d_backward_weight(Tensor::zeros({0, 4, 6, 6}), x, w.shape()).values<float>(),
            std::vector<float>(108, 0.0f));
}

// Values are picked, not computed: equal to the last bit, ties and NaN included.
TEST_P(EachIsa, MaxPoolIsReference) {
  const std::vector<ops::MaxPoolOptions> cases = {{.kernel = 3, .stride = 2},
                                                  {.kernel = 3, .stride = 1, .padding = 1},
                                                  {.kernel = {2, 5}, .stride = 2, .padding = {1, 2, 0, 1}},
                                                  {.kernel = 2, .stride = 3},
                                                  {.kernel = 3, .stride = 2, .padding = 1, .dilation = 2}};
  for (const std::int64_t width : {9, 34, 37, 67}) {
    const Tensor x = normal({2, 3, 11, width}, "x");
    float* values = x.data<float>();
    for (std::int64_t i = 0; i < x.numel(); ++i) values[i] = std::round(2 * values[i]);
    values[5] = values[100] = NAN;
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const ops::MaxPooled got = ops::max_pool2d(x, cases[i]);
      const ops::MaxPooled expected = ops::max_pool2d(x.to(Device::kReference), cases[i]);
      EXPECT_EQ(got.index.values<std::int32_t>(), expected.index.values<std::int32_t>())
          << "case " << i << ", width " << width;
      const auto a = got.y.values<float>(), b = expected.y.values<float>();
      ASSERT_EQ(a.size(), b.size());
      EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)), 0) << "case " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isa, EachIsa, testing::ValuesIn(supported_isas()),
                         [](const testing::TestParamInfo<std::string_view>& row) {
                           return std::string(row.param);
                         });

TEST(Isa, AnUnknownSetIsAnError) {
  const std::string_view before = isa_table().name;
  try {
    set_isa("avx1024");
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("must be baseline, avx2 or avx512; got 'avx1024'"),
              std::string::npos);
  }
  EXPECT_EQ(isa_table().name, before);
}

TEST(Isa, TheEnvironmentChooses) {
  const char* old = std::getenv("CLEARCUT_ISA");
  const std::string kept = old ? old : "";
  setenv("CLEARCUT_ISA", "baseline", 1);
  set_isa("");
  EXPECT_EQ(isa_table().name, "baseline");
  setenv("CLEARCUT_ISA", "sse9", 1);
  EXPECT_THROW(set_isa(""), Error);
  old ? setenv("CLEARCUT_ISA", kept.c_str(), 1) : unsetenv("CLEARCUT_ISA");
  set_isa("");
}

}  // namespace
}  // namespace clearcut
