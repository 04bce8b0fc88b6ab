// A training run as a configuration describes it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nn/loss.h"
#include "tensor/collective.h"
#include "tensor/cuda_device.h"
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
///   loss         class_weights: "default=1,background=0.1", coefficients: [1, 0.4] (of the outputs), terms:
///                {cross_entropy: 1, dice: 0.5, lovasz: 0, boundary: 0} (factors; by itself cross-entropy
///                alone), focal_gamma (of the focal loss), hard: {threshold, min_kept} (OHEM), normalise:
///                global | rank (of several ranks: mean over all pixels, or mean of their means)
///   optimiser    rule: sgd | adamw, rate, rate_batch (rate is meant for this batch size and scaled linearly;
///                0: as it is), weight_decay, no_decay: [patterns of parameter names, or "vectors": all
///                biases and batch-norm parameters], rates: {pattern: multiplier}, clip (length of all
///                gradients), of sgd: momentum, nesterov, of adamw: betas, epsilon; decay, end, power, every,
///                gamma, warmup, warmup_start
///   train        batch, accumulate (batches per step), steps | epochs, log_every, eval_every, save_every,
///                keep, ema (decay of averaged weights), early_stop (evaluations without a better score),
///                shuffle, balanced (classes come equally often: data/sampler.h), drop_last,
///                freeze_batch_norm, products: float32 | tf32 | bfloat16 (what is multiplied on cuda: tensor
///                cores round the operands, sums, weights and gradients stay float32; no scale of the loss is
///                needed, since bfloat16 has float32's range)
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
  CudaProducts products = CudaProducts::kFloat32;
  bool single_label = false;  // classification: leave out pictures with several image labels
  bool apply_exif = false;
  Normalize normalize;
  std::string class_weights;
  SegmentationLossOptions::Terms loss_terms;
  double focal_gamma = 0;
  std::optional<ops::HardPixels> hard_pixels;
  std::vector<double> coefficients;
  OneOfRanks::Mean mean = OneOfRanks::Mean::kGlobal;
  double rate_batch = 0;
  std::int64_t batch = 8;
  std::int64_t steps = 0;  // 0: epochs counts
  double epochs = 0;
  bool shuffle = true, balanced = false, drop_last = true, freeze_batch_norm = false;
  LoopOptions loop;  // steps and the rate's scale are filled in when the data set is open
  EvaluateOptions evaluation;
  Framing framing = Framing::kWhole;
  Config config;  // everything above, with defaults
};

/// Reads all keys and opens no file. Throws ConfigError on any mistake, unknown keys too.
TrainJob read_train_job(const Config& config);

/// The processes that train one network together; see train/data_parallel.h. All pointers null: this one
/// alone.
struct TrainRanks {
  Lane* lane = nullptr;
  AllReduce* sums = nullptr;
  bool by_picture = false;  // sums of which the bits do not depend on the number of ranks
};

struct TrainRun {
  std::string work_dir;
  Device device = Device::kCpu;
  bool resume = false;
  std::string checkpoint = "last";  // to resume from: last, best or step_N
  ProgressStyle progress = ProgressStyle::kNone;
  TrainRanks ranks = {};
  double until = 1;  // share of the steps after which it stops; the schedule is that of all steps
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
  double seconds = 0;  // of this process, and of the recorded steps of those before that it goes on from
  std::size_t peak_bytes = 0;  // of this process, as are the failures
};

/// Trains and writes to work_dir: config.effective.yaml, env.json, metrics.jsonl, history.csv, checkpoints/,
/// result.json, failures.jsonl and, for segmentation with validation data, eval.json, eval.csv and
/// confusion.csv of the last step. A run that was complete already stays as it is. Of several ranks the first
/// one writes; train.batch pictures are shared by all of them. Throws ConfigError if they cannot be, or if
/// sums by picture are asked with normalise: rank.
TrainSummary train(const TrainJob& job, const TrainRun& run);

}  // namespace clearcut
