#include "cuda/ptxsim/launch.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>

#include "tensor/error.h"
#include "tensor/parallel.h"

namespace clearcut::ptxsim {

namespace {

// What is wrong with a launch; "" if the device would take it.
std::string refused(const Kernel& kernel, Size3 grid, Size3 threads, std::size_t dynamic_shared,
                    std::size_t shared_limit) {
  const std::uint64_t count = threads.count();
  if (count == 0 || count > kMaxThreads || threads.z > 64)
    return cat("a block must have 1 to ", kMaxThreads, " threads, at most 64 along z; got ", threads.x, " x ",
               threads.y, " x ", threads.z);
  if (kernel.most_threads > 0 && count > static_cast<std::uint64_t>(kernel.most_threads))
    return cat("its launch bounds allow ", kernel.most_threads, " threads in a block; got ", count);
  if (grid.count() == 0 || grid.x > 0x7fffffffu || grid.y > 65535 || grid.z > 65535)
    return cat("a grid must have 1 to 2147483647 x 65535 x 65535 blocks; got ", grid.x, " x ", grid.y, " x ",
               grid.z);
  if (kernel.static_shared > kMaxShared)
    return cat(kernel.static_shared, " bytes of static shared memory; the device has ", kMaxShared);
  if (kernel.static_shared + dynamic_shared > shared_limit)
    return cat("a block may have ", shared_limit, " bytes of shared memory; asked for ",
               kernel.static_shared + dynamic_shared);
  return "";
}

Launch prepare(const Kernel& kernel, Size3 grid, Size3 threads, std::size_t dynamic_shared,
               void* const* arguments) {
  static std::atomic<std::uint32_t> runs{0};
  Launch launch{.kernel = &kernel, .grid = grid, .threads = threads, .dynamic_shared = dynamic_shared};
  launch.run = ++runs;
  launch.parameters.resize(kernel.parameter_bytes);
  for (std::size_t i = 0; i < kernel.parameters.size(); ++i) {
    const Parameter& p = kernel.parameters[i];
    std::memcpy(&launch.parameters[p.offset], arguments[i], p.bytes);
  }
  launch.blocks_in_parallel = clearcut::threads() > 1 && grid.count() > 1;
  return launch;
}

// The first defect that was found.
class FirstDefect {
 public:
  bool found() const { return found_.load(); }
  void note(const std::string& text) {
    const std::lock_guard lock(guard_);
    if (!found_.exchange(true)) text_ = text;
  }
  const std::string& text() const { return text_; }

 private:
  std::atomic<bool> found_{false};
  std::mutex guard_;
  std::string text_;
};

}  // namespace

Verdict launch(const Kernel& kernel, Size3 grid, Size3 threads, std::size_t dynamic_shared,
               std::size_t shared_limit, void* const* arguments) {
  const std::string wrong = refused(kernel, grid, threads, dynamic_shared, shared_limit);
  if (!wrong.empty()) return {Outcome::kRefused, cat(kernel.short_name, ": ", wrong)};
  device_memory().prepare_races(kernel.narrowest);
  const Launch launch = prepare(kernel, grid, threads, dynamic_shared, arguments);
  add_launch(kernel);
  FirstDefect defect;
  const auto blocks = static_cast<std::int64_t>(grid.count());
  parallel_for(blocks, std::max<std::int64_t>(1, blocks / 64), [&](std::int64_t begin, std::int64_t end) {
    static thread_local Block block;
    try {
      for (std::int64_t i = begin; i < end && !defect.found(); ++i)
        block.run(launch, static_cast<std::uint64_t>(i));
    } catch (const Defect& d) {
      defect.note(d.text);
    }
    add_counters(kernel, static_cast<std::uint64_t>(end - begin), block.take_sites());
  });
  if (defect.found()) return {Outcome::kDefect, cat(kernel.short_name, ": ", defect.text())};
  return {};
}

}  // namespace clearcut::ptxsim
