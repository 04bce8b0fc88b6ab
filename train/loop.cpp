#include "train/loop.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <map>

#include "tensor/interrupt.h"
#include "train/config.h"
#include "train/log.h"
#include "train/numerical.h"

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
        sgd_(model_, options.sgd),
        checkpoints_(options.work_dir, options.keep),
        result_{.best = kNan, .score = kNan} {
    state_.config = o_.config;
  }

  LoopResult run() {
    start();
    RunLog log(o_.work_dir, state_.step);
    Progress progress(o_.name, o_.steps, o_.progress, state_.step);
    clock_ = std::chrono::steady_clock::now();
    if (state_.evaluation_due) finish_step(log);
    while (state_.step < o_.steps) {
      train_step();
      record(log);
      progress.update(state_.step, cat("loss ", short_number(result_.loss)));
      if (interrupted() && state_.step < o_.steps) stop_here();
    }
    result_.steps = state_.step;
    if (state_.best_step >= 0) result_.best = state_.best, result_.best_step = state_.best_step;
    return result_;
  }

 private:
  void start() {
    if (!o_.resume) {
      checkpoints_.clear();
      return;
    }
    const auto saved = checkpoints_.resume(model_, sgd_);
    if (!saved) return;
    result_.changed = changed_keys(saved->config, o_.config);
    state_ = *saved;
    state_.config = o_.config;
    saved_ = state_.step;
    loader_.seek(state_.position);
  }

  Batch next_batch() {
    for (int attempt = 0; attempt < 2; ++attempt)
      if (auto batch = loader_.next()) return std::move(*batch);
    fail("train", "the data set gives no batch: it has ", loader_.items(),
         " pictures, fewer than one batch, or none of them can be read; lower train.batch");
  }

  void train_step() {
    const Batch batch = next_batch();
    model_.mode.training = true;
    model_.mode.step = static_cast<std::uint32_t>(state_.step);
    model_.mode.items = batch.items;
    const TrainLoss loss = task_.loss(batch);
    add_up(loss, batch);
    loss.total.backward();
    sgd_.step(o_.schedule.at(state_.step));
    model_.zero_grad();  // at once: an evaluation may follow, and has better use for the memory
    state_.position = loader_.position();
    ++state_.step;
    items_ += static_cast<std::int64_t>(batch.items.size());
  }

  void add_up(const TrainLoss& loss, const Batch& batch) {
    result_.loss = loss.total.value().item();
    if (!std::isfinite(result_.loss)) not_finite(loss, batch);
    state_.loss_sums.resize(loss.parts.size() + 1);
    state_.loss_sums[0] += result_.loss;
    for (std::size_t i = 0; i < loss.parts.size(); ++i) state_.loss_sums[i + 1] += loss.parts[i];
    ++state_.losses_summed;
  }

  [[noreturn]] void not_finite(const TrainLoss& loss, const Batch& batch) const {
    std::string parts;
    for (const double part : loss.parts) parts += cat(parts.empty() ? "" : ", ", part);
    throw NumericalError(cat("train: the loss is ", result_.loss, " at step ", state_.step,
                             " (outputs: ", parts, "; epoch ", loader_.position().epoch, ", rate ",
                             o_.schedule.at(state_.step), ", first picture ",
                             batch.names.empty() ? "?" : batch.names[0],
                             "); earlier checkpoints are kept; try a lower rate or a warm-up"));
  }

  void record(RunLog& log) {
    const bool last = state_.step == o_.steps;
    if (state_.step % o_.log_every == 0 || last) log_losses(log);
    state_.evaluation_due =
        task_.has_evaluation() && (last || (o_.eval_every > 0 && state_.step % o_.eval_every == 0));
    finish_step(log);
  }

  void finish_step(RunLog& log) {
    const bool best = state_.evaluation_due && evaluate(log);
    if (best || state_.step == o_.steps || state_.step % o_.save_every == 0) save();
  }

  void log_losses(RunLog& log) {
    const auto now = std::chrono::steady_clock::now();
    const double seconds = std::chrono::duration<double>(now - clock_).count();
    const auto n = static_cast<double>(std::max<std::int64_t>(state_.losses_summed, 1));
    for (double& sum : state_.loss_sums) sum /= n;
    log.train({.step = state_.step,
               .epoch = state_.position.epoch,
               .rate = o_.schedule.at(state_.step - 1),
               .loss = state_.loss_sums[0],
               .losses = {state_.loss_sums.begin() + 1, state_.loss_sums.end()},
               .seconds = seconds,
               .items_per_second = seconds > 0 ? static_cast<double>(items_) / seconds : 0});
    state_.loss_sums.clear();
    state_.losses_summed = 0;
    items_ = 0;
    clock_ = now;
  }

  /// True if this is the best model so far. An evaluation that Ctrl-C stops is made on resuming.
  bool evaluate(RunLog& log) {
    model_.mode.training = false;
    Score score;
    try {
      stop_if_interrupted("evaluate");
      score = task_.evaluate();
    } catch (const Interrupted&) {
      stop_here();
    }
    state_.evaluation_due = false;
    log.evaluation(state_.step, state_.position.epoch, score.metric, score.value, score.numbers);
    result_.score = score.value;
    const bool best = score.value > state_.best;
    if (best) state_.best = score.value, state_.best_step = state_.step;
    return best;
  }

  void save() {
    checkpoints_.save(model_, sgd_, state_, task_.card(), task_.graph());
    saved_ = state_.step;
  }

  [[noreturn]] void stop_here() {
    if (saved_ != state_.step) save();
    throw Interrupted(cat(o_.name, ": interrupted after step ", state_.step, " of ", o_.steps,
                          "; all is saved, go on with --resume"));
  }

  TrainTask& task_;
  Loader& loader_;
  const LoopOptions& o_;
  Registry& model_;
  Sgd sgd_;
  Checkpoints checkpoints_;
  TrainState state_;
  LoopResult result_;
  std::int64_t saved_ = -1;  // step of the newest checkpoint
  std::int64_t items_ = 0;   // since the last record
  std::chrono::steady_clock::time_point clock_;
};

}  // namespace

LoopResult run_loop(TrainTask& task, Loader& loader, const LoopOptions& options) {
  return Loop(task, loader, options).run();
}

}  // namespace clearcut
