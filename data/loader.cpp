#include "data/loader.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "data/sampler.h"
#include "tensor/error.h"
#include "tensor/parallel.h"

namespace clearcut {

namespace {

// One item, ready for a batch or failed.
struct Prepared {
  Tensor image;    // float32 [3, H, W]
  Tensor labels;   // int32 [H, W]
  Tensor weights;  // int32 [H, W], steps of 1/255
  std::string error;
};

}  // namespace

LabelledPicture load_sample(const Dataset& data, const Item& item, const LoaderOptions& options) {
  const Tensor picture = read_picture(item.image, options.picture);
  if (!options.masks || data.masks == MaskFormat::kNone || item.mask.empty()) return to_sample(picture);
  const Tensor labels = read_mask(data, item);
  check_mask(data, item, labels, picture.dim(0), picture.dim(1));
  return to_sample(picture, labels, item.weights.empty() ? Tensor{} : read_weights(item, labels));
}

// Samples are numbered in the order in which they are handed out: ticket = epoch * items + place in the
// epoch. Workers prepare tickets ahead of the one that next() waits for; results wait in `ready`.
struct Loader::State {
  Dataset data;
  std::vector<Transform> transforms;
  Normalize normalization;
  LoaderOptions options;

  std::mutex mutex;
  std::condition_variable work, done;
  std::vector<std::thread> workers;
  bool stop = false;
  std::uint64_t generation = 0;  // results of before a seek() are dropped
  std::int64_t wanted = 0;       // the ticket that next() takes next
  std::int64_t started = 0;      // the first ticket that nobody works on
  std::map<std::int64_t, Prepared> ready;
  std::map<std::uint32_t, std::vector<std::int64_t>> orders;  // of the epochs in work

  // Of the thread that calls next(): wanted = epoch * items + item.
  std::uint32_t epoch = 0;
  std::int64_t item = 0;
  bool any_good = false;  // in this epoch
  double waited = 0;      // seconds
  std::vector<Failure> failures;
  std::set<std::string> failed_names;

  std::int64_t size() const { return static_cast<std::int64_t>(data.items.size()); }
  std::uint32_t epoch_of(std::int64_t ticket) const { return static_cast<std::uint32_t>(ticket / size()); }
  /// In tickets of all ranks.
  std::int64_t ahead() const { return options.ahead > 0 ? options.ahead * options.ranks : 2 * options.batch; }
  /// Whether this rank reads it. Batches begin at multiples of their size.
  bool mine(std::int64_t ticket) const {
    return ticket % size() % options.batch * options.ranks / options.batch == options.rank;
  }

  const Item& item_of(std::int64_t ticket);
  const Item& locked_item(std::int64_t ticket) {
    const std::scoped_lock lock(mutex);
    return item_of(ticket);
  }
  Prepared prepare(const Item& source, std::int64_t ticket) const;
  Prepared take(std::int64_t ticket);
  void pass_over();  // the next ticket, which is another rank's
  void run_worker();
  bool may_start() const { return started < wanted + ahead(); }
  void note_failure(const Item& failed, const std::string& error);
  void start_next_epoch();
};

// The order of an epoch is drawn once and forgotten when no ticket of it is left. Called with the mutex held.
const Item& Loader::State::item_of(std::int64_t ticket) {
  const std::int64_t place = ticket % size();
  if (!options.shuffle && !options.balanced) return data.items[static_cast<std::size_t>(place)];
  while (!orders.empty() && orders.begin()->first < epoch_of(wanted)) orders.erase(orders.begin());
  auto& order = orders[epoch_of(ticket)];
  if (order.empty() && options.balanced)
    order = balanced_order(data, options.seed, epoch_of(ticket));
  else if (order.empty())
    order = permutation(RandomStream(options.seed, "epoch order", 0, epoch_of(ticket)), size());
  return data.items[static_cast<std::size_t>(order[static_cast<std::size_t>(place)])];
}

// An item that a balanced epoch has several times is cut and turned anew each time.
Prepared Loader::State::prepare(const Item& source, std::int64_t ticket) const {
  const std::uint32_t step = options.balanced ? static_cast<std::uint32_t>(ticket) : epoch_of(ticket);
  Prepared sample;
  try {
    LabelledPicture x = load_sample(data, source, options);
    const RandomKey key{options.seed, source.id, step};
    for (const Transform& transform : transforms) transform(x, key);
    sample.image = normalize(x.image, normalization);
    sample.labels = x.labels;
    sample.weights = x.weights;
  } catch (const std::exception& error) {
    sample = {{}, {}, {}, error.what()};
  }
  return sample;
}

void Loader::State::run_worker() {
  set_threads(1);  // this thread's own loops; the workers are the parallelism
  std::unique_lock lock(mutex);
  while (true) {
    work.wait(lock, [&] { return stop || may_start(); });
    if (stop) return;
    std::int64_t ticket = started++;
    while (!mine(ticket)) ticket = started++;
    const std::uint64_t of_generation = generation;
    const Item& source = item_of(ticket);
    lock.unlock();
    Prepared sample = prepare(source, ticket);
    lock.lock();
    if (of_generation != generation) continue;
    ready.emplace(ticket, std::move(sample));
    done.notify_one();
  }
}

Prepared Loader::State::take(std::int64_t ticket) {
  const auto begin = std::chrono::steady_clock::now();
  const auto note_wait = [&] {
    waited += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  std::unique_lock lock(mutex);
  if (workers.empty()) {
    const Item& source = item_of(ticket);
    lock.unlock();
    Prepared sample = prepare(source, ticket);
    lock.lock();
    wanted = ticket + 1;
    note_wait();
    return sample;
  }
  done.wait(lock, [&] { return ready.count(ticket) == 1; });
  note_wait();
  Prepared sample = std::move(ready.at(ticket));
  ready.erase(ticket);
  wanted = ticket + 1;
  work.notify_all();
  return sample;
}

void Loader::State::pass_over() {
  const std::scoped_lock lock(mutex);
  ++wanted;
  ++item;
  any_good = true;
  work.notify_all();
}

void Loader::State::note_failure(const Item& failed, const std::string& error) {
  if (options.on_failure == OnFailure::kThrow)
    fail("loader", failed.name, ": ", error,
         "; replace it, or leave such items out with data.on_failure: skip");
  if (failed_names.insert(failed.name).second) failures.push_back({failed.name, "read", error});
}

void Loader::State::start_next_epoch() {
  check(any_good, "loader", "all ", size(), " items of ", data.root,
        " failed; the first: ", failures.empty() ? "" : failures.front().id + ": " + failures.front().error);
  ++epoch;
  item = 0;
  any_good = false;
}

namespace {

struct Collected {
  std::vector<const Item*> items;
  std::vector<Prepared> samples;
};

// Parts of one shape become one tensor with a leading dimension.
template <class T>
Tensor stack(const Collected& collected, Tensor Prepared::*part, const char* what) {
  const Tensor& first = collected.samples.front().*part;
  for (std::size_t i = 0; i < collected.samples.size(); ++i)
    check((collected.samples[i].*part).defined() == first.defined(), "loader", what, " of ",
          collected.items[first.defined() ? i : 0]->name,
          " is missing, others of the batch have one: all "
          "items of a data set need one, or none");
  if (!first.defined()) return {};
  std::vector<std::int64_t> sizes = first.shape().sizes();
  sizes.insert(sizes.begin(), static_cast<std::int64_t>(collected.samples.size()));
  const Tensor batch(Shape(sizes), first.dtype());
  T* out = batch.data<T>();
  for (std::size_t i = 0; i < collected.samples.size(); ++i) {
    const Tensor& x = collected.samples[i].*part;
    check(x.shape() == first.shape(), "loader", "the samples of a batch must have one size: ", what, " of ",
          collected.items[0]->name, " is ", first.shape(), ", of ", collected.items[i]->name, " ", x.shape(),
          "; resize or crop them, or use batches of 1");
    out = std::copy_n(x.data<const T>(), x.numel(), out);
  }
  return batch;
}

Batch make_batch(const Collected& collected) {
  Batch batch;
  batch.images = stack<float>(collected, &Prepared::image, "the image");
  batch.labels = stack<std::int32_t>(collected, &Prepared::labels, "the label map");
  if (const Tensor weights = stack<std::int32_t>(collected, &Prepared::weights, "the pixel weights");
      weights.defined()) {
    batch.weights = weights.to(DType::kFloat32);
    float* w = batch.weights.data<float>();
    for (std::int64_t i = 0; i < batch.weights.numel(); ++i) w[i] /= 255;
  }
  std::vector<std::int32_t> classes;
  for (const Item* item : collected.items) {
    classes.push_back(item->classes.empty() ? -1 : item->classes.front());
    batch.items.push_back(item->id);
    batch.names.push_back(item->name);
  }
  batch.classes = Tensor::from({static_cast<std::int64_t>(classes.size())}, classes);
  return batch;
}

}  // namespace

Loader::Loader(Dataset data, std::vector<Transform> transforms, Normalize normalize, LoaderOptions options)
    : state_(std::make_unique<State>()) {
  check(!data.items.empty(), "loader", "the data set ", data.root, " has no items");
  check(0 <= options.rank && options.rank < options.ranks && options.batch % options.ranks == 0, "loader",
        "a batch of ", options.batch, " pictures cannot be shared equally by ", options.ranks,
        " ranks; make it a multiple");
  check(
      options.ranks == 1 || (options.drop_last && options.on_failure == OnFailure::kThrow), "loader",
      "several ranks need full batches: drop_last, and on_failure throw; a rank does not know which pictures "
      "the others left out; `clearcut data check` finds the bad ones");
  check(options.batch > 0 && options.threads >= 0 && options.ahead >= 0, "loader",
        "needs batch > 0, threads >= 0, ahead >= 0; got ", options.batch, ", ", options.threads, ", ",
        options.ahead);
  if (options.balanced) balanced_order(data, options.seed, 0);  // throws here what a worker could tell nobody
  state_->data = std::move(data);
  state_->transforms = std::move(transforms);
  state_->normalization = normalize;
  state_->options = options;
  for (int i = 0; i < options.threads; ++i)
    state_->workers.emplace_back([state = state_.get()] { state->run_worker(); });
}

Loader::~Loader() {
  {
    const std::scoped_lock lock(state_->mutex);
    state_->stop = true;
  }
  state_->work.notify_all();
  for (std::thread& worker : state_->workers) worker.join();
}

std::optional<Batch> Loader::next() {
  State& s = *state_;
  Collected collected;
  std::int64_t places = 0;  // of the batch that are filled, here or by other ranks
  while (s.item < s.size() && places < s.options.batch) {
    if (!s.mine(s.wanted)) {
      s.pass_over();
      ++places;
      continue;
    }
    const Item& item = s.locked_item(s.wanted);
    Prepared sample = s.take(s.wanted);
    ++s.item;
    if (!sample.error.empty()) {
      s.note_failure(item, sample.error);
      continue;
    }
    s.any_good = true;
    ++places;
    collected.items.push_back(&item);
    collected.samples.push_back(std::move(sample));
  }
  const bool full = places == s.options.batch;
  if (full || (!collected.samples.empty() && !s.options.drop_last)) return make_batch(collected);
  s.start_next_epoch();
  return std::nullopt;
}

void Loader::seek(LoaderPosition position) {
  State& s = *state_;
  check(s.options.ranks == 1 || position.item % s.options.batch == 0, "loader", "position ", position.item,
        " is within a batch of ", s.options.batch,
        "; several ranks can go on with the size of the batches before it, or at the start of an epoch");
  check(position.item >= 0 && position.item <= s.size(), "loader", "position ", position.item,
        " is outside a data set of ", s.size(), " items; was the data set changed?");
  const std::scoped_lock lock(s.mutex);
  ++s.generation;
  s.ready.clear();
  s.orders.clear();
  s.epoch = position.epoch;
  s.item = position.item;
  s.any_good = position.item > 0;  // what came before is not known
  s.wanted = s.started = static_cast<std::int64_t>(position.epoch) * s.size() + position.item;
  s.work.notify_all();
}

LoaderPosition Loader::position() const { return {state_->epoch, state_->item}; }
std::int64_t Loader::items() const { return state_->size(); }

std::int64_t Loader::batches_per_epoch() const {
  const std::int64_t n = state_->size(), batch = state_->options.batch;
  return state_->options.drop_last ? n / batch : (n + batch - 1) / batch;
}

double Loader::waited() const { return state_->waited; }
const Dataset& Loader::dataset() const { return state_->data; }
std::vector<Failure> Loader::failures() const { return state_->failures; }

}  // namespace clearcut
