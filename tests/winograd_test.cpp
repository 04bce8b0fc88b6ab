// Winograd's convolution where it could go wrong, and the bound on its error that lets it be the default.
#include <algorithm>

#include "tensor/cpu/conv/kernel.h"
#include "tensor/kernel_wishes.h"
#include "tensor/ops/conv2d.h"
#include "tensor/parallel.h"
#include "tests/each_isa.h"

namespace clearcut {
namespace {

struct Case {
  Shape x, w;
  ConvOptions o;
};
const std::vector<Case> kCases = {
    {{2, 3, 1, 1}, {5, 3, 3, 3}, {.padding = 1}},               // one pixel
    {{1, 4, 3, 3}, {2, 4, 3, 3}, {}},                           // one output pixel, no padding
    {{2, 17, 14, 14}, {18, 17, 3, 3}, {.padding = 1}},          // tiles cut off at two sides
    {{1, 5, 29, 31}, {7, 5, 3, 3}, {.padding = {2, 0, 1, 2}}},  // each side its own padding
    {{1, 3, 6, 70}, {4, 3, 3, 3}, {.padding = {3, 4, 3, 4}}},   // more padding than the kernel needs
    {{3, 20, 28, 28}, {18, 20, 3, 3}, {.padding = 2, .dilation = 2}},
    {{1, 6, 13, 22}, {5, 6, 3, 3}, {.padding = {0, 3, 2, 1}, .dilation = {1, 3}}},
    {{1, 6, 13, 13}, {5, 6, 3, 3}, {.padding = 12, .dilation = 12}},  // phases of one or two pixels
    {{2, 12, 9, 10}, {8, 6, 3, 3}, {.padding = 1, .groups = 2}},
    {{1, 300, 6, 5}, {10, 300, 3, 3}, {.padding = 1}},   // input channels in two blocks
    {{1, 10, 5, 5}, {270, 10, 3, 3}, {.padding = 1}},    // output channels of the weight gradient in two
    {{8, 9, 60, 60}, {12, 9, 3, 3}, {.padding = 1}},     // many panels of tiles
    {{2, 5, 136, 136}, {32, 5, 3, 3}, {.padding = 1}}};  // so many that the weight gradient shares its sums

struct Operands {
  Tensor x, w, bias, dy;
};
Operands operands_of(const Case& c) {
  return {normal(c.x, "x"), normal(c.w, "w"), normal({c.w[0]}, "bias"),
          normal(ops::conv2d_shape(c.x, c.w, c.o), "dy")};
}

struct Results {
  Tensor y, dx, dw;
};
Results run(const Case& c, const Operands& in) {
  return {ops::conv2d(in.x, in.w, in.bias, c.o),
          ops::conv2d_backward_input(in.dy, in.w, c.x.with(0, in.dy.dim(0)), c.o),
          ops::conv2d_backward_weight(in.dy, in.x, c.w, c.o)};
}

/// max |a - b| / max |b|; infinite where a holds a NaN.
double largest_error(const Tensor& got, const Tensor& expected) {
  const auto a = got.to(DType::kFloat64).values<double>(), b = expected.values<double>();
  double error = 0, largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    error = std::max(error, std::isnan(a[i]) ? INFINITY : std::abs(a[i] - b[i]));
    largest = std::max(largest, std::abs(b[i]));
  }
  return error / largest;
}

constexpr double kBound = 2e-5;  // of the engine, for each layer in each direction

class Winograd : public EachIsa {
 protected:
  void SetUp() override {
    EachIsa::SetUp();
    prefer_kernels("winograd");
  }
  void TearDown() override {
    prefer_kernels("");
    EachIsa::TearDown();
  }
};

TEST_P(Winograd, IsReference) {
  static std::vector<Results> expected;  // the same for all instruction sets
  for (std::size_t i = 0; i < kCases.size(); ++i) {
    const Operands in = operands_of(kCases[i]);
    if (expected.size() == i)
      expected.push_back(run(kCases[i], {exact(in.x), exact(in.w), exact(in.bias), exact(in.dy)}));
    const Results got = run(kCases[i], in);
    EXPECT_LE(largest_error(got.y, expected[i].y), kBound) << "y of case " << i;
    EXPECT_LE(largest_error(got.dx, expected[i].dx), kBound) << "dx of case " << i;
    EXPECT_LE(largest_error(got.dw, expected[i].dw), kBound) << "dw of case " << i;
  }
}

TEST_P(Winograd, HasTheSameBitsForAnyThreads) {
  const int before = threads();
  for (std::size_t i = 0; i < kCases.size(); ++i) {
    const Operands in = operands_of(kCases[i]);
    set_threads(1);
    const Results one = run(kCases[i], in);
    set_threads(2);
    const Results two = run(kCases[i], in);
    EXPECT_EQ(one.y.values<float>(), two.y.values<float>()) << "case " << i;
    EXPECT_EQ(one.dx.values<float>(), two.dx.values<float>()) << "case " << i;
    EXPECT_EQ(one.dw.values<float>(), two.dw.values<float>()) << "case " << i;
  }
  set_threads(before);
}

// 1, 7 and 8 pictures are cut into panels, and these into tasks, in different ways.
TEST_P(Winograd, APictureHasTheSameBitsInAnyBatch) {
  for (const Case& c : {Case{{8, 20, 28, 28}, {18, 20, 3, 3}, {.padding = 1}},
                        Case{{8, 20, 7, 7}, {18, 20, 3, 3}, {.padding = 1}},
                        Case{{8, 7, 15, 13}, {9, 7, 3, 3}, {.padding = 2, .dilation = 2}},
                        Case{{8, 300, 4, 4}, {9, 300, 3, 3}, {.padding = 1}}}) {
    const Operands in = operands_of(c);
    const Results all = run(c, in);
    for (const std::int64_t n : {1, 7}) {
      const Results few = run(c, {in.x.slice(0, n), in.w, in.bias, in.dy.slice(0, n)});
      EXPECT_EQ(few.y.values<float>(), all.y.slice(0, n).values<float>()) << n << " of " << c.x;
      EXPECT_EQ(few.dx.values<float>(), all.dx.slice(0, n).values<float>()) << n << " of " << c.x;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isa, Winograd, testing::ValuesIn(supported_isas()),
                         [](const testing::TestParamInfo<std::string_view>& row) {
                           return std::string(row.param);
                         });

// Channels [0, n) of dimension `dim` (0 or 1).
Tensor some_channels(const Tensor& x, int dim, std::int64_t n) {
  if (dim == 0) return x.slice(0, n);
  const std::int64_t C = x.dim(1), row = x.numel() / x.dim(0) / C;
  std::vector<float> values;
  for (std::int64_t i = 0; i < x.dim(0); ++i) {
    const float* from = x.data<const float>() + i * C * row;
    values.insert(values.end(), from, from + n * row);
  }
  return Tensor::from(x.shape().with(1, n), values);
}

struct RealLayer {
  std::int64_t N, C, K, side, dilation;
};
// Layers of ResNet-50, DeepLabV3 and PSPNet at output stride 8, and HRNet-W18.
const std::vector<RealLayer> kRealLayers = {{2, 64, 64, 56, 1},    {2, 128, 128, 28, 1}, {8, 256, 256, 14, 1},
                                            {8, 512, 512, 7, 1},   {1, 256, 256, 28, 2}, {1, 512, 512, 28, 4},
                                            {1, 2048, 64, 28, 12}, {2, 18, 18, 56, 1},   {4, 72, 72, 14, 1}};

// The reference is computed for some of the channels of each result: they are independent.
void expect_exact(const RealLayer& layer, bool behind_relu) {
  const ConvOptions o{.padding = layer.dilation, .dilation = layer.dilation};
  Tensor x = normal({layer.N, layer.C, layer.side, layer.side}, "x");
  const Tensor dy = normal({layer.N, layer.K, layer.side, layer.side}, "dy");
  Tensor w = normal({layer.K, layer.C, 3, 3}, "w");
  const float scale = 1.0f / std::sqrt(9.0f * static_cast<float>(layer.C));
  for (std::int64_t i = 0; i < w.numel(); ++i) w.data<float>()[i] *= scale;
  if (behind_relu)
    for (std::int64_t i = 0; i < x.numel(); ++i) x.data<float>()[i] = std::max(0.0f, x.data<float>()[i]);
  constexpr std::int64_t kSome = 2;
  const Tensor w_k = some_channels(w, 0, kSome), w_c = some_channels(w, 1, kSome);
  const Tensor dy_k = some_channels(dy, 1, kSome), x_c = some_channels(x, 1, kSome);
  const std::string what =
      cat(layer.C, "-", layer.K, " at ", layer.side, behind_relu ? " behind a ReLU" : "");
  EXPECT_LE(largest_error(some_channels(ops::conv2d(x, w, {}, o), 1, kSome),
                          ops::conv2d(exact(x), exact(w_k), {}, o)),
            kBound)
      << "forward of " << what;
  EXPECT_LE(largest_error(some_channels(ops::conv2d_backward_input(dy, w, x.shape(), o), 1, kSome),
                          ops::conv2d_backward_input(exact(dy), exact(w_c), x_c.shape(), o)),
            kBound)
      << "input gradient of " << what;
  EXPECT_LE(largest_error(some_channels(ops::conv2d_backward_weight(dy, x, w.shape(), o), 0, kSome),
                          ops::conv2d_backward_weight(exact(dy_k), exact(x), w_k.shape(), o)),
            kBound)
      << "weight gradient of " << what;
}

TEST(WinogradError, IsBelowTheBoundOnRealLayers) {
  prefer_kernels("winograd");
  for (const RealLayer& layer : kRealLayers)
    for (const bool behind_relu : {false, true}) expect_exact(layer, behind_relu);
  prefer_kernels("");
}

}  // namespace
}  // namespace clearcut
