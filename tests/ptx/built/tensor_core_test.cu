// The tensor-core words of cuda/tensor_core.cuh as nvcc builds them, against plain loops in double. Small
// integers make every product and sum exact, so that not one element may sit in a wrong place. (tests/cuda
// has the same for the emulator, tests/ptx for the instructions alone.)
#include "cuda/tensor_core.cuh"

#include <gtest/gtest.h>

#include <cmath>

#include "cuda/ptxsim/counters.h"
#include "tests/cuda/device_buffer.h"
#include "tests/errors.h"

namespace clearcut::test {
namespace {

using cuda::launch;

constexpr int kK = 16;

// One warp: a [16, 16], b [16, 8], d [16, 8], row-major floats.
template <bool bfloat>
__global__ void mma_kernel(const float* a, const float* b, float* d) {
  const unsigned g = threadIdx.x / 4, t = threadIdx.x % 4;
  const auto pack = [](float low, float high) {
    return bfloat ? cuda::pack_bf16(low, high) : cuda::pack_f16(low, high);
  };
  unsigned fa[4], fb[2];
  float sum[4];
  for (unsigned i = 0; i < 4; ++i) sum[i] = d[8 * (g + i / 2 * 8) + 2 * t + i % 2];
  for (unsigned i = 0; i < 4; ++i) {
    const float* pair = a + kK * (g + i % 2 * 8) + 2 * t + i / 2 * 8;
    fa[i] = pack(pair[0], pair[1]);
  }
  for (unsigned i = 0; i < 2; ++i) fb[i] = pack(b[8 * (2 * t + 8 * i) + g], b[8 * (2 * t + 8 * i + 1) + g]);
  if constexpr (bfloat)
    cuda::mma_bf16(sum, fa, fb);
  else
    cuda::mma_f16(sum, fa, fb);
  for (unsigned i = 0; i < 4; ++i) d[8 * (g + i / 2 * 8) + 2 * t + i % 2] = sum[i];
}

// The same in tf32, 8 of k at a time.
__global__ void mma_tf32_kernel(const float* a, const float* b, float* d) {
  const unsigned g = threadIdx.x / 4, t = threadIdx.x % 4;
  float sum[4];
  for (unsigned i = 0; i < 4; ++i) sum[i] = d[8 * (g + i / 2 * 8) + 2 * t + i % 2];
  for (unsigned k = 0; k < kK; k += 8) {
    unsigned fa[4], fb[2];
    for (unsigned i = 0; i < 4; ++i) fa[i] = cuda::to_tf32(a[kK * (g + i % 2 * 8) + k + t + i / 2 * 4]);
    for (unsigned i = 0; i < 2; ++i) fb[i] = cuda::to_tf32(b[8 * (k + t + 4 * i) + g]);
    cuda::mma_tf32(sum, fa, fb);
  }
  for (unsigned i = 0; i < 4; ++i) d[8 * (g + i / 2 * 8) + 2 * t + i % 2] = sum[i];
}

template <auto kernel>
void expect_product() {
  std::vector<float> a(16 * kK), b(kK * 8), d(128), expected(128);
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(static_cast<int>(i * 29 % 64) - 32);
  for (std::size_t i = 0; i < b.size(); ++i) b[i] = static_cast<float>(static_cast<int>(i * 41 % 61) - 30);
  for (std::size_t i = 0; i < d.size(); ++i) d[i] = static_cast<float>(i);
  for (std::size_t m = 0; m < 16; ++m)
    for (std::size_t n = 0; n < 8; ++n) {
      double sum = d[8 * m + n];
      for (std::size_t k = 0; k < kK; ++k) sum += static_cast<double>(a[kK * m + k]) * b[8 * k + n];
      expected[8 * m + n] = static_cast<float>(sum);
    }
  const DeviceBuffer<float> da(a), db(b), dd(d);
  launch<kernel>({.blocks = 1, .threads = 32}, da.data(), db.data(), dd.data());
  EXPECT_EQ(dd.values(), expected);
}

TEST(PtxTensorCore, Products) {
  expect_product<mma_kernel<false>>();
  expect_product<mma_kernel<true>>();
  ptxsim::reset_counters();
  expect_product<mma_tf32_kernel>();
  EXPECT_EQ(ptxsim::counters().at("mma_tf32_kernel").count(ptxsim::Counted::kMatrix), 2u);
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
  const DeviceBuffer<unsigned> y(expected.size());
  launch<ldmatrix_kernel<transposed, n>>({.blocks = 1, .threads = 32}, y.data());
  EXPECT_EQ(y.values(), expected);
}
TEST(PtxTensorCore, LoadsOfMatrices) {
  expect_layout<false, 4>();
  expect_layout<true, 4>();
  expect_layout<false, 2>();
  expect_layout<true, 2>();
}

__global__ void part_of_a_warp_kernel(float* y) {
  float d[4] = {};
  const unsigned a[4] = {}, b[2] = {};
  if (threadIdx.x < 16) cuda::mma_f16(d, a, b);
  y[threadIdx.x] = d[0];
}
__global__ void odd_row_kernel(unsigned* y) {
  SHARED(std::uint16_t, s, [33 * 8]);
  for (unsigned i = threadIdx.x; i < 33 * 8; i += 32) s[i] = 1;
  __syncwarp();
  unsigned r[4];
  cuda::ldmatrix(r, s + 8 * threadIdx.x + 1);
  y[threadIdx.x] = r[0];
}
TEST(PtxTensorCore, WrongUseIsNamed) {
  const DeviceBuffer<float> y(32);
  const DeviceBuffer<unsigned> z(32);
  const cuda::Grid warp{.blocks = 1, .threads = 32};
  expect_error([&] { launch<part_of_a_warp_kernel>(warp, y.data()); },
               "lanes ffff wait for lanes that never come");
  expect_error([&] { launch<odd_row_kernel>(warp, z.data()); }, "which is no multiple of its size");
}

// Functions that nvcc builds from its own library: they need its tables, its slow paths, its approximations.
__global__ void library_kernel(const float* x, float* y, double* z) {
  const float v = x[threadIdx.x];
  float* out = y + 8 * threadIdx.x;
  out[0] = std::exp(v), out[1] = std::log(std::fabs(v) + 0.25f), out[2] = std::tanh(v),
  out[3] = std::sqrt(std::fabs(v));
  out[4] = v / 3.0f, out[5] = std::floor(v * 4), out[6] = std::log1p(std::fabs(v)),
  out[7] = std::pow(std::fabs(v) + 1, 1.5f);
  const double d = v;
  double* wide = z + 4 * threadIdx.x;
  wide[0] = std::exp(d), wide[1] = std::log(std::fabs(d) + 0.25), wide[2] = std::tanh(d), wide[3] = d / 3.0;
}
TEST(PtxLibrary, FunctionsAreNearTheHosts) {
  std::vector<float> x(64);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = (static_cast<float>(i) - 31.5f) / 5;
  const DeviceBuffer<float> dx(x), y(8 * x.size());
  const DeviceBuffer<double> z(4 * x.size());
  launch<library_kernel>({.blocks = 1, .threads = 64}, dx.data(), y.data(), z.data());
  const std::vector<float> got = y.values();
  const std::vector<double> got_wide = z.values();
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double v = x[i], a = std::fabs(v);
    const double expected[8] = {std::exp(v), std::log(a + 0.25), std::tanh(v),  std::sqrt(a),
                                v / 3,       std::floor(v * 4),  std::log1p(a), std::pow(a + 1, 1.5)};
    const double wide[4] = {std::exp(v), std::log(a + 0.25), std::tanh(v), v / 3};
    // CUDA's manual allows these functions 1 to 9 units of the last place (pow), doubles 1 or 2.
    for (std::size_t k = 0; k < 8; ++k)
      EXPECT_NEAR(got[8 * i + k], expected[k],
                  (k == 7 ? 1e-6 : 4e-7) * std::fmax(0.05, std::fabs(expected[k])))
          << k;
    for (std::size_t k = 0; k < 4; ++k)
      EXPECT_NEAR(got_wide[4 * i + k], wide[k], 6e-16 * std::fmax(0.05, std::fabs(wide[k]))) << k;
  }
}

}  // namespace
}  // namespace clearcut::test
