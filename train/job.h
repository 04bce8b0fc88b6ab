// A training run as a configuration describes it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "train/config.h"
#include "train/data_config.h"
#include "train/evaluate.h"
#include "train/loop.h"

namespace clearcut {

/// Keys of a training configuration (configs/*.yaml say which values come from where):
///
///   task         classification | pretrain | segmentation
///   seed         of initial weights, order, augmentation and dropout
///   model        name (also FILE.onnx for classification: it is trained further, with a new last layer if
///                the number of classes differs), classes (default: those of the data), width,
///                output_stride, auxiliary, recompute
///   init         from: PATH, parts: [patterns of parameter names], prefix: text put before the file's names
///   data         train: {...}, val: {...} (see DatasetConfig), threads, on_failure: throw | skip, exif,
///                single_label
///   normalise    mean, deviation
///   augment      see read_augmentation()
///   loss         class_weights: "default=1,background=0.1", coefficients: [1, 0.4]
///   optimiser    rate, rate_batch (rate is meant for this batch size and scaled linearly; 0: as it is),
///                momentum, weight_decay, nesterov, rates: {pattern: multiplier}, decay, end, power, every,
///                gamma, warmup, warmup_start
///   train        batch, steps | epochs, log_every, eval_every, save_every, keep, shuffle, drop_last,
///                freeze_batch_norm
///   eval         see read_evaluate_options(); framing: whole | centre | short (classification)
struct TrainJob {
  enum class Task { kClassification, kPretrain, kSegmentation };
  Task task = Task::kSegmentation;
  std::uint64_t seed = 1;
  ModelSpec model;  // classes, class names and input are filled in when the data set is open
  struct Init {
    std::string from;  // empty: random weights
    std::vector<std::string> parts = {"*"};
    std::string prefix;
  } init;
  DatasetConfig train;
  std::optional<DatasetConfig> val;
  int threads = 2;
  OnFailure on_failure = OnFailure::kThrow;
  bool single_label = false;  // classification: leave out pictures with several image labels
  bool apply_exif = false;
  Normalize normalize;
  std::string class_weights;
  std::vector<double> coefficients;
  SgdOptions sgd;
  double rate_batch = 0;
  std::int64_t batch = 8;
  std::int64_t steps = 0;  // 0: epochs counts
  double epochs = 0;
  bool shuffle = true, drop_last = true, freeze_batch_norm = false;
  LoopOptions loop;  // steps and the rate's scale are filled in when the data set is open
  EvaluateOptions evaluation;
  Framing framing = Framing::kWhole;
  Config config;  // everything above, with defaults
};

/// Reads all keys and opens no file. Throws ConfigError on any mistake, unknown keys too.
TrainJob read_train_job(const Config& config);

struct TrainRun {
  std::string work_dir;
  Device device = Device::kCpu;
  std::optional<std::uint64_t> seed = {};  // in place of the configuration's
  bool resume = false;
  ProgressStyle progress = ProgressStyle::kNone;
};

/// A job with its data open, its model built and its weights handed over.
struct PreparedJob {
  TrainJob job;  // numbers that depend on the data are filled in
  Dataset train;
  std::optional<Dataset> val;
  std::unique_ptr<Classifier> classifier;  // one of the two
  std::unique_ptr<Segmenter> segmenter;
  std::unique_ptr<TrainTask> task;
  std::unique_ptr<Loader> loader;
  HandOver init;
};
PreparedJob prepare_job(const TrainJob& job, const TrainRun& run);

struct TrainSummary {
  LoopResult loop = {};
  std::string metric = {};                      // "miou", "top1"
  std::size_t loaded = 0;                       // tensors that `init` brought
  std::vector<std::string> reinitialised = {};  // and those that it did not
  std::vector<Failure> failures = {};
  double seconds = 0;
  std::size_t peak_bytes = 0;
};

/// Trains and writes to work_dir: config.effective.yaml, env.json, metrics.jsonl, history.csv, checkpoints/,
/// result.json, failures.jsonl and, for segmentation with validation data, eval.json, eval.csv and
/// confusion.csv of the last step.
TrainSummary train(const TrainJob& job, const TrainRun& run);

}  // namespace clearcut
