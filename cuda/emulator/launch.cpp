#include "cuda/emulator/launch.h"

#include <algorithm>

#include "cuda/emulator/block.h"
#include "cuda/emulator/device_memory.h"
#include "cuda/emulator/fault.h"
#include "cuda/emulator/stream.h"
#include "tensor/error.h"
#include "tensor/parallel.h"

namespace clearcut::emulator {

namespace {

std::atomic<std::int64_t> kernels{0};
constexpr std::size_t kMostRaceFibres = 6000;  // the thread sanitizer's limit lies a little higher

// What is wrong with a launch; "" if the device would take it.
std::string refused(const LaunchShape& s) {
  const std::uint64_t threads = std::uint64_t{s.threads.x} * s.threads.y * s.threads.z;
  if (threads == 0 || threads > kMaxThreads || s.threads.z > 64)
    return cat("a block must have 1 to ", kMaxThreads, " threads, at most 64 along z; got ", s.threads.x,
               " x ", s.threads.y, " x ", s.threads.z);
  if (s.grid.x == 0 || s.grid.y == 0 || s.grid.z == 0 || s.grid.x > 0x7fffffffu || s.grid.y > 65535 ||
      s.grid.z > 65535)
    return cat("a grid must have 1 to 2147483647 x 65535 x 65535 blocks; got ", s.grid.x, " x ", s.grid.y,
               " x ", s.grid.z);
  if (s.dynamic_bytes > kMaxSharedOptIn)
    return cat("a block may have ", kMaxSharedOptIn, " bytes of shared memory; asked for ", s.dynamic_bytes);
  return "";
}

// Which block runs as number i.
std::uint64_t in_order(std::uint64_t i, std::uint64_t blocks) {
  switch (settings().order) {
    case Order::kForward:
      return i;
    case Order::kReverse:
      return blocks - 1 - i;
    case Order::kRandom:
      return (i + settings().seed * 7919) % blocks;
  }
  return i;
}

void run_blocks(const Launch& launch, Verdict& verdict, RaceLog& races) {
  const std::uint64_t blocks = std::uint64_t{launch.grid.x} * launch.grid.y * launch.grid.z;
  if constexpr (sanitizer::kThread) races.keys.resize(blocks * RaceLog::kKeysPerBlock + 1);
  parallel_for(static_cast<std::int64_t>(blocks), 1, [&](std::int64_t begin, std::int64_t) {
    if (verdict.failed()) return;
    static thread_local Block block;
    catch_faults();
    const std::uint64_t number = in_order(static_cast<std::uint64_t>(begin), blocks), plane = launch.grid.x;
    block.run(launch,
              {static_cast<unsigned>(number % plane), static_cast<unsigned>(number / plane % launch.grid.y),
               static_cast<unsigned>(number / plane / launch.grid.y)},
              verdict, races);
    if (races.fibres.size() > kMostRaceFibres) {
      for (void* fibre : races.fibres) sanitizer::destroy_fibre(fibre);
      races.fibres.clear();
    }
  });
  if constexpr (sanitizer::kThread) sanitizer::acquire(races.keys.data() + races.keys.size() - 1);
  for (void* fibre : races.fibres) sanitizer::destroy_fibre(fibre);
}

void run_kernel(const Launch& launch) {
  Verdict verdict;
  RaceLog races;
  {
    const DeviceAccess access;
    run_blocks(launch, verdict, races);
    const std::string damage = damaged_buffer();
    if (!damage.empty()) verdict.fail(damage, cudaErrorIllegalAddress);
  }
  kernels.fetch_add(1);
  if (verdict.failed()) set_error(verdict.code(), cat(launch.name, ": ", verdict.text()));
}

}  // namespace

std::int64_t kernels_run() { return kernels.load(); }

void launch_bytes(std::string_view name, const LaunchShape& shape, void (*body)(const void*),
                  const void* arguments, std::size_t bytes) {
  const std::string wrong = refused(shape);
  if (!wrong.empty()) return set_error(cudaErrorInvalidConfiguration, cat(name, ": ", wrong));
  const auto* first = static_cast<const std::byte*>(arguments);
  const Launch launch{.name = std::string(name),
                      .body = body,
                      .arguments = {first, first + bytes},
                      .grid = shape.grid,
                      .threads = shape.threads,
                      .dynamic_bytes = shape.dynamic_bytes};
  enqueue(shape.stream, [launch] { run_kernel(launch); });
}

}  // namespace clearcut::emulator
