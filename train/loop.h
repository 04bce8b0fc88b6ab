// The training loop: the same for classifiers, pre-training and fine-tuning.
#pragma once

#include <string>
#include <vector>

#include "data/json.h"
#include "data/loader.h"
#include "nn/module.h"
#include "train/checkpoint.h"
#include "train/progress.h"
#include "train/schedule.h"

namespace clearcut {

/// The result of one evaluation during training.
struct Score {
  std::string metric;  // "miou", "top1"; larger is better
  double value = 0;
  JsonObject numbers;  // all that was measured
};

/// The loss of one batch.
struct TrainLoss {
  Var total;                  // what is differentiated
  std::vector<double> parts;  // of each output of the network, for the records
};

/// What the loop trains: how a batch becomes a loss, and how good the model is now.
class TrainTask {
 public:
  virtual ~TrainTask() = default;
  virtual Registry& registry() = 0;
  virtual TrainLoss loss(const Batch& batch) = 0;
  virtual bool has_evaluation() const = 0;
  virtual Score evaluate() = 0;
  /// Text of model.json for checkpoints.
  virtual std::string card() const = 0;
  /// Bytes of graph.onnx for checkpoints; "" for networks that are made by name.
  virtual std::string graph() const { return ""; }
};

class DataParallel;
class Lane;

/// This loop is one of several that train one network together, in processes of their own or threads.
struct LoopRanks {
  Lane* lane = nullptr;              // what they agree on; null: this loop is alone
  DataParallel* parallel = nullptr;  // the gradients of a batch that they share; null: of a batch of its own
};

struct LoopOptions {
  std::string name = "train";  // in progress lines
  std::string work_dir;
  std::int64_t steps = 1;
  std::int64_t log_every = 10, save_every = 500;
  std::int64_t eval_every = 0;  // steps; 0: at the end only
  int keep = 2;                 // checkpoints
  Schedule schedule;
  OptimiserOptions optimiser;
  int accumulate = 1;  // batches whose gradients are averaged for one step
  double clip = 0;     // gradients longer than this, all together, are shortened to it; 0: never
  double ema = 0;      // decay of the running average of the weights; 0: none
  int early_stop = 0;  // evaluations on end without a better score that end the run; 0: never
  ProgressStyle progress = ProgressStyle::kNone;
  bool resume = false;              // go on from `checkpoint`, if there is any
  std::string checkpoint = "last";  // or best, or step_N
  std::string config;               // effective configuration, kept in checkpoints
  LoopRanks ranks = {};
};

struct LoopResult {
  std::int64_t steps = 0;
  std::int64_t before = 0;  // steps that the checkpoint had done already
  double loss = 0;          // of the last step; NaN if none was left to do
  double best = 0;          // best score; NaN if nothing was evaluated
  std::int64_t best_step = -1;
  double score = 0;  // of the last evaluation; NaN if there was none
  bool stopped_early = false;
  std::vector<std::string> changed = {};  // keys of the configuration that differ from the checkpoint's
};

/// Runs steps [steps done, options.steps) of
///
///   loss and gradients of the next `accumulate` batches;   one step of the optimiser at schedule.at(step)
///   with g = mean of the batches' gradients * min(1, clip / (length + 1e-6))
///
/// and writes checkpoints, metrics.jsonl and history.csv to work_dir. With `ema` the averaged weights are the
/// ones that are evaluated and that checkpoints offer (train/checkpoint.h). A run that was stopped (or
/// killed) and resumed ends with the same bits as a straight one. After Ctrl-C the running step is finished
/// and saved, then Interrupted is thrown. Throws NumericalError that names the step if the loss or the length
/// of the gradients is not finite.
///
/// Of several ranks the first evaluates, writes and shows progress; the others take its score. They stop
/// together: what all of them meet (Ctrl-C, a number that is not finite) the first throws, and the others
/// SaidByAnotherRank; the text of NumericalError names the rank whose part of the batch shows the operator.
/// If one of them is gone (RankLost), rank 0 goes back to the end of the last whole step, saves it, and
/// throws RankLost with a text that says so.
LoopResult run_loop(TrainTask& task, Loader& loader, const LoopOptions& options);

}  // namespace clearcut
