// How the emulated device runs kernels. Tests choose; kernels never see this.
#pragma once

#include <cstddef>
#include <cstdint>

namespace clearcut::emulator {

/// In which order blocks, warps and the threads of a warp run between two points where they wait.
enum class Order { kForward, kReverse, kRandom };

struct Settings {
  Order order = Order::kForward;
  std::uint64_t seed = 1;  // of Order::kRandom
  bool lazy = false;       // copies and kernels stay in their stream until something waits for them
  bool protect = false;    // host code that touches device memory is stopped (SIGSEGV, with a message)
};
const Settings& settings();
void set_settings(const Settings& settings);

/// What the device allows: a block of 1,024 threads, 48 KiB of shared memory, and after asking for it 99 KiB,
/// the least of sm_80 to sm_120.
constexpr std::uint64_t kMaxThreads = 1024;
constexpr std::size_t kMaxShared = 48 * 1024, kMaxSharedOptIn = 99 * 1024;

/// Kernels that ran, ever.
std::int64_t kernels_run();

}  // namespace clearcut::emulator
