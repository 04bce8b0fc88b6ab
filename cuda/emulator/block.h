// One block of CUDA threads, run as fibres on one processor thread.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "cuda/emulator/fibre.h"
#include "cuda/emulator/language.h"
#include "cuda/emulator/runtime_api.h"
#include "cuda/emulator/settings.h"
#include "cuda/emulator/shared.h"

namespace clearcut::emulator {

/// One kernel as it was launched.
struct Launch {
  std::string name;
  void (*body)(const void* arguments) = nullptr;
  std::vector<std::byte> arguments;
  dim3 grid, threads;
  std::size_t dynamic_bytes = 0;
};

/// What went wrong in a launch: the first report stays.
class Verdict {
 public:
  bool failed() const { return failed_.load(std::memory_order_relaxed); }
  void fail(const std::string& text, cudaError_t code);
  const std::string& text() const { return text_; }
  cudaError_t code() const { return code_; }

 private:
  std::mutex mutex_;
  std::atomic<bool> failed_{false};
  std::string text_;
  cudaError_t code_ = cudaSuccess;
};

/// For the thread sanitizer: CUDA threads of a launch that are alive, all at once, so that races between
/// blocks show; and the addresses that stand for its barriers.
struct RaceLog {
  std::vector<void*> fibres;
  std::vector<char>
      keys;  // for each block: its barrier, then its warps; behind them all: the end of the launch
  static constexpr std::size_t kKeysPerBlock = 1 + kMaxThreads / 32;
};

/// cp.async of one thread: copies happen when they are waited for, not before.
class AsyncCopies {
 public:
  void add(void* to, const void* from, std::size_t bytes, std::size_t valid);
  void commit();
  void wait(std::size_t groups_left);
  bool empty() const { return copies_.empty(); }
  void clear();

 private:
  struct Copy {
    void* to;
    const void* from;
    std::size_t bytes, valid;
  };
  std::vector<Copy> copies_;
  std::vector<std::size_t> groups_;  // copies in each committed group, oldest first
};

enum class State : std::uint8_t { kFresh, kReady, kAtBarrier, kInWarp, kDone };

struct CudaThread {
  uint3 index{};
  unsigned linear = 0;
  State state = State::kFresh;
  Fibre* fibre = nullptr;           // none before its first wait and after its end
  Place at;                         // where it waits, ...
  unsigned mask = 0;                // ... with which lanes, ...
  WarpKind kind = WarpKind::kSync;  // ... for what
  std::uint64_t result = 0;
  AsyncCopies copies;
  void* race_fibre = nullptr;
};

/// An operation that some lanes of a warp wait in.
struct WarpOperation {
  unsigned mask = 0, arrived = 0;
  WarpKind kind = WarpKind::kSync;
  Place at;
};

struct Warp {
  unsigned done = 0;  // lanes that have exited
  std::array<WarpOperation, 32> open;
  std::array<std::uint64_t, 32> value;
  std::array<unsigned, 32> source;
  // Two tables: lanes may still read one while the first of them hand in the next.
  std::array<std::byte, 2 * 32 * kExchangeBytes> table;
  unsigned exchanges = 0;
  std::byte* slot(unsigned lane) { return table.data() + (exchanges % 2 * 32 + lane) * kExchangeBytes; }
};

/// Stacks and shared memory stay for the next block. A fibre runs fresh threads one after another until one
/// of them has to wait; then it belongs to that thread: kernels without barriers never switch.
class Block {
 public:
  Block() = default;
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  void run(const Launch& launch, uint3 index, Verdict& verdict, RaceLog& races);
  /// The block that runs on this processor thread; throws Error outside kernels.
  static Block& running(const char* what);
  static Block* running_or_null();

  CudaThread& current() { return *current_; }
  SharedMemory& shared() { return shared_; }
  void barrier(Place at);
  std::uint64_t warp_operation(WarpKind kind, unsigned mask, std::uint64_t value, unsigned source, Place at);
  const std::byte* exchange(const void* mine, std::size_t bytes, Place at);
  /// Notes what went wrong and never comes back: the launch ends. Nothing on the thread's stack is destroyed:
  /// the caller must own no memory but `what`, which it moves here.
  [[noreturn]] void stop(std::string&& what, cudaError_t code = cudaErrorLaunchFailure);

 private:
  void reset(const Launch& launch, uint3 index);
  void shuffle_order();
  void run_warp(unsigned warp);
  void start(CudaThread& thread);
  void resume(CudaThread& thread);
  void enter(Fibre* fibre);
  void to_scheduler();
  void run_threads();
  void finish(CudaThread& thread);
  CudaThread* next_fresh();
  Fibre* take_fibre();
  bool all_may_go_on();
  std::string who_is_stuck() const;
  std::string barriers_differ() const;
  void drop_fibres();
  void note(const std::string& what, cudaError_t code);
  std::uint64_t random();

  void check_lanes(const Warp& warp, unsigned mask, unsigned wanted, Place at);
  WarpOperation& join(Warp& warp, WarpKind kind, unsigned mask, unsigned wanted, Place at);
  void complete(Warp& warp, WarpOperation& operation, unsigned wanted);
  unsigned lanes_of(unsigned warp) const;

  const Launch* launch_ = nullptr;
  Verdict* verdict_ = nullptr;
  RaceLog* races_ = nullptr;
  uint3 index_{};
  std::vector<CudaThread> threads_;
  std::vector<Warp> warps_;
  std::vector<unsigned> order_, warp_order_;  // of threads within each warp, of warps
  unsigned cursor_ = 0, warp_end_ = 0;
  std::uint64_t random_ = 1;
  bool dead_ = false;

  std::vector<std::unique_ptr<Fibre>> fibres_;
  std::vector<Fibre*> free_, used_up_;
  Context scheduler_;
  Fibre* fibre_ = nullptr;
  CudaThread* current_ = nullptr;
  SharedMemory shared_;
  char *barrier_key_ = nullptr, *end_key_ = nullptr;  // see RaceLog
  void* race_scheduler_ = nullptr;
  void* fake_stack_ = nullptr;  // ASan's
  const void* scheduler_stack_ = nullptr;
  std::size_t scheduler_stack_size_ = 0;
};

}  // namespace clearcut::emulator
