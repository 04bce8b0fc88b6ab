#include "tensor/machine.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "tensor/cpu/isa.h"
#include "tensor/error.h"
#include "tensor/process.h"

namespace clearcut {

namespace {

using Clock = std::chrono::steady_clock;
using Body = std::function<void(int thread)>;

/// Runs body(thread) on pinned threads that start together; seconds until the last one is done. All calls use
/// the same processors: each has its own caches.
double time_on_threads(int threads, const Body& body) {
  static const std::vector<int> processors = idlest_processors();
  std::atomic<int> ready{0};
  std::atomic<bool> go{false};
  std::vector<Clock::time_point> end(static_cast<std::size_t>(threads));
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t)
    workers.emplace_back([&, t] {
      const auto i = static_cast<std::size_t>(t);
      pin_this_thread(processors[i % processors.size()]);
      ++ready;
      while (!go.load(std::memory_order_acquire)) sched_yield();
      body(t);
      end[i] = Clock::now();
    });
  while (ready.load() < threads) sched_yield();
  const auto start = Clock::now();
  go.store(true, std::memory_order_release);
  for (std::thread& worker : workers) worker.join();
  return std::chrono::duration<double>(*std::max_element(end.begin(), end.end()) - start).count();
}

/// The least time of one call of body(thread, calls): as many calls as take some milliseconds, several times.
double best_time(int threads, const std::function<void(int thread, std::int64_t calls)>& body) {
  constexpr double kSeconds = 3e-3;
  constexpr int kTimes = 5;
  std::int64_t calls = 1;
  const auto time = [&] { return time_on_threads(threads, [&](int t) { body(t, calls); }); };
  for (int i = 0; i < 3; ++i)  // the first call is slow: caches, clock
    if (const double once = time(); once < kSeconds)
      calls = static_cast<std::int64_t>(kSeconds / once * static_cast<double>(calls)) + 1;
  double least = time();
  for (int i = 1; i < kTimes; ++i) least = std::min(least, time());
  return least / static_cast<double>(calls);
}

/// Results of loops go here, so that the compiler cannot leave the loops out.
std::atomic<float> sink;

/// Three arrays of one thread, in pages of their own, first touched by it.
struct Arrays {
  explicit Arrays(std::int64_t floats) : n(floats), memory(new float[3 * static_cast<std::size_t>(n) + 64]) {
    std::fill_n(memory.get(), 3 * n + 64, 1.0f);
  }
  float* part(int i) const {
    void* start = memory.get();
    std::size_t space = 64 * sizeof(float);
    return static_cast<float*>(std::align(64, 0, start, space)) + i * n;
  }
  std::int64_t n;
  std::unique_ptr<float[]> memory;
};

Bandwidth measure_bandwidth(int threads, std::size_t bytes) {
  const isa::PeakKernels& k = *isa_table().peak;
  const auto n = static_cast<std::int64_t>(bytes / (3 * sizeof(float)) / 64 * 64);
  std::vector<std::unique_ptr<Arrays>> arrays(static_cast<std::size_t>(threads));
  const auto of = [&](int t) -> std::unique_ptr<Arrays>& { return arrays[static_cast<std::size_t>(t)]; };
  time_on_threads(threads, [&](int t) { of(t) = std::make_unique<Arrays>(n); });
  const double moved = static_cast<double>(n) * sizeof(float) * threads;
  const auto rate = [&](double arrays_moved, const auto& pass) {
    return arrays_moved * moved / best_time(threads, [&](int t, std::int64_t calls) {
             for (std::int64_t i = 0; i < calls; ++i) pass(*of(t));
           });
  };
  Bandwidth b{.bytes = static_cast<std::size_t>(3 * n) * sizeof(float)};
  b.read = rate(1, [&](const Arrays& a) { sink = k.read(a.part(0), n); });
  b.copy = rate(2, [&](const Arrays& a) { k.copy(a.part(0), a.part(1), n); });
  b.triad = rate(3, [&](const Arrays& a) { k.triad(a.part(0), a.part(1), 0.5f, a.part(2), n); });
  return b;
}

/// Size of the data cache of that level. Not from sysconf(): in virtual machines it was seen to tell the
/// third level of the whole host.
std::size_t cache_bytes(int level, std::size_t otherwise) {
  const std::string caches = cat("/sys/devices/system/cpu/cpu", usable_processors()[0], "/cache/index");
  for (int i = 0; i < 10; ++i) {
    int this_level = 0;
    std::string type, size;
    std::ifstream(cat(caches, i, "/level")) >> this_level;
    std::ifstream(cat(caches, i, "/type")) >> type;
    std::ifstream(cat(caches, i, "/size")) >> size;  // "32768K"
    if (this_level == level && type != "Instruction" && size.ends_with('K')) return std::stoul(size) * 1024;
  }
  return otherwise;
}

}  // namespace

double measure_flops(int threads) {
  check(threads >= 1, "machine", "at least one thread is needed; got ", threads);
  const isa::PeakKernels& k = *isa_table().peak;
  constexpr std::int64_t kRounds = 1000;
  const double seconds = best_time(
      threads, [&](int, std::int64_t calls) { sink = k.multiply_add(calls * kRounds, 0.999f, 1e-3f); });
  return 2.0 * static_cast<double>(k.round * kRounds) * threads / seconds;
}

MachineLimits measure_machine(int threads) {
  constexpr std::size_t MiB = std::size_t{1} << 20;
  const std::size_t l2 = cache_bytes(2, MiB), l3 = cache_bytes(3, 32 * MiB);
  MachineLimits limits;
  limits.isa = isa_table().name;
  limits.threads = threads;
  limits.flops = measure_flops(threads);
  limits.l2 = measure_bandwidth(threads, l2 / 2);
  limits.l3 = measure_bandwidth(threads, std::max(2 * l2, l3 / 4 / static_cast<std::size_t>(threads)));
  const std::size_t all = std::clamp(4 * l3, 64 * MiB, 512 * MiB);
  limits.memory = measure_bandwidth(threads, all / static_cast<std::size_t>(threads));
  return limits;
}

}  // namespace clearcut
