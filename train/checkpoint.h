// Checkpoints: everything that a run needs to go on as if it had never stopped.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "data/loader.h"
#include "nn/module.h"
#include "train/optimiser.h"
#include "train/weight_average.h"

namespace clearcut {

/// Where a run stands after `step` steps. All random numbers are keyed by (seed, purpose, item, step), so
/// there is no generator to save.
struct TrainState {
  std::int64_t step = 0;
  LoaderPosition position;                                 // of the sampler: the next batch
  double best = -std::numeric_limits<double>::infinity();  // score of the best evaluation so far
  std::int64_t best_step = -1;
  std::vector<double> loss_sums;  // total, then each output, since the last record in metrics.jsonl
  std::int64_t losses_summed = 0;
  std::int64_t evaluations_since_best = 0;
  bool evaluation_due = false;  // stopped before or in the evaluation that belongs to this step
  std::string config;           // the effective configuration, to tell what changed
};

/// WORK_DIR/checkpoints/step_N/{model.safetensors, optim.safetensors, state.json, model.json}, for networks
/// that were read from an ONNX file also graph.onnx (the network as training began), and `last` and `best`,
/// links to two of them. A checkpoint is written under a temporary name and renamed: a killed run or a full
/// disk leaves none half written. state.json holds size and CRC-32 of the other files.
class Checkpoints {
 public:
  /// Keeps the newest `keep` checkpoints and the best one.
  Checkpoints(const std::string& work_dir, int keep);

  /// `card` is the text of model.json (models/card.h), `graph` the bytes of graph.onnx or "". Points `last`
  /// to the new checkpoint, and `best` too if state.best_step == state.step.
  /// With an average, model.safetensors holds the averaged weights: those that were evaluated and that
  /// prediction and hand-over are meant to read; the weights that training goes on from are in
  /// training.safetensors.
  void save(const Registry& model, const Optimiser& optimiser, const TrainState& state,
            const std::string& card, const std::string& graph = "", const WeightAverage* average = nullptr);

  /// Loads a checkpoint (`last`, `best` or step_N; by itself `last`) into model, optimiser and average;
  /// nothing if there is none at all. An average that the checkpoint does not have starts from its weights.
  /// Throws Error if it is of another model; if it is of another version: the text names both, and how to go
  /// on; if it is damaged: the text names what is, and the newest checkpoint that is whole.
  std::optional<TrainState> resume(Registry& model, Optimiser& optimiser, WeightAverage* average = nullptr,
                                   const std::string& name = "last") const;

  /// True if there is any, whole or not.
  bool exists() const;
  /// What is wrong with a checkpoint's files; "" if they are as they were written.
  std::string damage(const std::string& name) const;
  /// Deletes all of them.
  void clear();
  const std::string& folder() const { return folder_; }

 private:
  std::vector<std::int64_t> steps() const;  // of the checkpoints, newest first
  void write(const std::string& folder, const Registry& model, const Optimiser& optimiser,
             const TrainState& state, const std::string& card, const std::string& graph,
             const WeightAverage* average) const;
  void link(const std::string& name, const std::string& target) const;
  void remove_old(const TrainState& state) const;

  std::string folder_;
  int keep_;
};

struct HandOver {
  LoadReport report;
  /// "head.weight [6, 128], file has [1001, 128]" or "head.bias, not in the file".
  std::vector<std::string> reinitialised;
};

/// Starts a model from the weights at `path` (see find_weights in models/card.h): a tensor is copied if its
/// name fits one of `patterns` and its shape matches; everything else keeps its fresh initialisation and is
/// reported (spec 3.3). `prefix` is put before the names in the file: "backbone." starts a trunk from a
/// classifier. Throws Error if nothing at all matches.
HandOver hand_over(Registry& model, const std::string& path, const std::vector<std::string>& patterns = {"*"},
                   const std::string& prefix = "");

}  // namespace clearcut
