#include "cuda/emulator/block.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "tensor/error.h"

namespace clearcut::emulator {

namespace {

thread_local Block* running_block = nullptr;

std::string text_of(Place at) { return cat(at.file, ":", at.line); }
bool same(Place a, Place b) { return a.line == b.line && std::string_view(a.file) == b.file; }

}  // namespace

Block* Block::running_or_null() { return running_block; }
Block& Block::running(const char* what) {
  check(running_block != nullptr, "emulator", what, " was called outside a kernel");
  return *running_block;
}

std::uint64_t Block::random() {
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  return random_;
}

// ---- fibres

Fibre* Block::take_fibre() {
  const sanitizer::Quiet quiet;
  if (free_.empty()) {
    fibres_.push_back(std::make_unique<Fibre>(fibres_.size()));
    fibres_.back()->prepare([](void* block) { static_cast<Block*>(block)->run_threads(); }, this);
    return fibres_.back().get();
  }
  Fibre* fibre = free_.back();
  free_.pop_back();
  return fibre;
}

void Block::enter(Fibre* fibre) {
  fibre_ = fibre;
  threadIdx = current_->index;
  sanitizer::switch_fibre(current_->race_fibre);
  sanitizer::start_switch(&fake_stack_, fibre->stack(), fibre->size());
  switch_context(scheduler_, fibre->context);
  sanitizer::finish_switch(fake_stack_, nullptr, nullptr);
}

void Block::to_scheduler() {
  Fibre* mine = fibre_;
  void* fake = nullptr;
  sanitizer::switch_fibre(race_scheduler_);
  sanitizer::start_switch(&fake, scheduler_stack_, scheduler_stack_size_);
  switch_context(mine->context, scheduler_);
  sanitizer::finish_switch(fake, nullptr, nullptr);
}

// The life of a fibre. Under TSan each CUDA thread has a fibre of its own, on a fresh stack.
void Block::run_threads() {
  sanitizer::finish_switch(nullptr, &scheduler_stack_, &scheduler_stack_size_);
  for (;;) {
    launch_->body(launch_->arguments.data());
    finish(*current_);
    Fibre* mine = fibre_;
    CudaThread* next = sanitizer::kThread ? nullptr : next_fresh();
    if (next == nullptr) {
      {
        const sanitizer::Quiet quiet;
        (sanitizer::kThread ? used_up_ : free_).push_back(mine);
      }
      to_scheduler();  // comes back with another thread
      continue;
    }
    next->fibre = mine;
    current_ = next;
    threadIdx = next->index;
  }
}

void Block::finish(CudaThread& thread) {
  if (!thread.copies.empty())
    note(cat("thread ", thread.linear, " ended with cp.async copies that it never waited for"),
         cudaErrorLaunchFailure);
  sanitizer::release(end_key_);
  thread.state = State::kDone;
  thread.fibre = nullptr;
  warps_[thread.linear / 32].done |= 1u << thread.linear % 32;
}

CudaThread* Block::next_fresh() {
  while (!dead_ && cursor_ < warp_end_) {
    CudaThread& thread = threads_[order_[cursor_++]];
    if (thread.state == State::kFresh) return &thread;
  }
  return nullptr;
}

void Block::start(CudaThread& thread) {
  for (Fibre* fibre : used_up_) {
    fibre->prepare([](void* block) { static_cast<Block*>(block)->run_threads(); }, this);
    free_.push_back(fibre);
  }
  used_up_.clear();
  thread.fibre = take_fibre();
  current_ = &thread;
  enter(thread.fibre);
}

void Block::resume(CudaThread& thread) {
  current_ = &thread;
  enter(thread.fibre);
}

// Threads stopped in mid-kernel are dropped: kernels own nothing.
void Block::drop_fibres() {
  const sanitizer::Quiet quiet;
  if constexpr (sanitizer::kThread)
    for (const CudaThread& thread : threads_) {
      sanitizer::switch_fibre(thread.race_fibre);
      sanitizer::release(end_key_);
      sanitizer::switch_fibre(race_scheduler_);
    }
  free_.clear();
  used_up_.clear();
  for (const auto& fibre : fibres_) {
    fibre->prepare([](void* block) { static_cast<Block*>(block)->run_threads(); }, this);
    free_.push_back(fibre.get());
  }
  for (CudaThread& thread : threads_) thread.copies.clear();
}

// ---- the schedule

void Block::shuffle_order() {
  const Order order = settings().order;
  std::iota(warp_order_.begin(), warp_order_.end(), 0u);
  std::iota(order_.begin(), order_.end(), 0u);
  const auto arrange = [&](auto begin, auto end) {
    if (order == Order::kReverse) std::reverse(begin, end);
    if (order == Order::kRandom)
      for (auto n = end - begin; n > 1; --n)
        std::swap(begin[n - 1], begin[static_cast<long>(random() % static_cast<std::uint64_t>(n))]);
  };
  arrange(warp_order_.begin(), warp_order_.end());
  for (std::size_t first = 0; first < order_.size(); first += 32)
    arrange(order_.begin() + static_cast<long>(first),
            order_.begin() + static_cast<long>(std::min(order_.size(), first + 32)));
}

void Block::reset(const Launch& launch, uint3 index) {
  launch_ = &launch;
  index_ = index;
  blockIdx = index;
  blockDim = launch.threads;
  gridDim = launch.grid;
  dead_ = false;
  const std::size_t n = std::size_t{launch.threads.x} * launch.threads.y * launch.threads.z;
  threads_.resize(n);
  warps_.resize((n + 31) / 32);
  order_.resize(n);
  warp_order_.resize(warps_.size());
  for (Warp& warp : warps_) {
    warp.done = 0;
    for (WarpOperation& operation : warp.open) operation.arrived = 0;
  }
  for (std::size_t i = 0; i < n; ++i) {
    CudaThread& thread = threads_[i];
    const auto linear = static_cast<unsigned>(i);
    thread.index = {linear % launch.threads.x, linear / launch.threads.x % launch.threads.y,
                    linear / launch.threads.x / launch.threads.y};
    thread.linear = linear;
    thread.state = State::kFresh;
    thread.fibre = nullptr;
    thread.copies.clear();
  }
  random_ = settings().seed * 0x9E3779B97F4A7C15u + index.x * 7919u + index.y * 104729u + index.z + 1;
  shared_.begin(launch.dynamic_bytes);
}

void Block::run_warp(unsigned warp) {
  cursor_ = warp * 32;
  warp_end_ = std::min(static_cast<unsigned>(threads_.size()), cursor_ + 32);
  while (CudaThread* thread = next_fresh()) start(*thread);
  for (bool again = true; again && !dead_;) {
    again = false;
    for (unsigned i = warp * 32; i < warp_end_ && !dead_; ++i) {
      CudaThread& thread = threads_[order_[i]];
      if (thread.state != State::kReady) continue;
      again = true;
      resume(thread);
    }
  }
}

void Block::run(const Launch& launch, uint3 index, Verdict& verdict, RaceLog& races) {
  verdict_ = &verdict;
  races_ = &races;
  reset(launch, index);
  const std::size_t number =
      index.x + std::size_t{launch.grid.x} * (index.y + std::size_t{launch.grid.y} * index.z);
  if constexpr (sanitizer::kThread) {
    barrier_key_ = races.keys.data() + number * RaceLog::kKeysPerBlock;
    end_key_ = races.keys.data() + races.keys.size() - 1;
    race_scheduler_ = sanitizer::current_fibre();
    for (CudaThread& thread : threads_) races.fibres.push_back(thread.race_fibre = sanitizer::create_fibre());
  }
  Block* outer = std::exchange(running_block, this);
  shuffle_order();
  while (!dead_) {
    for (const unsigned warp : warp_order_) {
      run_warp(warp);
      if (dead_) break;
    }
    if (dead_ || !all_may_go_on()) break;
    if (settings().order == Order::kRandom) shuffle_order();
  }
  running_block = outer;
  const std::string damage = dead_ ? "" : shared_.damage();
  if (!damage.empty()) note(damage, cudaErrorIllegalAddress);
  if (dead_) drop_fibres();
}

// ---- waiting

void Block::barrier(Place at) {
  current_->at = at;
  current_->state = State::kAtBarrier;
  sanitizer::release(barrier_key_);
  to_scheduler();
  sanitizer::acquire(barrier_key_);
}

// No thread can run. Either all are at one barrier and pass it, or all are done, or something is wrong.
bool Block::all_may_go_on() {
  const sanitizer::Quiet quiet;
  const auto in = [](State state) { return [state](const CudaThread& t) { return t.state == state; }; };
  if (std::all_of(threads_.begin(), threads_.end(), in(State::kDone))) return false;
  std::string wrong = who_is_stuck();
  if (wrong.empty()) wrong = barriers_differ();
  if (!wrong.empty()) {
    note(wrong, cudaErrorLaunchFailure);
    return false;
  }
  for (CudaThread& thread : threads_) thread.state = State::kReady;
  return true;
}

std::string Block::who_is_stuck() const {
  const auto stuck = std::find_if(threads_.begin(), threads_.end(),
                                  [](const CudaThread& t) { return t.state == State::kInWarp; });
  if (stuck == threads_.end()) return "";
  unsigned arrived = 0;
  for (const CudaThread& t : threads_)
    if (t.linear / 32 == stuck->linear / 32 && t.state == State::kInWarp && t.mask == stuck->mask)
      arrived |= 1u << t.linear % 32;
  std::ostringstream text;
  text << "deadlock: thread " << stuck->linear << " waits at " << text_of(stuck->at) << std::hex
       << " for lanes " << stuck->mask << ", but only lanes " << arrived << " came";
  return text.str();
}

std::string Block::barriers_differ() const {
  const auto first = std::find_if(threads_.begin(), threads_.end(),
                                  [](const CudaThread& t) { return t.state == State::kAtBarrier; });
  for (const CudaThread& t : threads_) {
    if (t.state == State::kDone)
      return cat("divergent __syncthreads: thread ", first->linear, " waits at ", text_of(first->at),
                 ", thread ", t.linear, " has exited");
    if (!same(t.at, first->at))
      return cat("divergent __syncthreads: thread ", first->linear, " waits at ", text_of(first->at),
                 ", thread ", t.linear, " at ", text_of(t.at));
  }
  return "";
}

// ---- what went wrong

void Verdict::fail(const std::string& text, cudaError_t code) {
  const std::lock_guard lock(mutex_);
  if (failed()) return;
  text_ = text;
  code_ = code;
  failed_.store(true);
}

void Block::note(const std::string& what, cudaError_t code) {
  const sanitizer::Quiet quiet;
  dead_ = true;
  verdict_->fail(cat("block (", index_.x, ", ", index_.y, ", ", index_.z, "): ", what), code);
}

void Block::stop(std::string&& what, cudaError_t code) {
  note(what, code);
  std::string().swap(what);
  for (;;) to_scheduler();
}

}  // namespace clearcut::emulator
