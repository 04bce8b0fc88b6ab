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

struct LoopOptions {
  std::string name = "train";  // in progress lines
  std::string work_dir;
  std::int64_t steps = 1;
  std::int64_t log_every = 10, save_every = 500;
  std::int64_t eval_every = 0;  // steps; 0: at the end only
  int keep = 2;                 // checkpoints
  Schedule schedule;
  SgdOptions sgd;
  ProgressStyle progress = ProgressStyle::kNone;
  bool resume = false;  // go on from the last checkpoint, if there is one
  std::string config;   // effective configuration, kept in checkpoints
};

struct LoopResult {
  std::int64_t steps = 0;
  double loss = 0;  // of the last step
  double best = 0;  // best score; NaN if nothing was evaluated
  std::int64_t best_step = -1;
  double score = 0;                       // of the last evaluation; NaN if there was none
  std::vector<std::string> changed = {};  // keys of the configuration that differ from the checkpoint's
};

/// Runs steps [steps done, options.steps) of
///
///   loss of the next batch;   its gradients;   one step of SGD at schedule.at(step)
///
/// and writes checkpoints, metrics.jsonl and history.csv to work_dir. A run that was stopped (or killed) and
/// resumed ends with the same bits as a straight one. After Ctrl-C the running step is finished and saved,
/// then Interrupted is thrown. Throws NumericalError that names the step if the loss is not finite.
LoopResult run_loop(TrainTask& task, Loader& loader, const LoopOptions& options);

}  // namespace clearcut
