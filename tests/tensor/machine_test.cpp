#include "tensor/machine.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>
#include <thread>
#include <vector>

#include "tensor/cpu/isa.h"
#include "tensor/error.h"
#include "tensor/file.h"
#include "tensor/process.h"
#include "tests/fresh_folder.h"

namespace clearcut {
namespace {

// The chain x = x * f + t, by hand, for every lane of every chain c: its start is c.
TEST(Machine, TheMultiplyAddLoopComputesItsChains) {
  for (const std::string_view isa : supported_isas()) {
    set_isa(isa);
    const auto& peak = *isa_table().peak;
    const std::int64_t lanes = isa_table().gemm->lanes, chains = peak.round / lanes;
    // After two rounds: sum over c of (c f + t) f + t, in numbers that floats hold exactly.
    const double starts = static_cast<double>(chains * (chains - 1) / 2), n = static_cast<double>(chains);
    const double expected = static_cast<double>(lanes) * ((starts * 0.5 + n * 4) * 0.5 + n * 4);
    EXPECT_EQ(peak.multiply_add(2, 0.5f, 4.0f), static_cast<float>(expected)) << isa;
  }
  set_isa("");
}

TEST(Machine, TheMemoryLoopsComputeTheirSums) {
  std::vector<float> a(192), b(192), c(192);
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(i);
  for (const std::string_view isa : supported_isas()) {
    set_isa(isa);
    const auto& peak = *isa_table().peak;
    EXPECT_EQ(peak.read(a.data(), 192), 191.0f * 192 / 2) << isa;
    peak.copy(a.data(), b.data(), 192);
    EXPECT_EQ(a, b) << isa;
    peak.triad(a.data(), b.data(), 2, c.data(), 192);
    for (std::size_t i = 0; i < c.size(); ++i) ASSERT_EQ(c[i], 3 * a[i]) << isa;
  }
  set_isa("");
}

// No processor multiplies and adds less than once per nanosecond or more than a thousand times per cycle and
// thread, and no memory is slower than ten bytes a microsecond.
TEST(Machine, LimitsAreSane) {
  const MachineLimits limits = measure_machine(1);
  EXPECT_EQ(limits.isa, isa_table().name);
  EXPECT_GT(limits.flops, 1e8);
  EXPECT_LT(limits.flops, 1e13);
  for (const Bandwidth& b : {limits.l2, limits.l3, limits.memory}) {
    EXPECT_GT(b.bytes, std::size_t{100'000});
    for (const double rate : {b.read, b.copy, b.triad}) {
      EXPECT_GT(rate, 1e7);
      EXPECT_LT(rate, 1e13);
    }
  }
  EXPECT_THROW(measure_machine(0), Error);
}

TEST(Process, ThreadsArePinnedAndFreedAgain) {
  const std::vector<int> before = usable_processors();
  {
    const PinnedThreads pinned;
    EXPECT_EQ(usable_processors().size(), 1u);
  }
  EXPECT_EQ(usable_processors(), before);
}

TEST(Process, TheIdlestProcessorsAreTheUsableOnes) {
  std::vector<int> idlest = idlest_processors();
  std::sort(idlest.begin(), idlest.end());
  EXPECT_EQ(idlest, usable_processors());
}

TEST(Process, ResidentPeakSeesTouchedMemory) {
  reset_resident_peak();
  const std::size_t before = resident_peak();
  if (before == 0) GTEST_SKIP() << "the system does not tell the resident size (/proc/self/status)";
  // Asked of the system: a block of malloc() could lie where freed ones are still resident.
  constexpr std::size_t kBytes = std::size_t{64} << 20;
  void* const memory = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  std::memset(memory, 1, kBytes);
  // The kernel counts pages in bundles per processor; a sixteenth is far more than that.
  EXPECT_GE(resident_peak(), before + kBytes - kBytes / 16);
  munmap(memory, kBytes);
}

// Groups of version 2, of version 1, and both; names of groups that a container does not see.
TEST(Process, TheLeastQuotaOfAllGroupsCounts) {
  const std::string root = test::fresh_folder(), groups = root + "/sys/fs/cgroup";
  EXPECT_EQ(processor_quota(root), std::numeric_limits<double>::infinity());
  write_file(root + "/proc/self/cgroup", "4:cpu,cpuacct:/docker/abc\n3:cpuset:/\n0::/pod/job\n");
  EXPECT_EQ(processor_quota(root), std::numeric_limits<double>::infinity());
  write_file(groups + "/pod/cpu.max", "350000 100000\n");
  write_file(groups + "/pod/job/cpu.max", "max 100000\n");
  EXPECT_EQ(processor_quota(root), 3.5);
  write_file(groups + "/cpu/cpu.cfs_quota_us", "-1\n");
  write_file(groups + "/cpu/cpu.cfs_period_us", "50000\n");
  EXPECT_EQ(processor_quota(root), 3.5);
  write_file(groups + "/cpu/cpu.cfs_quota_us", "100000\n");
  EXPECT_EQ(processor_quota(root), 2);
}

// Two threads on one processor: each waits about half of the time.
TEST(Process, WaitingForAProcessorIsSeen) {
  const double before = seconds_waited_for_processors();
  const int processor = usable_processors()[0];
  double waited = 0;
  const auto spin = [&](bool ask) {
    pin_this_thread(processor);
    const auto start = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - start < std::chrono::milliseconds(100)) continue;
    if (ask) waited = seconds_waited_for_processors() - before;
  };
  std::thread a(spin, true), b(spin, false);
  a.join();
  b.join();
  if (waited == 0) GTEST_SKIP() << "the system does not tell waiting times (/proc/self/task/*/schedstat)";
  EXPECT_GT(waited, 0.02);
}

}  // namespace
}  // namespace clearcut
