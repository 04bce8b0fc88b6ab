#include "train/data_parallel.h"

#include <algorithm>
#include <exception>
#include <mutex>
#include <thread>

#include "tensor/meeting.h"
#include "tensor/parallel.h"
#include "train/gradient_buckets.h"
#include "train/loop.h"

namespace clearcut {

namespace {

// The shares of all ranks, added. Sizes of pictures are added too: they are equal only if each rank's is the
// mean of all, and batch norm counts on that.
DataParallel::Loss whole_loss(const TrainLoss& share, const Batch& part, AllReduce& sums) {
  std::vector<double> numbers = {share.total.value().item(), static_cast<double>(part.images.numel())};
  numbers.insert(numbers.end(), share.parts.begin(), share.parts.end());
  const Tensor all = Tensor::from<double>({static_cast<std::int64_t>(numbers.size())}, numbers);
  const double mine = numbers[1];
  sums.sum(all);
  numbers = all.values<double>();
  check(numbers[1] == mine * sums.ranks(), "train",
        "the pictures of all ranks must have one size; those of rank ", sums.rank(), " are ",
        part.images.shape(), ", others differ; resize or crop them");
  return {numbers[0], {numbers.begin() + 2, numbers.end()}};
}

class InBuckets : public DataParallel {
 public:
  InBuckets(TrainTask& task, AllReduce& sums, OneOfRanks::Mean mean)
      : task_(task), sums_(sums), mean_(mean), buckets_(task.registry(), sums) {}

  Loss add_gradients(const Batch& part, bool last) override {
    const OneOfRanks one(sums_, mean_);
    const TrainLoss share = task_.loss(part);
    Loss loss = whole_loss(share, part, sums_);
    if (last)
      buckets_.backward(share.total);
    else
      share.total.backward();
    return loss;
  }

 private:
  TrainTask& task_;
  AllReduce& sums_;
  OneOfRanks::Mean mean_;
  GradientBuckets buckets_;
};

// The pictures of this process at work, each a rank among those of all processes.
struct Pictures {
  Pictures(AllReduce& sums, std::size_t count)
      : processes(sums), rows(count), meeting(static_cast<int>(count)) {}
  AllReduce& processes;
  std::vector<Tensor> rows;
  Meeting meeting;
};

class OnePicture : public AllReduce {
 public:
  OnePicture(Pictures& all, std::size_t index) : all_(all), index_(index) {}
  int rank() const override { return all_.processes.rank() * count() + static_cast<int>(index_); }
  int ranks() const override { return all_.processes.ranks() * count(); }
  void sum(const std::vector<Tensor>& rows) override {
    check(rows.size() == 1, "all-reduce", "a picture gives one row; got ", rows.size());
    all_.rows[index_] = rows[0];
    all_.meeting.meet([&] { all_.processes.sum(all_.rows); });
    if (index_ > 0) rows[0].copy_from(all_.rows[0], "all_reduce");
    all_.meeting.meet();
  }

 private:
  int count() const { return static_cast<int>(all_.rows.size()); }
  Pictures& all_;
  std::size_t index_;
};

Batch picture_of(const Batch& batch, std::size_t index) {
  const auto i = static_cast<std::int64_t>(index);
  const auto of = [i](const Tensor& x) { return x.defined() ? x.slice(i, i + 1) : x; };
  return {.images = of(batch.images),
          .labels = of(batch.labels),
          .weights = of(batch.weights),
          .classes = of(batch.classes),
          .items = {batch.items[index]},
          .names = {batch.names[index]}};
}

class ByPicture : public DataParallel {
 public:
  ByPicture(TrainTask& task, std::vector<TrainTask*> others, AllReduce& sums)
      : tasks_(std::move(others)), sums_(sums) {
    tasks_.insert(tasks_.begin(), &task);
    for (std::size_t k = 1; k < tasks_.size(); ++k)
      for (std::size_t i = 0; i < model(0).params().size(); ++i)
        model(k).params()[i]->replace(model(0).params()[i]->value());
  }

  Loss add_gradients(const Batch& part, bool last) override {
    check(part.items.size() == tasks_.size(), "train", "each rank must have ", tasks_.size(),
          " pictures of a batch; this one has ", part.items.size());
    Pictures pictures(sums_, tasks_.size());
    Loss loss;
    std::exception_ptr error;
    std::mutex mutex;
    const int each = std::max(1, clearcut::threads() / static_cast<int>(tasks_.size()));
    std::vector<std::thread> threads;
    for (std::size_t k = 0; k < tasks_.size(); ++k)
      threads.emplace_back([&, k] {
        set_threads(each);
        try {
          const Loss whole = one_picture(pictures, picture_of(part, k), k);
          if (k == 0) loss = whole;
        } catch (...) {
          const std::scoped_lock lock(mutex);
          if (!error) error = std::current_exception();
          pictures.meeting.go_away(error);
        }
      });
    for (std::thread& thread : threads) thread.join();
    if (error) std::rethrow_exception(error);
    if (last) add_up();
    return loss;
  }

 private:
  Registry& model(std::size_t k) { return tasks_[k]->registry(); }

  Loss one_picture(Pictures& pictures, const Batch& picture, std::size_t k) {
    if (k > 0) take_over(model(k));
    pictures.meeting.meet();  // nobody writes running statistics before all have read them
    model(k).mode.items = picture.items;
    OnePicture rank(pictures, k);
    const OneOfRanks one(rank, OneOfRanks::Mean::kGlobal);
    const TrainLoss share = tasks_[k]->loss(picture);
    Loss loss = whole_loss(share, picture, rank);
    share.total.backward();
    return loss;
  }

  // Mode and buffers of the first network; the weights are its own anyway.
  void take_over(Registry& other) {
    other.mode = model(0).mode;
    for (std::size_t i = 0; i < other.buffers().size(); ++i)
      other.buffers()[i]->value().copy_from(model(0).buffers()[i]->value());
  }

  void add_up() {
    for (std::size_t i = 0; i < model(0).params().size(); ++i) {
      const Var& first = model(0).params()[i]->var();
      if (!first.requires_grad() || !first.grad().defined()) continue;
      std::vector<Tensor> rows = {first.grad().clone()};
      for (std::size_t k = 1; k < tasks_.size(); ++k) rows.push_back(model(k).params()[i]->var().grad());
      sums_.sum(rows);
      first.node()->grad = rows[0];
    }
    for (std::size_t k = 1; k < tasks_.size(); ++k) model(k).zero_grad();
  }

  std::vector<TrainTask*> tasks_;
  AllReduce& sums_;
};

}  // namespace

std::unique_ptr<DataParallel> parallel_in_buckets(TrainTask& task, AllReduce& sums, OneOfRanks::Mean mean) {
  return std::make_unique<InBuckets>(task, sums, mean);
}

std::unique_ptr<DataParallel> parallel_by_picture(TrainTask& task, std::vector<TrainTask*> others,
                                                  AllReduce& sums) {
  return std::make_unique<ByPicture>(task, std::move(others), sums);
}

}  // namespace clearcut
