// Kernels with a planted defect each, built by nvcc: the PTX interpreter must notice every one, and say what,
// who and on which line of this file.
#include <gtest/gtest.h>

#include "cuda/gpu.cuh"
#include "tests/cuda/device_buffer.h"
#include "tests/errors.h"

namespace clearcut::test {
namespace {

using cuda::launch;

constexpr int kThreads = 64;
const std::string kHere = "tests/ptx/built/planted_test.cu:";

/// Runs `kernel` on 64 floats that start as 0.
template <auto kernel>
std::vector<float> run(unsigned threads = kThreads, std::size_t shared_bytes = 0, unsigned blocks = 1) {
  const DeviceBuffer<float> y(std::vector<float>(kThreads, 0.0f));
  launch<kernel>({.blocks = blocks, .threads = threads, .shared_bytes = shared_bytes}, y.data());
  return y.values();
}
std::string line(int number) { return kHere + std::to_string(number); }

// ---- barriers that are missing

constexpr int kReverseLine = __LINE__ + 4;  // where s is written first
template <bool first, bool second>
__global__ void reverse_kernel(float* y) {
  SHARED(float, s, [kThreads]);
  s[threadIdx.x] = static_cast<float>(threadIdx.x);
  if constexpr (first) __syncthreads();
  const float value = s[kThreads - 1 - threadIdx.x];
  if constexpr (second) __syncthreads();
  s[threadIdx.x] = -1;  // the memory is used again
  y[threadIdx.x] = value;
}

TEST(PtxPlanted, RightKernelsAreLeftAlone) {
  std::vector<float> reversed(kThreads);
  for (int i = 0; i < kThreads; ++i) reversed[i] = static_cast<float>(kThreads - 1 - i);
  EXPECT_EQ((run<reverse_kernel<true, true>>()), reversed);
}
TEST(PtxPlanted, MissingBarriersAreRaces) {
  // Warps run one after another: the second writes what the first has read, or reads what it overwrote.
  expect_error([] { run<reverse_kernel<false, true>>(); },
               "thread 32: race in shared memory: a write of byte 128 after a read of thread 31");
  expect_error([] { run<reverse_kernel<false, true>>(); }, line(kReverseLine));
  expect_error([] { run<reverse_kernel<true, false>>(); },
               "thread 32: race in shared memory: a read of byte 124 after a write of thread 31");
  expect_error([] { run<reverse_kernel<true, false>>(); }, line(kReverseLine + 2));
}

template <bool right>
__global__ void halving_kernel(float* y) {
  SHARED(float, s, [32]);
  s[threadIdx.x] = 1;
  for (unsigned offset = 16; offset > 0; offset /= 2) {
    if constexpr (right) __syncwarp();
    if (threadIdx.x < offset) s[threadIdx.x] += s[threadIdx.x + offset];
  }
  if constexpr (right) __syncwarp();
  y[threadIdx.x] = s[0];
}
TEST(PtxPlanted, MissingWarpBarriersAreRaces) {
  EXPECT_EQ((run<halving_kernel<true>>(32)[31]), 32);
  expect_error([] { run<halving_kernel<false>>(32); }, "race in shared memory");
}

__global__ void count_blocks_kernel(float* y) {
  if (threadIdx.x == 0) y[0] += 1;
}
__global__ void count_threads_kernel(float* y) { atomicAdd(y, 1.0f), y[1] += 1; }
__global__ void neighbours_kernel(float* y) { y[threadIdx.x] = y[(threadIdx.x + 1) % kThreads] + 1; }
TEST(PtxPlanted, RacesInGlobalMemory) {
  expect_error([] { run<count_blocks_kernel>(32, 0, 8); }, "race in global memory");
  expect_error([] { run<count_blocks_kernel>(32, 0, 8); }, "of a buffer of 256 bytes after");
  expect_error([] { run<count_threads_kernel>(); }, "race in global memory");
  expect_error([] { run<neighbours_kernel>(); }, "race in global memory");
}

// ---- barriers in the wrong place

__global__ void two_barriers_kernel(float* y) {
  if (threadIdx.x < 16) {
    __syncthreads();
    y[threadIdx.x] = 2;
  } else {
    y[threadIdx.x] = 1;
    __syncthreads();
  }
}
__global__ void early_exit_kernel(float* y) {
  if (threadIdx.x >= 40) return;
  __syncthreads();
  y[threadIdx.x] = 1;
}
TEST(PtxPlanted, DivergentBarriers) {
  expect_error([] { run<two_barriers_kernel>(); }, "divergent barrier: thread 0 waits at " + kHere);
  expect_error([] { run<two_barriers_kernel>(); }, ", thread 16 waits at " + kHere);
  expect_error([] { run<early_exit_kernel>(); }, "but thread 40 has exited");
}

// ---- lanes

__global__ void shuffle_in_branch_kernel(float* y) {
  float v = static_cast<float>(threadIdx.x);
  if (threadIdx.x < 16) v = __shfl_down_sync(0xffffffffu, v, 8);
  y[threadIdx.x] = v;
}
__global__ void shuffle_from_outside_kernel(float* y) {
  float v = static_cast<float>(threadIdx.x);
  if (threadIdx.x % 32 < 16) v = __shfl_down_sync(0x0000ffffu, v, 8);
  y[threadIdx.x] = v;
}
__global__ void not_in_own_mask_kernel(float* y) {
  y[threadIdx.x] = __shfl_sync(0x0000ffffu, y[threadIdx.x], 0);
}
TEST(PtxPlanted, WrongMasks) {
  expect_error([] { run<shuffle_in_branch_kernel>(32); },
               "deadlock: lanes ffff wait for lanes that never come");
  expect_error([] { run<shuffle_in_branch_kernel>(32); }, "exited: ffff0000 at ");
  expect_error([] { run<shuffle_from_outside_kernel>(); }, "which is not in the mask 0xffff");
  expect_error([] { run<not_in_own_mask_kernel>(); }, "thread 16: the lane is not in the mask 0xffff");
}

// ---- bounds

__global__ void shared_overrun_kernel(float* y) {
  SHARED(float, s, [kThreads]);
  float* p = s;
  p[threadIdx.x + 1] = 1;
  __syncthreads();
  y[threadIdx.x] = p[threadIdx.x];
}
__global__ void dynamic_overrun_kernel(float* y) {
  DYNAMIC_SHARED(float, s);
  s[threadIdx.x] = 1;
  __syncthreads();
  y[threadIdx.x] = s[0];
}
constexpr int kOverrunLine = __LINE__ + 1;
__global__ void global_overrun_kernel(float* y) { y[threadIdx.x + 1] = 1; }
__global__ void own_overrun_kernel(float* y) {
  float own[4] = {1, 2, 3, 4};
  own[static_cast<int>(y[0]) + threadIdx.x] = 7;
  y[threadIdx.x] = own[threadIdx.x % 4];
}
__global__ void misaligned_kernel(float* y) {
  const float4 v = *reinterpret_cast<const float4*>(y + 1);
  *reinterpret_cast<float4*>(y + 8) = v;
}
TEST(PtxPlanted, Bounds) {
  expect_error([] { run<shared_overrun_kernel>(); },
               "a 4-byte write at byte 256 of 256 bytes of shared memory");
  expect_error([] { run<dynamic_overrun_kernel>(kThreads, 63 * sizeof(float)); },
               "of 252 bytes of shared memory");
  expect_error([] { run<global_overrun_kernel>(); },
               "4-byte write of global memory at byte 256 of a buffer of 256");
  expect_error([] { run<global_overrun_kernel>(); }, "global_overrun_kernel: block (0, 0, 0), thread 63: ");
  expect_error([] { run<global_overrun_kernel>(); }, line(kOverrunLine));
  expect_error([] { run<own_overrun_kernel>(); }, "of the thread's own memory");
  expect_error([] { run<misaligned_kernel>(1); }, "which is no multiple of its size");
  expect_error(
      [] { launch<global_overrun_kernel>({.blocks = 1, .threads = 1}, static_cast<float*>(nullptr)); },
      "which is in no buffer");
}
TEST(PtxPlanted, FreedMemory) {
  float* freed = DeviceBuffer<float>(1 << 20).data();  // large: the next allocation does not take its place
  expect_error([&] { launch<global_overrun_kernel>({.blocks = 1, .threads = 1}, freed); },
               "which is in no buffer");
}
TEST(PtxPlanted, CopiesStayInsideTheirBuffers) {
  const DeviceBuffer<float> x(4);
  float host[5] = {};
  const auto copy = [&](cudaError_t error) { cuda::check_call(error, "cudaMemcpy"); };
  expect_error([&] { copy(cudaMemcpy(host, x.data(), 20, cudaMemcpyDeviceToHost)); },
               "20 bytes from byte 0 of a buffer of 16");
  expect_error([&] { copy(cudaMemcpy(x.data() + 1, host, 16, cudaMemcpyHostToDevice)); },
               "16 bytes from byte 4 of a");
  expect_error([&] { copy(cudaMemset(x.data() + 1, 0, 16)); }, "fill: 16 bytes from byte 4 of a");
  expect_error([&] { copy(cudaFree(x.data() + 1)); }, "not the start of a buffer");
}

// ---- numbers that nobody wrote

__global__ void shared_unwritten_kernel(float* y) {
  SHARED(float, s, [kThreads]);
  if (threadIdx.x % 2 == 1) s[threadIdx.x] = 1;
  __syncthreads();
  y[threadIdx.x] = s[threadIdx.x] * 2;
}
__global__ void add_one_kernel(const float* x, float* y) { y[threadIdx.x] = x[threadIdx.x] + 1; }
__global__ void branch_kernel(const float* x, float* y) {
  if (x[threadIdx.x] > 1) y[threadIdx.x] = 1;
}
__global__ void gather_kernel(const int* at, float* y) { y[threadIdx.x] = y[at[threadIdx.x]]; }
__global__ void atomic_kernel(int* counter) { atomicAdd(counter, 1); }
TEST(PtxPlanted, MemoryThatNobodyWrote) {
  const DeviceBuffer<float> fresh(4), y(std::vector<float>(4, 0.0f));
  const DeviceBuffer<int> places(4);
  const cuda::Grid four{.blocks = 1, .threads = 4};
  expect_error([] { run<shared_unwritten_kernel>(); },
               "the value written depends on memory that nobody wrote");
  expect_error([&] { launch<add_one_kernel>(four, fresh.data(), y.data()); },
               "the value written depends on memory");
  expect_error([&] { launch<branch_kernel>(four, fresh.data(), y.data()); },
               "a branch or condition depends on memory");
  expect_error([&] { launch<gather_kernel>(four, places.data(), y.data()); },
               "the address depends on memory");
  expect_error([&] { launch<atomic_kernel>(four, places.data()); },
               "an atomic access to memory that nobody wrote");
}

// ---- copies that nobody waited for

template <bool wait, bool barrier>
__global__ void async_kernel(const float* x, float* y) {
  SHARED(float, s, [4 * kThreads]);
  cuda::async_copy<16>(s + 4 * threadIdx.x, x + 4 * threadIdx.x);
  cuda::async_commit();
  if constexpr (wait) cuda::async_wait<0>();
  if constexpr (barrier) __syncthreads();
  y[threadIdx.x] = s[(4 * threadIdx.x + 4) % (4 * kThreads)];  // a neighbour's copy
  if constexpr (!wait) cuda::async_wait<0>();
}
__global__ void async_forgotten_kernel(const float* x) {
  SHARED(float, s, [4]);
  cuda::async_copy<16>(s, x);
  cuda::async_commit();
}
__global__ void async_misaligned_kernel(const float* x) {
  SHARED(float, s, [8]);
  cuda::async_copy<16>(s, x + 1);
  cuda::async_wait<0>();
}
template <auto kernel>
std::vector<float> copies() {
  const DeviceBuffer<float> x(std::vector<float>(4 * kThreads, 5.0f)), y(kThreads);
  launch<kernel>({.blocks = 1, .threads = kThreads}, x.data(), y.data());
  return y.values();
}
TEST(PtxPlanted, CopiesThatNobodyWaitedFor) {
  EXPECT_EQ((copies<async_kernel<true, true>>()), std::vector<float>(kThreads, 5.0f));
  expect_error([] { copies<async_kernel<false, true>>(); },
               "the value written depends on memory that nobody wrote");
  expect_error([] { copies<async_kernel<true, false>>(); }, "race in shared memory");
  const DeviceBuffer<float> x(std::vector<float>(8, 1.0f));
  const cuda::Grid one{.blocks = 1, .threads = 1};
  expect_error([&] { launch<async_forgotten_kernel>(one, x.data()); },
               "cp.async copies that it never waited for");
  expect_error([&] { launch<async_misaligned_kernel>(one, x.data()); }, "which is no multiple of its size");
}

// ---- launches that a device refuses, instructions that are not known

__global__ void one_kernel(float* y) { y[threadIdx.x] = 1; }
__global__ void unknown_kernel(float* y) {
  unsigned v = 1;
  if (y[threadIdx.x] == 0) asm volatile("nanosleep.u32 %0;" ::"r"(v));
  y[threadIdx.x] = 2;
}
__global__ void trap_kernel(float* y) {
  if (y[threadIdx.x] == 0) __trap();
}
TEST(PtxPlanted, IllegalLaunchesAreRefused) {
  expect_error([] { run<one_kernel>(2048); }, "one_kernel: a block must have 1 to 1024 threads");
  expect_error([] { run<one_kernel>(32, 100 * 1024); },
               "may have 101376 bytes of shared memory; asked for 102400");
  const DeviceBuffer<float> y(1);
  expect_error([&] { launch<one_kernel>({.blocks = dim3(1, 70000), .threads = 1}, y.data()); },
               "got 1 x 70000 x 1");
  expect_error([&] { launch<one_kernel>({.blocks = 1, .threads = dim3(1, 1, 65)}, y.data()); }, "64 along z");
}
TEST(PtxPlanted, UnknownInstructionsAreNamed) {
  expect_error([] { run<unknown_kernel>(); }, "the interpreter does not know the instruction nanosleep.u32");
  expect_error([] { run<trap_kernel>(); }, "the kernel came to a trap");
  EXPECT_EQ(run<one_kernel>(), std::vector<float>(kThreads, 1.0f)) << "the device goes on after an error";
}

}  // namespace
}  // namespace clearcut::test
