// Products and convolutions whose sides lie around and exactly at the tiles of 64, steps of 16 floats (8
// doubles) and pieces of 1024 pixels of their kernels, against Reference in double.
#include <gtest/gtest.h>

#include "tensor/ops/conv2d.h"
#include "tensor/ops/matmul.h"
#include "tensor/random.h"
#include "tests/cuda/device.h"
#include "tests/op_run.h"

namespace clearcut {
namespace {

// Rounded to float, so that all devices and dtypes see the same numbers.
Tensor drawn(const Shape& shape, const char* name) {
  Tensor x(shape);
  RandomStream(3, name).fill_normal(x, 0, 1);
  return x;
}

// Sums of `terms` products of N(0, 1) are a few sqrt(terms) large, and each addition rounds by half an eps of
// that, up or down: together some eps / 2 * sqrt(terms) * sqrt(terms); 4 of those leave room.
double tolerance(std::int64_t terms, DType dtype) {
  return 4 * (dtype == DType::kFloat32 ? 6e-8 : 1.1e-16) * static_cast<double>(terms + 16);
}

struct Operand {
  explicit Operand(const Tensor& values) : values_(values) {}
  Tensor on(Device device, DType dtype) const { return values_.to(dtype).to(device); }
  Tensor reference() const { return on(Device::kReference, DType::kFloat64); }

 private:
  Tensor values_;
};

void expect_product(std::int64_t M, std::int64_t N, std::int64_t K, const MatmulOptions& o) {
  const Operand a(drawn(o.transpose_a ? Shape{K, M} : Shape{M, K}, "a")),
      b(drawn(o.transpose_b ? Shape{N, K} : Shape{K, N}, "b"));
  const Tensor expected = ops::matmul(a.reference(), b.reference(), o);
  for (const DType dtype : {DType::kFloat32, DType::kFloat64})
    test::expect_close(ops::matmul(a.on(Device::kCuda, dtype), b.on(Device::kCuda, dtype), o), expected,
                       tolerance(K, dtype),
                       cat(M, " x ", N, " x ", K, o.transpose_a ? " a turned" : "",
                           o.transpose_b ? " b turned" : "", " in ", dtype));
}

TEST(CudaTiles, ProductsAroundEverySize) {
  for (const bool turn_a : {false, true})
    for (const bool turn_b : {false, true}) {
      const MatmulOptions o{.transpose_a = turn_a, .transpose_b = turn_b};
      for (const std::int64_t side : {1, 63, 64, 65, 128}) {
        expect_product(side, 64, 16, o);
        expect_product(64, side, 17, o);
      }
      for (const std::int64_t K : {1, 4, 8, 15, 16, 17, 31, 32, 33, 48, 64, 65}) expect_product(20, 12, K, o);
    }
}

// Longer than what is added up at a time: 1024 floats.
TEST(CudaTiles, LongSums) {
  for (const std::int64_t K : {511, 512, 513, 1023, 1024, 1025, 2100}) expect_product(3, 5, K, {});
}

struct Case {
  Shape x, w;
  ConvOptions options;
};

struct Directions {
  Tensor y, dx, dw;
};
Directions run(const Case& c, Device device, DType dtype) {
  const Operand x(drawn(c.x, "x")), w(drawn(c.w, "w")),
      dy(drawn(ops::conv2d_shape(c.x, c.w, c.options), "dy"));
  const Tensor at_x = x.on(device, dtype), at_w = w.on(device, dtype), at_dy = dy.on(device, dtype);
  return {ops::conv2d(at_x, at_w, {}, c.options), ops::conv2d_backward_input(at_dy, at_w, c.x, c.options),
          ops::conv2d_backward_weight(at_dy, at_x, c.w, c.options)};
}

void expect_convolution(const Case& c) {
  const Directions slow = run(c, Device::kReference, DType::kFloat64);
  const Shape y = slow.y.shape();
  for (const DType dtype : {DType::kFloat32, DType::kFloat64}) {
    const Directions got = run(c, Device::kCuda, dtype);
    const std::string what = cat(c.x, " * ", c.w, " in ", dtype);
    test::expect_close(got.y, slow.y, tolerance(c.w[1] * c.w[2] * c.w[3], dtype), what + " forward");
    test::expect_close(got.dx, slow.dx, tolerance(c.w[0] * c.w[2] * c.w[3], dtype), what + " input gradient");
    test::expect_close(got.dw, slow.dw, tolerance(y[0] * y[2] * y[3], dtype), what + " weight gradient");
  }
}

TEST(CudaTiles, ConvolutionsAroundEverySize) {
  for (const std::int64_t K : {1, 63, 64, 65})
    expect_convolution({{1, 3, 5, 5}, {K, 3, 3, 3}, {.padding = 1}});
  for (const std::int64_t C : {15, 16, 17, 64, 65}) expect_convolution({{1, C, 4, 5}, {5, C, 1, 1}, {}});
  for (const std::int64_t W : {7, 8, 9}) expect_convolution({{2, 4, 8, W}, {8, 4, 1, 1}, {}});  // packed at 8
  for (const std::int64_t W : {7, 8, 9}) expect_convolution({{1, 2, 8, W}, {4, 2, 3, 3}, {.padding = 1}});
}

// 992, 1024, 1056 and 2112 pixels: one piece, and two.
TEST(CudaTiles, WeightGradientsInPieces) {
  for (const std::int64_t H : {31, 32, 33, 66})
    expect_convolution({{1, 2, H, 32}, {3, 2, 3, 3}, {.padding = 1}});
  expect_convolution({{3, 2, 33, 32}, {4, 1, 3, 3}, {.padding = 1, .groups = 2}});
}

TEST(CudaTiles, GroupsStridesAndDilationsOverSeveralTiles) {
  expect_convolution({{2, 12, 9, 9}, {132, 6, 3, 3}, {.stride = 2, .padding = {0, 1, 2, 1}, .groups = 2}});
  expect_convolution({{1, 33, 9, 8}, {20, 33, 3, 3}, {.padding = 2, .dilation = 2}});
  expect_convolution(
      {{1, 6, 11, 13}, {6, 3, 5, 1}, {.stride = {3, 2}, .padding = {2, 0, 1, 0}, .groups = 2}});
}

// Several tiles each way, and more steps than buffers.
TEST(CudaTiles, TheSameBitsInEveryOrder) {
  const Case c{{2, 9, 9, 8}, {66, 9, 3, 3}, {.padding = 1}};
  const Directions first = run(c, Device::kCuda, DType::kFloat32);
  test::in_each_order([&] {
    const Directions again = run(c, Device::kCuda, DType::kFloat32);
    EXPECT_EQ(again.y.values<float>(), first.y.values<float>());
    EXPECT_EQ(again.dx.values<float>(), first.dx.values<float>());
    EXPECT_EQ(again.dw.values<float>(), first.dw.values<float>());
  });
}

// A picture's y and dx do not depend on the pictures beside it.
TEST(CudaTiles, TheSameBitsInEveryBatch) {
  for (const ConvOptions& o : {ConvOptions{.padding = 1}, ConvOptions{.padding = 1, .groups = 3}}) {
    const Case three{{3, 3, 7, 7}, {6, 3 / o.groups, 3, 3}, o};
    const Directions all = run(three, Device::kCuda, DType::kFloat32);
    const Tensor w = drawn(three.w, "w").to(Device::kCuda);
    const Tensor x = drawn(three.x, "x").slice(1, 2).to(Device::kCuda);
    const Tensor dy = drawn(all.y.shape(), "dy").slice(1, 2).to(Device::kCuda);
    EXPECT_EQ(ops::conv2d(x, w, {}, o).values<float>(), all.y.slice(1, 2).values<float>());
    EXPECT_EQ(ops::conv2d_backward_input(dy, w, x.shape(), o).values<float>(),
              all.dx.slice(1, 2).values<float>());
  }
}

}  // namespace
}  // namespace clearcut
