// Ranks that are threads of one process.
#pragma once

#include <algorithm>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "tensor/collective.h"
#include "tensor/meeting.h"

namespace clearcut::test {

/// What the lanes of all ranks share.
struct Crossing {
  explicit Crossing(int ranks) : meeting(ranks), given(static_cast<std::size_t>(ranks)) {}
  Meeting meeting;
  std::vector<const char*> given;
};

class ThreadLane : public Lane {
 public:
  ThreadLane(Crossing& crossing, int rank) : crossing_(crossing), rank_(rank) {}
  int rank() const override { return rank_; }
  int ranks() const override { return static_cast<int>(crossing_.given.size()); }
  void swap(const void* from, void* to, std::size_t bytes) override {
    copy(from, to, bytes, static_cast<std::size_t>(rank_) * bytes);
  }
  void gather(const void* from, void* to, std::size_t bytes) override { copy(from, to, bytes, 0); }

 private:
  void copy(const void* from, void* to, std::size_t bytes, std::size_t offset) {
    crossing_.given[static_cast<std::size_t>(rank_)] = static_cast<const char*>(from);
    crossing_.meeting.meet();
    char* out = static_cast<char*>(to);
    for (const char* part : crossing_.given) out = std::copy_n(part + offset, bytes, out);
    crossing_.meeting.meet();
  }
  Crossing& crossing_;
  int rank_;
};

/// Runs body(lane, second lane) as rank 0 .. ranks - 1, each on a thread; throws what the first of them threw
/// that did not throw because of another, or what another one reports.
inline void on_lanes(int ranks, const std::function<void(Lane&, Lane&)>& body) {
  Crossing first(ranks), second(ranks);
  std::exception_ptr error;
  std::mutex mutex;
  std::vector<std::thread> threads;
  for (int r = 0; r < ranks; ++r)
    threads.emplace_back([&, r] {
      ThreadLane a(first, r), b(second, r);
      try {
        body(a, b);
      } catch (const SaidByAnotherRank&) {
        // That rank is on its way to throw it.
      } catch (...) {
        const std::scoped_lock lock(mutex);
        if (!error) error = std::current_exception();
        const auto lost = std::make_exception_ptr(RankLost(cat("rank ", r, " is gone")));
        first.meeting.go_away(lost);
        second.meeting.go_away(lost);
      }
    });
  for (std::thread& thread : threads) thread.join();
  if (error) std::rethrow_exception(error);
}

inline void on_ranks(int ranks, const std::function<void(AllReduce&)>& body) {
  on_lanes(ranks, [&](Lane& lane, Lane& behind) { body(*sums_in_pairs(lane, behind)); });
}

}  // namespace clearcut::test
