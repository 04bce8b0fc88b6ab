// Convolutions through cuDNN, legacy and graph: with a stand-in that convolves by the reference loops, and,
// where the library is installed, with its own descriptors, which need no GPU.
#include "cuda/vendor/conv.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include "cuda/vendor/cudnn.h"
#include "tensor/cuda_device.h"
#include "tensor/random.h"
#include "tests/cuda/vendor/fake_cudnn.h"
#include "tests/errors.h"
#include "tests/op_run.h"

namespace clearcut {
namespace {

using conv::Direction;

Tensor drawn(const Shape& shape, const char* name) {
  Tensor x(shape);
  RandomStream(6, name).fill_normal(x, 0, 1);
  return x;
}

struct Case {
  Shape x, w;
  ConvOptions options;
};
// Odd sizes, each option alone and together; groups and depthwise.
const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {{2, 3, 7, 9}, {4, 3, 3, 3}, {}},
      {{1, 4, 8, 5}, {6, 4, 1, 1}, {}},
      {{2, 4, 9, 8}, {6, 2, 3, 2}, {.stride = {2, 1}, .padding = 1, .groups = 2}},
      {{1, 5, 11, 10}, {5, 1, 3, 3}, {.padding = {2, 1, 2, 1}, .dilation = {2, 1}, .groups = 5}},
  };
  return all;
}
const Case kUneven = {{1, 3, 8, 9}, {4, 3, 3, 3}, {.stride = 2, .padding = {0, 1, 2, 0}}};

using Convolve = void (*)(const cuda::VendorConv&);

void expect_convolution(const Case& c, Convolve convolve) {
  const Shape shape = ops::conv2d_shape(c.x, c.w, c.options);
  const Tensor x = drawn(c.x, "x"), w = drawn(c.w, "w"), dy = drawn(shape, "dy");
  const auto wide = [](const Tensor& t) { return t.to(DType::kFloat64).to(Device::kReference); };
  const std::vector<Tensor> expected = {ops::conv2d(wide(x), wide(w), {}, c.options),
                                        ops::conv2d_backward_input(wide(dy), wide(w), c.x, c.options),
                                        ops::conv2d_backward_weight(wide(dy), wide(x), c.w, c.options)};
  for (const Direction d : {Direction::kForward, Direction::kBackwardInput, Direction::kBackwardWeight}) {
    const auto on_cuda = [&](const Tensor& t, Direction computed) {
      return d == computed ? Tensor::full(t.shape(), 7, DType::kFloat32, Device::kCuda) : t.to(Device::kCuda);
    };
    const Tensor a = on_cuda(x, Direction::kBackwardInput), b = on_cuda(w, Direction::kBackwardWeight),
                 y = on_cuda(dy, Direction::kForward);
    convolve({d, nchw<float>(a), nchw<float>(b), nchw<float>(y), c.options});
    const Tensor& got = d == Direction::kForward ? y : d == Direction::kBackwardInput ? a : b;
    // The stand-in sums in double and rounds once, sums of some 100 values near 1.
    test::expect_close(got, expected[static_cast<std::size_t>(d)], 100 * 6e-8,
                       cat(c.x, " * ", c.w, " ", conv::name_of(d)));
  }
}

TEST(VendorConv, GraphsSayWhatIsMeant) {
  test::FakeCudnn fake;
  for (const Case& c : cases()) expect_convolution(c, cuda::vendor_convolve);
  expect_convolution(kUneven, cuda::vendor_convolve);
  EXPECT_EQ(fake.calls.size(), 3 * (cases().size() + 1));
  EXPECT_EQ(fake.calls[0], "graph forward engine 0");
}

TEST(VendorConv, LegacyCallsSayWhatIsMeant) {
  test::FakeCudnn fake;
  for (const Case& c : cases()) expect_convolution(c, cuda::vendor_convolve_legacy);
  EXPECT_EQ(fake.calls.size(), 3 * cases().size());
  EXPECT_EQ(fake.calls[0], "legacy forward algorithm 0 math 3");  // CUDNN_FMA_MATH: float32 as it is
  expect_error(
      [] { expect_convolution(kUneven, cuda::vendor_convolve_legacy); },
      "cuDNN: the legacy calls pad both sides of an axis alike; got top 0, bottom 2, left 1, right 0");
}

TEST(VendorConv, AShapeIsPlannedOnce) {
  test::FakeCudnn fake;
  const Case c = {{1, 2, 13, 6}, {3, 2, 3, 3}, {}};
  for (int i = 0; i < 3; ++i) expect_convolution(c, cuda::vendor_convolve);
  EXPECT_LE(fake.plans_made, 6) << "three directions; addresses may differ in alignment";
  EXPECT_EQ(fake.calls.size(), 9u);
}

// Notes of cuDNN's manual: 0 tensor cores, 1 converts its inputs down, 4 not deterministic; -1 is refused by
// the stand-in when its plan is made.
TEST(VendorConv, EnginesRoundAsAskedAndAreDeterministic) {
  test::FakeCudnn fake;
  fake.engines = {{4}, {1, 0}, {0}, {-1}, {9}};
  const std::vector<std::pair<CudaProducts, std::string>> kinds = {
      {CudaProducts::kFloat32, "graph forward engine 4"},
      {CudaProducts::kTf32, "graph forward engine 2"},
      {CudaProducts::kF16, "graph forward engine 1"}};
  for (const auto& [products, call] : kinds) {
    set_cuda_products(products);
    fake.calls.clear();
    expect_convolution({{1, 2, 14, 6}, {3, 2, 3, 3}, {}}, cuda::vendor_convolve);
    EXPECT_EQ(fake.calls.at(0), call);
  }
  set_cuda_products(CudaProducts::kBf16);
  for (const Convolve convolve : {cuda::vendor_convolve, cuda::vendor_convolve_legacy})
    expect_error(
        [&] {
          expect_convolution({{1, 2, 15, 6}, {3, 2, 3, 3}, {}}, convolve);
        },
        "float32, tf32 or float16; got --products bfloat16");
  set_cuda_products(CudaProducts::kFloat32);
  fake.engines = {{4}, {0}};
  expect_error(
      [] {
        expect_convolution({{1, 2, 16, 6}, {3, 2, 3, 3}, {}}, cuda::vendor_convolve);
      },
      "cuDNN: has no deterministic engine for this convolution, forward");
}

TEST(VendorConv, LegacyAlgorithmsAreDeterministic) {
  test::FakeCudnn fake;
  fake.algorithms = {0, 1};
  set_cuda_products(CudaProducts::kTf32);
  expect_convolution({{1, 2, 17, 6}, {3, 2, 3, 3}, {}}, cuda::vendor_convolve_legacy);
  set_cuda_products(CudaProducts::kFloat32);
  EXPECT_EQ(fake.calls.at(0), "legacy forward algorithm 1 math 0");  // CUDNN_DEFAULT_MATH: tf32
  fake.algorithms = {0};
  expect_error(
      [] {
        expect_convolution({{1, 2, 18, 6}, {3, 2, 3, 3}, {}}, cuda::vendor_convolve_legacy);
      },
      "cuDNN: has no deterministic algorithm for this convolution, forward");
}

TEST(VendorConv, ErrorsSayWhatTheLibrarySaid) {
  const test::FakeCudnn fake;
  const Tensor x = drawn({1, 2, 6, 6}, "x").to(Device::kCuda), w = drawn({3, 2, 3, 3}, "w").to(Device::kCuda),
               y = drawn({1, 3, 5, 4}, "y").to(Device::kCuda);  // should be 4 x 4
  const cuda::VendorConv wrong{Direction::kForward, nchw<float>(x), nchw<float>(w), nchw<float>(y), {}};
  expect_error([&] { cuda::vendor_convolve(wrong); },
               "cuDNN: a convolution: CUDNN_STATUS_BAD_PARAM (no more is known)");
  expect_error([&] { cuda::vendor_convolve_legacy(wrong); },
               "cuDNN: counts [1, 3, 4, 4] for the output; here it is [1, 3, 5, 4]");
}

// ---- the library itself, as far as it goes without a GPU

/// Why it cannot be asked here; "" if it can.
std::string no_library() {
  try {
    cuda::cudnn();
  } catch (const Error& error) {
    return error.what();
  }
  void* const driver = dlopen("libcuda.so.1", RTLD_LAZY);
  return driver != nullptr ? "with a GPU the library would work on the emulated device's memory" : "";
}

cuda::VendorConv without_data(const Case& c, const Shape& y) {
  return {Direction::kForward,
          {nullptr, c.x[0], c.x[1], c.x[2], c.x[3]},
          {nullptr, c.w[0], c.w[1], c.w[2], c.w[3]},
          {nullptr, y[0], y[1], y[2], y[3]},
          c.options};
}

TEST(VendorLibrary, CudnnCountsTheSameOutputs) {
  if (const std::string why = no_library(); !why.empty()) GTEST_SKIP() << why;
  EXPECT_GE(cuda::cudnn().version(), 90000u);
  for (const Case& c : cases()) {
    const Shape y = ops::conv2d_shape(c.x, c.w, c.options);
    EXPECT_EQ(cuda::cudnn_output_shape(without_data(c, y)), y) << c.x << " * " << c.w;
  }
}

// Tensors, convolution and operation are finalized before the handle is needed, so the error tells how far it
// got.
TEST(VendorLibrary, CudnnTakesOurGraphs) {
  if (const std::string why = no_library(); !why.empty()) GTEST_SKIP() << why;
  for (const Direction d : {Direction::kForward, Direction::kBackwardInput, Direction::kBackwardWeight}) {
    std::vector<Case> all = cases();
    all.push_back(kUneven);
    for (const Case& c : all) {
      cuda::VendorConv call = without_data(c, ops::conv2d_shape(c.x, c.w, c.options));
      call.direction = d;
      expect_error([&] { cuda::vendor_convolve(call); }, "cuDNN: opening it on this machine's GPU: ");
      call.y.H += 1;
      expect_error([&] { cuda::vendor_convolve(call); }, "cuDNN: an operation: ");
    }
  }
}

}  // namespace
}  // namespace clearcut
