// What the emulator's words of CUDA C++ compute, against closed forms and the compiler's own types.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "cuda/block_reduce.cuh"
#include "tests/cuda/device.h"

namespace clearcut::test {
namespace {

using cuda::launch;

// ---- where a thread is, and in which order threads run

__global__ void place_kernel(int* linear) {
  const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  const unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  const unsigned each = blockDim.x * blockDim.y * blockDim.z;
  linear[block * each + thread] = static_cast<int>(block * each + thread);
}

TEST(CudaLanguage, EveryThreadOfEveryBlockRunsOnce) {
  in_each_order([] {
    std::vector<int> expected(2 * 3 * 4 * 5 * 3 * 2);
    const DeviceBuffer<int> y(std::vector<int>(expected.size(), -1));
    launch<place_kernel>({.blocks = dim3(2, 3, 4), .threads = dim3(5, 3, 2)}, y.data());
    std::iota(expected.begin(), expected.end(), 0);
    EXPECT_EQ(y.values(), expected);
  });
}

__global__ void arrival_kernel(int* counter, int* when) { when[threadIdx.x] = atomicAdd(counter, 1); }

TEST(CudaLanguage, OrdersDiffer) {
  std::vector<std::vector<int>> seen;
  in_each_order([&] {
    const DeviceBuffer<int> counter(std::vector<int>(1, 0)), when(70);
    launch<arrival_kernel>({.blocks = 1, .threads = 70}, counter.data(), when.data());
    seen.push_back(when.values());
  });
  std::vector<int> forward(70);
  std::iota(forward.begin(), forward.end(), 0);
  EXPECT_EQ(seen[0], forward);
  EXPECT_EQ(seen[1], std::vector<int>(forward.rbegin(), forward.rend()));
  EXPECT_NE(seen[2], seen[3]);
  EXPECT_NE(seen[3], seen[4]);
}

template <class T>
__global__ void named_kernel(T*) {}

TEST(CudaLanguage, KernelsKnowTheirNames) {
  EXPECT_EQ(
      cuda::kernel_name("void launch() [with auto kernel = a::{anonymous}::x_kernel<float>; Argument = {}]"),
      "x_kernel<float>");
  EXPECT_EQ(cuda::kernel_name("void launch() [kernel = &a::x_kernel<a::B, 2>, Argument = <>]"),
            "x_kernel<a::B, 2>");
  try {
    launch<named_kernel<float>>({.blocks = 1, .threads = 2000}, static_cast<float*>(nullptr));
    ADD_FAILURE() << "a block of 2000 threads was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).rfind("named_kernel", 0), 0u)
        << error.what();  // clang leaves <float> out
  }
}

// ---- lanes

// Six shuffles of lane numbers, side by side.
__global__ void shuffles_kernel(int* y) {
  const int lane = static_cast<int>(threadIdx.x);
  int* out = y + 6 * lane;
  out[0] = __shfl_sync(0xffffffffu, lane, 5);
  out[1] = __shfl_sync(0xffffffffu, lane, 3, 8);
  out[2] = __shfl_down_sync(0xffffffffu, lane, 4);
  out[3] = __shfl_up_sync(0xffffffffu, lane, 3, 16);
  out[4] = __shfl_xor_sync(0xffffffffu, lane, 9);
  out[5] = static_cast<int>(__ballot_sync(0xffffffffu, lane % 3 == 0) & 0x7fffffffu);
}

TEST(CudaLanguage, ShufflesReachTheirLanes) {
  std::vector<int> expected;
  int threes = 0;
  for (int lane = 0; lane < 31; lane += 3) threes |= 1 << lane;
  for (int lane = 0; lane < 32; ++lane) {
    const int up = lane % 16 >= 3 ? lane - 3 : lane, down = lane + 4 < 32 ? lane + 4 : lane;
    for (const int v : {5, lane / 8 * 8 + 3, down, up, lane ^ 9, threes}) expected.push_back(v);
  }
  in_each_order([&] {
    const DeviceBuffer<int> y(expected.size());
    launch<shuffles_kernel>({.blocks = 1, .threads = 32}, y.data());
    EXPECT_EQ(y.values(), expected);
  });
}

// Half of a warp shuffles on its own, the other half does something else.
__global__ void half_warp_kernel(int* y) {
  const int lane = static_cast<int>(threadIdx.x);
  y[lane] = lane < 16 ? __shfl_xor_sync(0x0000ffffu, lane, 1) : __any_sync(0xffff0000u, lane == 20);
}

TEST(CudaLanguage, HalvesOfAWarpGoTheirOwnWays) {
  std::vector<int> expected(32, 1);
  for (int lane = 0; lane < 16; ++lane) expected[static_cast<std::size_t>(lane)] = lane ^ 1;
  in_each_order([&] {
    const DeviceBuffer<int> y(32);
    launch<half_warp_kernel>({.blocks = 1, .threads = 32}, y.data());
    EXPECT_EQ(y.values(), expected);
  });
}

// ---- reductions

__global__ void reduce_kernel(const double* x, double* y) {
  const double v = x[blockIdx.x * 96 + threadIdx.x];
  const double sum = cuda::block_reduce<cuda::Sum, 96>(v);
  const double largest = cuda::block_reduce<cuda::Largest, 96>(v);
  if (threadIdx.x == 95) {
    y[2 * blockIdx.x] = sum;
    y[2 * blockIdx.x + 1] = largest;
  }
}

TEST(CudaLanguage, BlocksReduce) {
  std::vector<double> x(5 * 96);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i * 37 % 101) - 50;
  std::vector<double> expected;
  for (std::size_t b = 0; b < 5; ++b) {
    const auto first = x.begin() + static_cast<long>(96 * b);
    expected.push_back(std::accumulate(first, first + 96, 0.0));  // integers: exact in any order
    expected.push_back(*std::max_element(first, first + 96));
  }
  in_each_order([&] {
    const DeviceBuffer<double> dx(x), y(10);
    launch<reduce_kernel>({.blocks = 5, .threads = 96}, dx.data(), y.data());
    EXPECT_EQ(y.values(), expected);
  });
}

__global__ void count_kernel(int* ones, float* halves) {
  atomicAdd(ones, 1);
  atomicAdd(halves, 0.5f);
}

TEST(CudaLanguage, AtomicsOfManyBlocksLoseNothing) {
  const DeviceBuffer<int> ones(std::vector<int>(1, 0));
  const DeviceBuffer<float> halves(std::vector<float>(1, 0.0f));
  launch<count_kernel>({.blocks = 100, .threads = 64}, ones.data(), halves.data());
  EXPECT_EQ(ones.values()[0], 6400);
  EXPECT_EQ(halves.values()[0], 3200.0f);
}

// ---- 16-bit floats

#if defined(__FLT16_MAX__) && defined(__x86_64__)  // g++ 12 has _Float16 in C++ there only
TEST(CudaLanguage, HalvesAreTheCompilersHalves) {
  for (unsigned bits = 0; bits < 65536; ++bits) {
    const auto h = static_cast<std::uint16_t>(bits);
    const auto expected = static_cast<float>(std::bit_cast<_Float16>(h));
    const float got = __half2float({h});
    ASSERT_TRUE(got == expected || (std::isnan(got) && std::isnan(expected))) << bits;
  }
  // Every exponent, with mantissas around the ties of rounding.
  for (std::uint32_t high = 0; high < 4096; ++high)
    for (const std::uint32_t low :
         {0x0u, 0xfffu, 0x1000u, 0x1001u, 0x2fffu, 0x3000u, 0x3001u, 0xf000u, 0xfffffu}) {
      const float f = std::bit_cast<float>(high << 20 | low);
      const auto expected = std::bit_cast<std::uint16_t>(static_cast<_Float16>(f));
      const std::uint16_t got = __float2half_rn(f).bits;
      if (std::isnan(f))
        ASSERT_TRUE(std::isnan(__half2float({got})));
      else
        ASSERT_EQ(got, expected) << f;
    }
}
#endif

// bfloat16 is the upper half of a float: the nearest of the two neighbours, the even one in the middle.
TEST(CudaLanguage, Bfloat16RoundsToTheNearestAndEven) {
  for (std::uint32_t high = 0; high < 0x7f00; high += 37)
    for (const std::uint32_t low : {0x0u, 0x1u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu}) {
      const double below = std::bit_cast<float>(high << 16), above = std::bit_cast<float>((high + 1) << 16);
      const double v = std::bit_cast<float>(high << 16 | low), to_below = v - below, to_above = above - v;
      const bool up = to_above < to_below || (to_above == to_below && high % 2 == 1);
      const float f = std::bit_cast<float>(high << 16 | low);
      ASSERT_EQ(__bfloat162float(__float2bfloat16_rn(f)), up ? above : below) << f;
      ASSERT_EQ(__bfloat162float(__float2bfloat16_rn(-f)), up ? -above : -below) << f;
    }
  EXPECT_TRUE(std::isnan(__bfloat162float(__float2bfloat16_rn(NAN))));
  EXPECT_EQ(__bfloat162float(__float2bfloat16_rn(INFINITY)), INFINITY);
}

}  // namespace
}  // namespace clearcut::test
