// Products and loads of tensor cores, with layouts written out by hand from the PTX ISA, against plain loops
// in double. Small integers make every product and sum exact, so that not one element may sit in a wrong
// place.
#include "cuda/tensor_core.cuh"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/cuda/device.h"
#include "tests/errors.h"

namespace clearcut::test {
namespace {

using cuda::launch;

enum class Kind { kF16, kBf16, kTf32 };

// One warp: a [16, K], b [K, 8], d [16, 8], row-major floats; K = 16, and 8 for tf32.
template <Kind kind>
__global__ void mma_kernel(const float* a, const float* b, float* d) {
  const unsigned g = threadIdx.x / 4, t = threadIdx.x % 4;
  unsigned fa[4], fb[2];
  float sum[4];
  const unsigned rows[4] = {g, g, g + 8, g + 8}, cols[4] = {2 * t, 2 * t + 1, 2 * t, 2 * t + 1};
  for (int i = 0; i < 4; ++i) sum[i] = d[8 * rows[i] + cols[i]];
  if constexpr (kind == Kind::kTf32) {
    for (unsigned i = 0; i < 4; ++i) fa[i] = cuda::to_tf32(a[8 * (g + i % 2 * 8) + t + i / 2 * 4]);
    for (unsigned i = 0; i < 2; ++i) fb[i] = cuda::to_tf32(b[8 * (t + 4 * i) + g]);
    cuda::mma_tf32(sum, fa, fb);
  } else {
    const auto pack = [](float low, float high) {
      return kind == Kind::kF16 ? cuda::pack_f16(low, high) : cuda::pack_bf16(low, high);
    };
    for (unsigned i = 0; i < 4; ++i) {
      const float* pair = a + 16 * (g + i % 2 * 8) + 2 * t + i / 2 * 8;
      fa[i] = pack(pair[0], pair[1]);
    }
    for (unsigned i = 0; i < 2; ++i) {
      const unsigned k = 2 * t + 8 * i;
      fb[i] = pack(b[8 * k + g], b[8 * (k + 1) + g]);
    }
    if constexpr (kind == Kind::kF16)
      cuda::mma_f16(sum, fa, fb);
    else
      cuda::mma_bf16(sum, fa, fb);
  }
  for (int i = 0; i < 4; ++i) d[8 * rows[i] + cols[i]] = sum[i];
}

template <Kind kind>
void expect_product() {
  const std::size_t K = kind == Kind::kTf32 ? 8 : 16;
  std::vector<float> a(16 * K), b(K * 8), d(128), expected(128);
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(static_cast<int>(i * 29 % 64) - 32);
  for (std::size_t i = 0; i < b.size(); ++i) b[i] = static_cast<float>(static_cast<int>(i * 41 % 61) - 30);
  for (std::size_t i = 0; i < d.size(); ++i) d[i] = static_cast<float>(i);
  for (std::size_t m = 0; m < 16; ++m)
    for (std::size_t n = 0; n < 8; ++n) {
      double sum = d[8 * m + n];
      for (std::size_t k = 0; k < K; ++k) sum += static_cast<double>(a[K * m + k]) * b[8 * k + n];
      expected[8 * m + n] = static_cast<float>(sum);
    }
  in_each_order([&] {
    const DeviceBuffer<float> da(a), db(b), dd(d);
    launch<mma_kernel<kind>>({.blocks = 1, .threads = 32}, da.data(), db.data(), dd.data());
    EXPECT_EQ(dd.values(), expected);
  });
}

TEST(TensorCore, ProductsOfHalf) { expect_product<Kind::kF16>(); }
TEST(TensorCore, ProductsOfBfloat16) { expect_product<Kind::kBf16>(); }
TEST(TensorCore, ProductsOfTf32) { expect_product<Kind::kTf32>(); }

// tf32 keeps 10 bits behind the point: the nearest, ties away from zero.
TEST(TensorCore, Tf32RoundsTiesAway) {
  const float step = 0x1p-10f;
  const auto rounded = [](float v) { return std::bit_cast<float>(cuda::to_tf32(v)); };
  EXPECT_EQ(rounded(1.0f + 0.49f * step), 1.0f);
  EXPECT_EQ(rounded(1.0f + 0.5f * step), 1.0f + step);
  EXPECT_EQ(rounded(-1.0f - 0.5f * step), -1.0f - step);
  EXPECT_EQ(rounded(1.0f + 2.5f * step), 1.0f + 3 * step);
  EXPECT_EQ(rounded(INFINITY), INFINITY);
  EXPECT_TRUE(std::isnan(rounded(NAN)));
}

// Four 8 x 8 matrices below each other: value 8 * row + column.
template <bool transposed, int n>
__global__ void ldmatrix_kernel(unsigned* y) {
  SHARED(std::uint16_t, s, [32][8]);
  for (unsigned c = 0; c < 8; ++c) s[threadIdx.x][c] = static_cast<std::uint16_t>(8 * threadIdx.x + c);
  __syncwarp();
  unsigned r[n];
  cuda::ldmatrix<transposed>(r, &s[threadIdx.x % (8 * n)][0]);
  for (unsigned i = 0; i < n; ++i) y[n * threadIdx.x + i] = r[i];
}

template <bool transposed, int n>
void expect_layout() {
  std::vector<unsigned> expected;
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned matrix = 0; matrix < n; ++matrix) {
      const unsigned g = lane / 4, t = lane % 4, first = 64 * matrix;
      const unsigned low = first + (transposed ? 8 * (2 * t) + g : 8 * g + 2 * t);
      const unsigned high = first + (transposed ? 8 * (2 * t + 1) + g : 8 * g + 2 * t + 1);
      expected.push_back(high << 16 | low);
    }
  in_each_order([&] {
    const DeviceBuffer<unsigned> y(expected.size());
    launch<ldmatrix_kernel<transposed, n>>({.blocks = 1, .threads = 32}, y.data());
    EXPECT_EQ(y.values(), expected);
  });
}

TEST(TensorCore, LoadsOfMatrices) {
  expect_layout<false, 4>();
  expect_layout<true, 4>();
  expect_layout<false, 2>();
  expect_layout<true, 2>();
}

__global__ void bad_row_kernel(unsigned* y) {
  SHARED(std::uint16_t, s, [33 * 8]);
  unsigned r[4];
  cuda::ldmatrix(r, s + 8 * threadIdx.x + 1);
  y[threadIdx.x] = r[0];
}
__global__ void part_of_a_warp_kernel(float* y) {
  float d[4] = {};
  const unsigned a[4] = {}, b[2] = {};
  if (threadIdx.x < 16) cuda::mma_f16(d, a, b);
  y[threadIdx.x] = d[0];
}

TEST(TensorCore, WrongUseIsNamed) {
  const DeviceBuffer<unsigned> y(32);
  const DeviceBuffer<float> z(32);
  const cuda::Grid warp{.blocks = 1, .threads = 32};
  expect_error([&] { launch<bad_row_kernel>(warp, y.data()); },
               "a row is 16 bytes of shared memory at a multiple of 16");
  expect_error([&] { launch<part_of_a_warp_kernel>(warp, z.data()); }, "but only lanes ffff came");
}

}  // namespace
}  // namespace clearcut::test
