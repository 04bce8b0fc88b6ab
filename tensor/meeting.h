// Threads that wait for each other.
#pragma once

#include <condition_variable>
#include <exception>
#include <mutex>

namespace clearcut {

/// A place where `threads` threads meet, again and again.
class Meeting {
 public:
  explicit Meeting(int threads) : threads_(threads) {}

  /// Back when all threads are here; the last one to come runs `last` first. What `last` throws is thrown to
  /// all of them, now and whenever they meet again.
  template <class Last>
  void meet(const Last& last) {
    std::unique_lock lock(mutex_);
    if (!over_ && ++here_ == threads_) {
      try {
        last();
        here_ = 0;
        ++round_;
      } catch (...) {
        over_ = std::current_exception();
      }
      everybody_.notify_all();
    } else {
      const long mine = round_;
      everybody_.wait(lock, [&] { return over_ || round_ != mine; });
      if (round_ != mine) return;
    }
    if (over_) std::rethrow_exception(over_);
  }
  void meet() {
    meet([] {});
  }
  /// Called by a thread that will not come any more: the others are thrown `why`.
  void go_away(std::exception_ptr why) {
    const std::scoped_lock lock(mutex_);
    if (!over_) over_ = std::move(why);
    everybody_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable everybody_;
  int threads_, here_ = 0;
  long round_ = 0;
  std::exception_ptr over_;
};

}  // namespace clearcut
