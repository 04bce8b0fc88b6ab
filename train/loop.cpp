#include "train/loop.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <map>
#include <memory>
#include <optional>

#include "tensor/interrupt.h"
#include "train/config.h"
#include "train/data_parallel.h"
#include "train/log.h"
#include "train/not_finite.h"
#include "train/numerical.h"
#include "train/weight_average.h"

namespace clearcut {

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::vector<std::string> changed_keys(const std::string& before, const std::string& now) {
  if (before == now) return {};
  const auto leaves = [](const std::string& text) {
    const auto list = Config::parse(text, "checkpoint").leaves();
    return std::map<std::string, std::string>(list.begin(), list.end());
  };
  const auto a = leaves(before), b = leaves(now);
  std::vector<std::string> changed;
  for (const auto& [key, value] : b)
    if (const auto old = a.find(key); old == a.end() || old->second != value)
      changed.push_back(cat(key, ": ", old == a.end() ? "(none)" : old->second, " -> ", value));
  for (const auto& [key, value] : a)
    if (!b.contains(key)) changed.push_back(cat(key, ": ", value, " -> (none)"));
  return changed;
}

std::string short_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

class Loop {
 public:
  Loop(TrainTask& task, Loader& loader, const LoopOptions& options)
      : task_(task),
        loader_(loader),
        o_(options),
        model_(task.registry()),
        optimiser_(make_optimiser(model_, options.optimiser)),
        checkpoints_(options.work_dir, options.keep),
        result_{.loss = kNan, .best = kNan, .score = kNan} {
    state_.config = o_.config;
    if (o_.ema > 0) average_.emplace(model_, o_.ema);
  }

  LoopResult run() {
    try {
      start();
      if (first()) log_.emplace(o_.work_dir, state_.step, state_.evaluation_due);
      run_steps();
    } catch (const RankLost& lost) {
      stop_alone(lost);
    }
    result_.steps = state_.step;
    result_.stopped_early = stopped_early();
    if (state_.best_step >= 0) result_.best = state_.best, result_.best_step = state_.best_step;
    return result_;
  }

 private:
  bool stopped_early() const {
    return o_.early_stop > 0 && state_.evaluations_since_best >= o_.early_stop && !state_.evaluation_due;
  }
  bool done() const { return state_.step >= o_.steps || stopped_early(); }
  WeightAverage* average() { return average_ ? &*average_ : nullptr; }

  bool first() const { return !o_.ranks.lane || o_.ranks.lane->rank() == 0; }
  /// What each rank says.
  std::vector<std::string> all_say(const std::string& mine) const {
    return o_.ranks.lane ? gather(*o_.ranks.lane, mine) : std::vector{mine};
  }
  /// On one rank and so on all.
  bool interrupted_somewhere() const {
    const auto said = all_say(interrupted() ? "stop" : "");
    return std::ranges::any_of(said, [](const std::string& text) { return !text.empty(); });
  }

  void run_steps() {
    Progress progress(o_.name, o_.steps, first() ? o_.progress : ProgressStyle::kNone, state_.step);
    clock_ = std::chrono::steady_clock::now();
    if (state_.evaluation_due) finish_step();
    while (!done()) {
      keep_way_back();
      train_step();
      way_back_.reset();
      record();
      progress.update(state_.step, cat("loss ", short_number(result_.loss)));
      if (interrupted_somewhere() && !done()) stop_here();
    }
  }

  void start() {
    if (first() || o_.resume) load_or_clear();
    const auto said = all_say(cat("step ", state_.step));
    for (std::size_t r = 1; r < said.size(); ++r)
      check(said[r] == said[0], "train", "rank 0 starts at ", said[0], ", rank ", r, " at ", said[r],
            "; do all of them see the folder ", o_.work_dir, "?");
  }

  void load_or_clear() {
    if (!o_.resume) {
      checkpoints_.clear();
      return;
    }
    const auto saved = checkpoints_.resume(model_, *optimiser_, average(), o_.checkpoint);
    if (!saved) return;
    result_.changed = changed_keys(saved->config, o_.config);
    if (first())
      for (const std::string& line : result_.changed)
        std::cerr << "resume: the configuration changed: " << line << "\n";
    state_ = *saved;
    state_.evaluation_due &= task_.has_evaluation();  // the validation data may have been taken away since
    state_.config = o_.config;
    saved_ = result_.before = state_.step;
    loader_.seek(state_.position);
  }

  Batch next_batch() {
    for (int attempt = 0; attempt < 2; ++attempt)
      if (auto batch = loader_.next()) return std::move(*batch);
    fail("train", "the data set gives no batch: it has ", loader_.items(),
         " pictures, fewer than one batch, or none of them can be read; lower train.batch");
  }

  void train_step() {
    result_.loss = 0;
    model_.mode.training = true;
    batches_.clear();
    for (int part = 0; part < o_.accumulate; ++part) {
      batches_.push_back(next_batch());
      add_gradients(batches_.back(), part);
    }
    optimiser_->step(o_.schedule.at(state_.step), gradient_scale());
    model_.zero_grad();  // at once: an evaluation may follow, and has better use for the memory
    state_.position = loader_.position();
    ++state_.step;
    if (average_) average_->update(state_.step);
  }

  void prepare_mode(const Batch& batch, int part) {
    model_.mode.step = static_cast<std::uint32_t>(state_.step * o_.accumulate + part);
    model_.mode.items = batch.items;
  }

  void add_gradients(const Batch& batch, int part) {
    prepare_mode(batch, part);
    if (o_.ranks.parallel) {
      const auto loss = o_.ranks.parallel->add_gradients(batch, part == o_.accumulate - 1);
      add_up(loss.total, loss.parts);
    } else {
      const TrainLoss loss = task_.loss(batch);
      add_up(loss.total.value().item(), loss.parts);
      loss.total.backward();
    }
    items_ += static_cast<std::int64_t>(batch.items.size()) * (o_.ranks.lane ? o_.ranks.lane->ranks() : 1);
  }

  /// What the sum of the batches' gradients is multiplied with.
  double gradient_scale() {
    const double mean = 1.0 / o_.accumulate;
    gradient_norm_ = gradient_norm(model_) * mean;
    if (!std::isfinite(gradient_norm_)) not_finite(cat("the gradients are ", gradient_norm_));
    return o_.clip > 0 ? mean * std::min(1.0, o_.clip / (gradient_norm_ + 1e-6)) : mean;
  }

  void add_up(double total, const std::vector<double>& parts) {
    result_.loss += total / o_.accumulate;
    if (!std::isfinite(total)) not_finite(cat("the loss is ", total));
    state_.loss_sums.resize(parts.size() + 1);
    state_.loss_sums[0] += total;
    for (std::size_t i = 0; i < parts.size(); ++i) state_.loss_sums[i + 1] += parts[i];
    ++state_.losses_summed;
  }

  std::string not_finite_folder() const {
    return cat(o_.work_dir, "/not_finite", first() ? "" : cat("_rank", o_.ranks.lane->rank()));
  }

  /// Repeats the batches of this step in search of the operator that is to blame. All ranks do, each its own
  /// part of them; all throw what the first that found one says.
  [[noreturn]] void not_finite(const std::string& what) {
    model_.zero_grad();
    const auto said = all_say(search_not_finite());
    const auto best = std::ranges::max_element(said, {}, [](const std::string& text) { return text[0]; });
    const auto rank = static_cast<std::size_t>(best - said.begin());
    const NumericalError error(cat("train: ", what, " at step ", state_.step, " (epoch ",
                                   loader_.position().epoch, ", rate ", o_.schedule.at(state_.step),
                                   said.size() > 1 ? cat(", rank ", rank) : "", said[rank].substr(1),
                                   "; earlier checkpoints are kept; try a lower rate, a warm-up or "
                                   "optimiser.clip"));
    throw_once(error);
  }

  /// "2" if an operator was found, "1" if the search failed, "0" if there is none; then ", first picture
  /// NAME); SENTENCE". Throws nothing: other ranks wait for it.
  std::string search_not_finite() {
    NotFinite found;
    std::string sentence, known;
    try {
      for (std::size_t part = 0; part < batches_.size() && found.op.empty(); ++part) {
        prepare_mode(batches_[part], static_cast<int>(part));
        found = find_not_finite(task_, batches_[part], not_finite_folder(), state_.step);
      }
      sentence = found.text();
      known = found.op.empty() ? "0" : "2";
    } catch (const std::exception& error) {
      sentence = cat("the search for the operator failed: ", error.what());
      known = "1";
    }
    const auto& names = batches_.back().names;
    return cat(known, ", first picture ", names.empty() ? "?" : names[0], "); ", sentence);
  }

  /// All ranks throw the same: the first one says it.
  template <class E>
  [[noreturn]] void throw_once(const E& error) const {
    if (first()) throw error;
    throw SaidByAnotherRank{std::make_exception_ptr(error)};
  }

  void record() {
    const bool last = state_.step >= o_.steps;
    if (state_.step % o_.log_every == 0 || last) log_losses();
    state_.evaluation_due =
        task_.has_evaluation() && (last || (o_.eval_every > 0 && state_.step % o_.eval_every == 0));
    finish_step();
  }

  void finish_step() {
    const bool best = state_.evaluation_due && evaluate();
    if (best || done() || state_.step % o_.save_every == 0) save();
  }

  void log_losses() {
    const auto now = std::chrono::steady_clock::now();
    const double seconds = std::chrono::duration<double>(now - clock_).count();
    const auto n = static_cast<double>(std::max<std::int64_t>(state_.losses_summed, 1));
    for (double& sum : state_.loss_sums) sum /= n;
    if (log_)
      log_->train({.step = state_.step,
                   .epoch = state_.position.epoch,
                   .rate = o_.schedule.at(state_.step - 1),
                   .loss = state_.loss_sums[0],
                   .losses = {state_.loss_sums.begin() + 1, state_.loss_sums.end()},
                   .gradient_norm = gradient_norm_,
                   .seconds = seconds,
                   .items_per_second = seconds > 0 ? static_cast<double>(items_) / seconds : 0,
                   .waited = loader_.waited() - waited_});
    waited_ = loader_.waited();
    state_.loss_sums.clear();
    state_.losses_summed = 0;
    items_ = 0;
    clock_ = now;
  }

  /// Nothing if Ctrl-C stopped it.
  std::optional<double> score() {
    const WeightAverage::InPlace averaged(average());
    try {
      stop_if_interrupted("evaluate");
      const Score score = task_.evaluate();
      log_->evaluation(state_.step, state_.position.epoch, score.metric, score.value, score.numbers);
      return score.value;
    } catch (const Interrupted&) {
      return std::nullopt;
    }
  }

  /// The score that the first rank finds.
  std::optional<double> agreed_score() {
    if (!o_.ranks.lane) return score();
    std::string mine;
    if (first())
      if (const auto value = score()) mine.assign(reinterpret_cast<const char*>(&*value), sizeof(double));
    mine = all_say(mine)[0];
    if (mine.empty()) return std::nullopt;
    double value = 0;
    std::memcpy(&value, mine.data(), sizeof value);
    return value;
  }

  /// True if this is the best model so far. An evaluation that Ctrl-C stops is made on resuming.
  bool evaluate() {
    model_.mode.training = false;
    const auto value = agreed_score();
    if (!value) stop_here();
    state_.evaluation_due = false;
    result_.score = *value;
    const bool best = *value > state_.best;
    if (best) state_.best = *value, state_.best_step = state_.step;
    state_.evaluations_since_best = best ? 0 : state_.evaluations_since_best + 1;
    return best;
  }

  void save() {
    if (first()) checkpoints_.save(model_, *optimiser_, state_, task_.card(), task_.graph(), average());
    saved_ = state_.step;
  }

  [[noreturn]] void stop_here() {
    if (!first()) set_interrupted(false);  // or waiting for a large checkpoint would look like a lost rank
    if (saved_ != state_.step) save();
    all_say("");  // nobody ends, and ends the others, before all is saved
    throw_once(Interrupted(cat(o_.name, ": interrupted after step ", state_.step, " of ", o_.steps,
                               "; all is saved, go on with --resume")));
  }

  /// Everything that a step changes before its gradients are whole.
  struct WayBack {
    TrainState state;
    std::vector<Tensor> buffers;
  };
  void keep_way_back() {
    if (!o_.ranks.lane) return;
    way_back_.emplace(state_);
    for (const Buffer* buffer : model_.buffers()) way_back_->buffers.push_back(buffer->value().clone());
  }

  [[noreturn]] void stop_alone(const RankLost& lost) {
    if (way_back_) {
      state_ = way_back_->state;
      for (std::size_t i = 0; i < way_back_->buffers.size(); ++i)
        model_.buffers()[i]->value().copy_from(way_back_->buffers[i]);
    }
    if (saved_ != state_.step) save();
    throw RankLost(cat("train: ", lost.what(), ", in step ", state_.step + 1, "; ",
                       first() ? "all is saved" : "rank 0 saves, or the last checkpoint stands",
                       " as of step ", saved_, "; start all ranks again with --resume"));
  }

  TrainTask& task_;
  Loader& loader_;
  double waited_ = 0;  // seconds that earlier records have
  const LoopOptions& o_;
  Registry& model_;
  std::unique_ptr<Optimiser> optimiser_;
  std::optional<WeightAverage> average_;
  Checkpoints checkpoints_;
  TrainState state_;
  LoopResult result_;
  std::optional<RunLog> log_;        // of the first rank
  std::optional<WayBack> way_back_;  // while a step runs on several ranks
  std::vector<Batch> batches_;       // of the running step
  std::int64_t saved_ = -1;          // step of the newest checkpoint
  std::int64_t items_ = 0;           // since the last record
  double gradient_norm_ = 0;         // of the last step, before it was clipped
  std::chrono::steady_clock::time_point clock_;
};

}  // namespace

LoopResult run_loop(TrainTask& task, Loader& loader, const LoopOptions& options) {
  return Loop(task, loader, options).run();
}

}  // namespace clearcut
