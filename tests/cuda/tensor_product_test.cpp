// Matrix products and convolutions on tensor cores.
#include <gtest/gtest.h>

#include "tensor/cuda_device.h"
#include "tensor/ops/conv2d.h"
#include "tensor/ops/matmul.h"
#include "tensor/random.h"
#include "tests/cuda/device.h"
#include "tests/errors.h"
#include "tests/op_run.h"

namespace clearcut {
namespace {

class WithProducts {
 public:
  explicit WithProducts(CudaProducts products) { set_cuda_products(products); }
  ~WithProducts() { set_cuda_products(CudaProducts::kFloat32); }
};

struct Kind {
  CudaProducts products;
  double rounding;  // of one operand: half of the last of its bits
};
const std::vector<Kind> kKinds = {
    {CudaProducts::kTf32, 0x1p-11}, {CudaProducts::kBf16, 0x1p-8}, {CudaProducts::kF16, 0x1p-11}};

// Whole numbers below 2^7 are exact in each format, and so are sums of a few hundred of their products.
Tensor whole_numbers(const Shape& shape, std::int64_t step) {
  Tensor x(shape);
  for (std::int64_t i = 0; i < x.numel(); ++i) x.data<float>()[i] = static_cast<float>(i * step % 127 - 63);
  return x;
}

// Not one element may stand in a wrong place: every layout, ragged ends, several tiles and steps.
TEST(CudaTensorProducts, WholeNumbersAreExact) {
  for (const Kind& kind : kKinds)
    for (const bool turn_a : {false, true})
      for (const bool turn_b : {false, true})
        for (const std::int64_t K : {5, 16, 20, 70}) {
          const MatmulOptions o{.transpose_a = turn_a, .transpose_b = turn_b};
          const Tensor a = whole_numbers(turn_a ? Shape{K, 68} : Shape{68, K}, 29),
                       b = whole_numbers(turn_b ? Shape{84, K} : Shape{K, 84}, 41);
          const WithProducts with(kind.products);
          EXPECT_EQ(ops::matmul(a.to(Device::kCuda), b.to(Device::kCuda), o).values<float>(),
                    ops::matmul(a.to(Device::kReference), b.to(Device::kReference), o).values<float>())
              << "K = " << K << ", turned: " << turn_a << turn_b;
        }
}

struct Directions {
  Tensor y, dx, dw;
};
Directions convolve(Device device, DType dtype) {
  const ConvOptions o{.stride = 2, .padding = {1, 0, 1, 2}, .groups = 2};
  const auto drawn = [&](const Shape& shape, const char* name) {
    Tensor x(shape);
    RandomStream(4, name).fill_normal(x, 0, 1);
    return x.to(dtype).to(device);
  };
  const Tensor x = drawn({2, 12, 11, 9}, "x"), w = drawn({10, 6, 3, 3}, "w");
  const Tensor dy = drawn(ops::conv2d_shape(x.shape(), w.shape(), o), "dy");
  return {ops::conv2d(x, w, {}, o), ops::conv2d_backward_input(dy, w, x.shape(), o),
          ops::conv2d_backward_weight(dy, x, w.shape(), o)};
}

// Each product of two N(0, 1) is off by two roundings of random sign, sums of n of them by sqrt(n) times
// that: n is at most 60 here; 6 such deviations leave room. And off they must be: else these were CUDA cores.
TEST(CudaTensorProducts, ConvolutionsAreOffByTheRoundingOfTheirOperands) {
  const Directions exact = convolve(Device::kReference, DType::kFloat64);
  for (const Kind& kind : kKinds) {
    const WithProducts with(kind.products);
    const Directions got = convolve(Device::kCuda, DType::kFloat32);
    const double tolerance = 6 * 2 * kind.rounding * std::sqrt(60.0) / std::sqrt(3.0);
    test::expect_close(got.y, exact.y, tolerance, "forward");
    test::expect_close(got.dx, exact.dx, tolerance, "input gradient");
    test::expect_close(got.dw, exact.dw, tolerance, "weight gradient");
    double off = 0;
    const auto a = got.y.to(Device::kCpu).to(DType::kFloat64).values<double>(), b = exact.y.values<double>();
    for (std::size_t i = 0; i < a.size(); ++i) off = std::max(off, std::abs(a[i] - b[i]));
    EXPECT_GT(off, kind.rounding);
  }
}

TEST(CudaTensorProducts, SameBitsInEveryOrderAndDoubleStaysDouble) {
  const WithProducts with(CudaProducts::kBf16);
  const Directions first = convolve(Device::kCuda, DType::kFloat32);
  test::in_each_order([&] {
    const Directions again = convolve(Device::kCuda, DType::kFloat32);
    EXPECT_EQ(again.y.values<float>(), first.y.values<float>());
    EXPECT_EQ(again.dx.values<float>(), first.dx.values<float>());
    EXPECT_EQ(again.dw.values<float>(), first.dw.values<float>());
  });
  // Double: 60 additions of sums below 100, half an eps each.
  test::expect_close(convolve(Device::kCuda, DType::kFloat64).y,
                     convolve(Device::kReference, DType::kFloat64).y, 60 * 100 * 1.1e-16, "double");
}

TEST(CudaTensorProducts, NamesAreKnown) {
  EXPECT_EQ(cuda_products_from_name("bfloat16"), CudaProducts::kBf16);
  expect_error([] { cuda_products_from_name("fp8"); }, "known: float32, tf32, bfloat16, float16");
}

}  // namespace
}  // namespace clearcut
