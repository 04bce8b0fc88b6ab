// Kernels with a planted defect each: the emulator must notice every one, and say what and where. Built with
// a sanitizer, that one notices races or bounds first; tests say which.
#include <gtest/gtest.h>

#include <sys/wait.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "tests/cuda/device.h"
#include "tests/cuda/sanitizers.h"
#include "tests/errors.h"

namespace clearcut::test {
namespace {

using cuda::launch;

constexpr int kThreads = 64;

/// Runs `kernel` on 64 floats that start as 0.
template <auto kernel>
std::vector<float> run(unsigned threads = kThreads, std::size_t shared_bytes = 0) {
  const DeviceBuffer<float> y(std::vector<float>(kThreads, 0.0f));
  launch<kernel>({.blocks = 1, .threads = threads, .shared_bytes = shared_bytes}, y.data());
  return y.values();
}

/// How many of all_orders() give other numbers than `expected`.
template <auto kernel>
int orders_that_notice(const std::vector<float>& expected, unsigned threads = kThreads) {
  int noticed = 0;
  in_each_order([&] { noticed += run<kernel>(threads) != expected; });
  return noticed;
}

/// `call` must end the program with a sanitizer's report.
template <class Call>
void expect_report(const Call& call, const std::string& text) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto call_and_leave = [&] {
    call();
    std::exit(0);  // the thread sanitizer's own code after a report: 66
  };
  EXPECT_EXIT(
      call_and_leave(), [](int status) { return WIFEXITED(status) && WEXITSTATUS(status) != 0; }, text);
}

/// A kernel without a barrier that it needs.
template <auto kernel>
void expect_race_noticed(const std::vector<float>& expected, unsigned threads = kThreads) {
  if (kThreadSanitizer)
    expect_report([=] { run<kernel>(threads); }, "data race");
  else
    EXPECT_GE(orders_that_notice<kernel>(expected, threads), 1);
}

std::vector<float> reversed() {
  std::vector<float> y(kThreads);
  for (int i = 0; i < kThreads; ++i) y[static_cast<std::size_t>(i)] = static_cast<float>(kThreads - 1 - i);
  return y;
}

constexpr bool kSanitizer = kAddressSanitizer || kThreadSanitizer;

// ---- barriers

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

TEST(PlantedDeathTest, MissingBarriersGiveOtherNumbers) {
  EXPECT_EQ((orders_that_notice<reverse_kernel<true, true>>(reversed())), 0);
  expect_race_noticed<reverse_kernel<false, true>>(reversed());
  expect_race_noticed<reverse_kernel<true, false>>(reversed());
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

TEST(PlantedDeathTest, MissingWarpBarrierGivesOtherNumbers) {
  std::vector<float> expected(kThreads, 0.0f);
  std::fill_n(expected.begin(), 32, 32.0f);
  EXPECT_EQ((orders_that_notice<halving_kernel<true>>(expected, 32)), 0);
  expect_race_noticed<halving_kernel<false>>(expected, 32);
}

__global__ void two_barriers_kernel(float* y) {
  if (threadIdx.x < 16)
    __syncthreads();
  else
    __syncthreads();
  y[threadIdx.x] = 1;
}
__global__ void early_exit_kernel(float* y) {
  if (threadIdx.x >= 40) return;
  __syncthreads();
  y[threadIdx.x] = 1;
}

TEST(Planted, DivergentBarriersAreNamedWithTheirPlaces) {
  in_each_order([&] {
    expect_error([] { run<two_barriers_kernel>(); },
                 "block (0, 0, 0): divergent __syncthreads: thread 0 waits at tests/cuda/planted_test.cpp:");
    expect_error([] { run<two_barriers_kernel>(); }, ", thread 16 at tests/cuda/planted_test.cpp:");
    expect_error([] { run<early_exit_kernel>(); }, "thread 40 has exited");
  });
}

// ---- lanes

__global__ void shuffle_in_branch_kernel(float* y) {
  float v = 1;
  if (threadIdx.x < 16) v = __shfl_down_sync(0xffffffffu, v, 8);
  y[threadIdx.x] = v;
}
__global__ void shuffle_from_outside_kernel(float* y) {
  float v = 1;
  if (threadIdx.x % 32 < 16) v = __shfl_down_sync(0x0000ffffu, v, 8);
  y[threadIdx.x] = v;
}
__global__ void not_in_own_mask_kernel(float* y) { y[threadIdx.x] = __shfl_sync(0x0000ffffu, 1.0f, 0); }
__global__ void two_shuffles_kernel(float* y) {
  if (threadIdx.x % 2 == 0)
    y[threadIdx.x] = __shfl_sync(0xffffffffu, 1.0f, 0);
  else
    y[threadIdx.x] = static_cast<float>(__ballot_sync(0xffffffffu, 1));
}

TEST(Planted, WrongShuffleMasksAreNamed) {
  const WithSettings reverse({.order = emulator::Order::kReverse});
  expect_error([] { run<shuffle_in_branch_kernel>(32); },
               "thread 15: the mask 0xffffffff at tests/cuda/planted_test.cpp:");
  emulator::set_settings({});
  expect_error([] { run<shuffle_in_branch_kernel>(32); }, "for lanes ffffffff, but only lanes ffff came");
  expect_error([] { run<shuffle_from_outside_kernel>(); },
               "reads lane 16, which is not in the mask 0xffff at tests/cuda/planted_test.cpp:");
  expect_error([] { run<not_in_own_mask_kernel>(); }, "lane 16 is not in the mask 0xffff");
  expect_error([] { run<two_shuffles_kernel>(); }, "wait for each other in different places");
}

// ---- bounds

__global__ void shared_overrun_kernel(float* y) {
  SHARED(float, s, [kThreads]);
  float* p = s;
  p[threadIdx.x + 1] = 1;
  __syncthreads();
  y[threadIdx.x] = 1;
}
__global__ void shared_index_kernel(float* y) {
  SHARED(float, s, [4][8]);
  s[1][threadIdx.x % 16] = 1;
  __syncthreads();
  y[threadIdx.x] = s[1][threadIdx.x % 8];
}
__global__ void dynamic_overrun_kernel(float* y) {
  DYNAMIC_SHARED(float, s);
  s[threadIdx.x] = 1;
  __syncthreads();
  y[threadIdx.x] = s[0];
}
__global__ void global_overrun_kernel(float* y) { y[threadIdx.x + 1] = 1; }
__global__ void large_shared_kernel(float* y) {
  SHARED(float, s, [13 * 1024]);
  s[threadIdx.x] = 1;
  y[threadIdx.x] = s[threadIdx.x];
}

TEST(Planted, SharedBoundsAreChecked) {
  expect_error([] { run<shared_index_kernel>(); }, "thread 8: index 8 of a dimension of 8 in shared array s");
  expect_error([] { run<large_shared_kernel>(); },
               "53248 bytes of static shared memory; the device has 49152");
  if (kAddressSanitizer) return;  // AccessesOutsideAreReportedWithTheirPlace
  expect_error([] { run<shared_overrun_kernel>(); },
               "byte 0 behind s (256 bytes) in shared memory was written");
  expect_error([] { run<dynamic_overrun_kernel>(kThreads, 63 * sizeof(float)); },
               "byte 0 behind dynamic shared memory (252 bytes)");
  expect_error([] { run<dynamic_overrun_kernel>(1); }, "memory before the first shared variable was written");
}

TEST(Planted, GlobalBoundsAreChecked) {
  if (kSanitizer) return;  // sanitizers handle faults themselves
  expect_error([] { run<global_overrun_kernel>(); }, "thread 63 touched byte 256 of a buffer of 256 bytes");
  const DeviceBuffer<float> five(5);  // 12 bytes lie between its end and its guard page
  expect_error([&] { launch<global_overrun_kernel>({.blocks = 1, .threads = 5}, five.data()); },
               "a thread wrote byte 20 of a buffer of 20 bytes");
  expect_error(
      [] { launch<global_overrun_kernel>({.blocks = 1, .threads = 1}, static_cast<float*>(nullptr)); },
      "thread 0 touched address 0x4, which is in no buffer");
  EXPECT_EQ((run<reverse_kernel<true, true>>()), reversed()) << "the device goes on after an error";
}

TEST(Planted, CopiesStayInsideTheirBuffers) {
  const DeviceBuffer<float> x(4);
  float host[5];
  expect_error([&] { cuda::check_call(cudaMemcpy(host, x.data(), 20, cudaMemcpyDeviceToHost), "copy"); },
               "20 bytes are not there: byte 0 of a buffer of 16 bytes");
  expect_error([&] { cuda::check_call(cudaMemcpy(x.data() + 1, host, 16, cudaMemcpyHostToDevice), "copy"); },
               "16 bytes do not fit: byte 4 of a buffer of 16 bytes");
  expect_error([&] { cuda::check_call(cudaMemsetAsync(x.data() + 1, 0, 16), "set"); }, "do not fit");
  expect_error([&] { cuda::check_call(cudaFree(x.data() + 1), "free"); }, "not the start of a buffer");
}

// ---- numbers that nobody wrote

__global__ void shared_unwritten_kernel(float* y) {
  SHARED(float, s, [kThreads]);
  if (threadIdx.x % 2 == 1) s[threadIdx.x] = 1;
  __syncthreads();
  y[threadIdx.x] = s[threadIdx.x];
}
__global__ void add_one_kernel(const float* x, float* y) { y[threadIdx.x] = x[threadIdx.x] + 1; }

TEST(Planted, UnwrittenMemoryIsNaN) {
  const std::vector<float> y = run<shared_unwritten_kernel>();
  for (std::size_t i = 0; i < y.size(); ++i) EXPECT_EQ(std::isnan(y[i]), i % 2 == 0) << i;
  const DeviceBuffer<float> fresh(4), z(4);
  launch<add_one_kernel>({.blocks = 1, .threads = 4}, fresh.data(), z.data());
  for (const float v : z.values()) EXPECT_TRUE(std::isnan(v));
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
__global__ void async_to_global_kernel(float* x) { cuda::async_copy<16>(x + 4, x); }
__global__ void async_misaligned_kernel(const float* x) {
  SHARED(float, s, [8]);
  cuda::async_copy<16>(s, x + 1);
}

template <auto kernel>
bool copies_right() {
  const DeviceBuffer<float> x(std::vector<float>(4 * kThreads, 5.0f)), y(kThreads);
  launch<kernel>({.blocks = 1, .threads = kThreads}, x.data(), y.data());
  return y.values() == std::vector<float>(kThreads, 5.0f);
}

TEST(PlantedDeathTest, MissingWaitsForCopiesGiveOtherNumbers) {
  in_each_order([] { EXPECT_TRUE((copies_right<async_kernel<true, true>>())); });
  if (kThreadSanitizer) {
    expect_report([] { copies_right<async_kernel<true, false>>(); }, "data race");
    expect_report([] { copies_right<async_kernel<false, true>>(); }, "data race");
  } else {
    int without_wait = 0, without_barrier = 0;
    in_each_order([&] {
      without_wait += !copies_right<async_kernel<false, true>>();
      without_barrier += !copies_right<async_kernel<true, false>>();
    });
    EXPECT_EQ(without_wait, static_cast<int>(all_orders().size()));
    EXPECT_GE(without_barrier, 1);
  }
}

TEST(Planted, WrongCopiesAreRefused) {
  const DeviceBuffer<float> x(8);
  const cuda::Grid one{.blocks = 1, .threads = 1};
  expect_error([&] { launch<async_forgotten_kernel>(one, x.data()); },
               "cp.async copies that it never waited for");
  expect_error([&] { launch<async_to_global_kernel>(one, x.data()); },
               "cp.async to memory that is not shared");
  expect_error([&] { launch<async_misaligned_kernel>(one, x.data()); }, "between misaligned addresses");
}

// ---- launches that a device refuses

__global__ void one_kernel(float* y) { y[threadIdx.x] = 1; }

TEST(Planted, IllegalLaunchesAreRefused) {
  expect_error([] { run<one_kernel>(2048); }, "one_kernel: a block must have 1 to 1024 threads");
  expect_error([] { run<one_kernel>(0); }, "got 0 x 1 x 1");
  expect_error([] { run<one_kernel>(32, 100 * 1024); },
               "may have 101376 bytes of shared memory; asked for 102400");
  const DeviceBuffer<float> y(1);
  expect_error([&] { launch<one_kernel>({.blocks = dim3(1, 70000), .threads = 1}, y.data()); },
               "got 1 x 70000 x 1");
  expect_error([&] { launch<one_kernel>({.blocks = 1, .threads = dim3(1, 1, 65)}, y.data()); }, "64 along z");
}

// ---- what only a sanitizer sees

#if CLEARCUT_TSAN
__global__ void count_blocks_kernel(float* y) {
  if (threadIdx.x == 0) y[0] += 1;
}
TEST(PlantedDeathTest, BlocksThatRaceAreReported) {
  expect_report(
      [] {
        const DeviceBuffer<float> y(std::vector<float>(1, 0.0f));
        launch<count_blocks_kernel>({.blocks = 8, .threads = 32}, y.data());
      },
      "data race");
}
#endif

#if CLEARCUT_ASAN
__global__ void misaligned_kernel(float* y) { y[threadIdx.x] = reinterpret_cast<const float4*>(y + 1)->x; }

TEST(PlantedDeathTest, AccessesOutsideAreReportedWithTheirPlace) {
  expect_report([] { run<shared_overrun_kernel>(); }, "use-after-poison.*\n.*\n.*shared_overrun_kernel");
  expect_report([] { run<dynamic_overrun_kernel>(kThreads, 63 * sizeof(float)); }, "use-after-poison");
  expect_report([] { run<dynamic_overrun_kernel>(1); }, "use-after-poison");
  expect_report([] { run<global_overrun_kernel>(); }, "heap-buffer-overflow");
  expect_report([] { run<misaligned_kernel>(1); }, "misaligned address");  // SAN=address,undefined
}
#endif

// ---- the host's hands

TEST(PlantedDeathTest, HostCodeMayNotTouchDeviceMemory) {
  if (kSanitizer) return;  // sanitizers handle faults themselves
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const WithSettings protect({.protect = true});
  const DeviceBuffer<float> x(kThreads);
  const volatile float* address = x.data() + 3;
  EXPECT_DEATH(static_cast<void>(*address),
               "host code touched device memory: byte 12 of a buffer of 256 bytes");
}

}  // namespace
}  // namespace clearcut::test
