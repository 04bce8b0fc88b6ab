#include "tensor/collective.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

#include "tensor/parallel.h"

namespace clearcut {

namespace {

constexpr std::int64_t kGrain = 1 << 14;  // numbers per chunk

// Adds `rows` rows of n numbers that lie one behind the other into the first.
template <class T>
void add_in_pairs(T* x, std::int64_t rows, std::int64_t n) {
  parallel_for(n, kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t width = 1; width < rows; width *= 2)
      for (std::int64_t r = 0; r + width < rows; r += 2 * width)
        for (std::int64_t i = begin; i < end; ++i) x[r * n + i] += x[(r + width) * n + i];
  });
}

// The rank adds the numbers [rank * part, (rank + 1) * part) of all rows; the last part may go beyond them.
template <class T>
void sum_over(Lane& lane, const std::vector<Tensor>& rows, T* result) {
  const auto count = static_cast<std::int64_t>(rows.size()), ranks = static_cast<std::int64_t>(lane.ranks());
  const std::int64_t n = rows[0].numel(), part = (n + ranks - 1) / ranks;
  std::vector<T> mine(static_cast<std::size_t>(ranks * count * part)), parts(mine.size());
  for (std::int64_t k = 0; k < count; ++k) {
    const T* row = rows[static_cast<std::size_t>(k)].data<const T>();
    for (std::int64_t r = 0; r < ranks; ++r) {
      const std::int64_t begin = std::min(r * part, n), end = std::min(begin + part, n);
      std::copy(row + begin, row + end, mine.data() + (r * count + k) * part);
    }
  }
  const auto bytes = static_cast<std::size_t>(part) * sizeof(T);
  lane.swap(mine.data(), parts.data(), static_cast<std::size_t>(count) * bytes);
  add_in_pairs(parts.data(), ranks * count, part);
  mine.resize(static_cast<std::size_t>(ranks * part));
  lane.gather(parts.data(), mine.data(), bytes);
  std::copy_n(mine.data(), n, result);
}

void sum_on_host(Lane& lane, const std::vector<Tensor>& rows) {
  check(!rows.empty(), "all-reduce", "there is nothing to add: no rows");
  std::vector<Tensor> host;
  for (const Tensor& row : rows) {
    check_same_kind("all-reduce", rows[0], row);
    check(row.shape() == rows[0].shape(), "all-reduce", "rows must have one shape; got ", rows[0].shape(),
          " and ", row.shape());
    host.push_back(row.to(Device::kCpu));
  }
  const Tensor sum = rows[0].device() == Device::kCuda ? host[0] : rows[0];
  on_host<Floats>("all-reduce", sum.device(), sum.dtype(),
                  [&]<class T>(auto) { sum_over(lane, host, sum.data<T>()); });
  if (rows[0].device() == Device::kCuda) rows[0].copy_from(sum, "all_reduce");
  rows[0].written_by("all_reduce");
}

// Does what it is given, one after the other, on a thread of its own.
class Worker {
 public:
  Worker() : thread_([this] { run(); }) {}
  ~Worker() {
    {
      const std::scoped_lock lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void add(std::function<void()> task) {
    const std::scoped_lock lock(mutex_);
    tasks_.push_back(std::move(task));
    changed_.notify_all();
  }
  void finish() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return tasks_.empty(); });
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  }

 private:
  void run() {
    set_threads(1);  // the others compute
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return stop_ || !tasks_.empty(); });
      if (stop_) return;
      if (!error_) {
        const auto task = tasks_.front();
        lock.unlock();
        std::exception_ptr error;
        try {
          task();
        } catch (...) {
          error = std::current_exception();
        }
        lock.lock();
        error_ = error;
      }
      tasks_.pop_front();
      changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;  // the first is being done
  std::exception_ptr error_;                 // after it nothing is done until somebody is told
  bool stop_ = false;
  std::thread thread_;  // last: it uses the others
};

class SumsInPairs : public AllReduce {
 public:
  SumsInPairs(Lane& lane, Lane& behind) : lane_(lane), behind_(behind) {}
  int rank() const override { return lane_.rank(); }
  int ranks() const override { return lane_.ranks(); }
  void sum(const std::vector<Tensor>& rows) override { sum_on_host(lane_, rows); }
  void start_sum(const Tensor& x) override {
    worker_.add([this, x] { sum_on_host(behind_, {x}); });
  }
  void finish() override { worker_.finish(); }

 private:
  Lane &lane_, &behind_;
  Worker worker_;
};

class LaneOfOne : public Lane {
 public:
  int rank() const override { return 0; }
  int ranks() const override { return 1; }
  void swap(const void* from, void* to, std::size_t bytes) override { std::memcpy(to, from, bytes); }
  void gather(const void* from, void* to, std::size_t bytes) override { std::memcpy(to, from, bytes); }
};

thread_local const OneOfRanks* one_of_ranks = nullptr;

}  // namespace

std::unique_ptr<Lane> lane_of_one() { return std::make_unique<LaneOfOne>(); }

std::vector<std::string> gather(Lane& lane, const std::string& mine) {
  const auto ranks = static_cast<std::size_t>(lane.ranks());
  const std::uint64_t size = mine.size();
  std::vector<std::uint64_t> sizes(ranks);
  lane.gather(&size, sizes.data(), sizeof size);
  const std::size_t longest = *std::ranges::max_element(sizes);
  std::string padded = mine, all(ranks * longest, '\0');
  padded.resize(longest);
  lane.gather(padded.data(), all.data(), longest);
  std::vector<std::string> texts;
  for (std::size_t r = 0; r < ranks; ++r) texts.push_back(all.substr(r * longest, sizes[r]));
  return texts;
}

void all_or_none(Lane& lane, const std::function<void()>& prepare) {
  std::exception_ptr error;
  std::string mine;
  try {
    prepare();
  } catch (const std::exception& caught) {
    error = std::current_exception();
    mine = cat("failed: ", caught.what());
  }
  const std::vector<std::string> all = gather(lane, mine);
  const auto failed = std::ranges::find_if(all, [](const std::string& text) { return !text.empty(); });
  if (failed == all.end()) return;
  if (!error)
    error = std::make_exception_ptr(RankLost(cat("rank ", failed - all.begin(), " could not start")));
  if (mine.empty() || std::ranges::find(all, mine) - all.begin() < lane.rank())
    throw SaidByAnotherRank{error};
  std::rethrow_exception(error);
}

std::unique_ptr<AllReduce> sums_in_pairs(Lane& lane, Lane& behind) {
  return std::make_unique<SumsInPairs>(lane, behind);
}

OneOfRanks::OneOfRanks(AllReduce& sums, Mean mean) : sums_(sums), mean_(mean), outer_(one_of_ranks) {
  one_of_ranks = this;
}
OneOfRanks::~OneOfRanks() { one_of_ranks = outer_; }
const OneOfRanks* OneOfRanks::active() { return one_of_ranks; }
int OneOfRanks::count() { return one_of_ranks ? one_of_ranks->sums_.ranks() : 1; }

double OneOfRanks::share_denominator(double denominator) const {
  if (mean_ == Mean::kRank) return denominator * sums_.ranks();
  const Tensor all = Tensor::full({}, denominator, DType::kFloat64);
  sums_.sum(all);
  return all.item();
}

}  // namespace clearcut
