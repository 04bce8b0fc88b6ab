// What a run writes about itself: metrics.jsonl, history.csv, events.out.tfevents.*, progress.html,
// curves.svg, env.json, config.effective.yaml.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "data/json.h"
#include "data/jsonl.h"
#include "tensor/device.h"
#include "train/tensorboard.h"

namespace clearcut {

/// Program with its commit, compiler, instruction set, decoders, device and threads: results agree bit by bit
/// only where these do.
JsonObject environment(Device device, std::uint64_t seed);

/// The records of one run.
///
///   metrics.jsonl  {"kind": "train", "step", "epoch", "rate", "loss", "losses", "gradient_norm",
///                   "seconds", "waited", "items_per_second"}
///                  {"kind": "eval", "step", "epoch", "score", "metric", "numbers": {...}}
///   history.csv    step,epoch,rate,loss,score: one row per record, for spreadsheets and curves
///   events.out.tfevents.clearcut   for TensorBoard: train/loss, train/loss_0, ..., train/rate,
///                  train/gradient_norm, train/items_per_second, eval/METRIC
///   progress.html, curves.svg      the curves so far, made anew from metrics.jsonl every few seconds;
///                  a browser that shows the page loads it again by itself until the run ends
///
/// Each record of metrics.jsonl also has "time", seconds since 1970.
class RunLog {
 public:
  /// `steps_done`: 0 starts both files anew; else records of later steps are cut off, so that a run that was
  /// killed and resumed leaves the same records as one that was not. `evaluation_due`: the evaluation of step
  /// `steps_done` will be made, again if its record is there already, which is cut off too.
  RunLog(const std::string& work_dir, std::int64_t steps_done, bool evaluation_due);
  /// The page and the curves a last time, if the run came to its end or was stopped.
  ~RunLog();
  RunLog(const RunLog&) = delete;
  RunLog& operator=(const RunLog&) = delete;

  struct Train {
    std::int64_t step = 0, epoch = 0;
    double rate = 0, loss = 0;   // mean loss since the last record
    std::vector<double> losses;  // the same per output of the network, without coefficients
    double gradient_norm = 0;    // of the last step, over all parameters, before clipping
    double seconds = 0, items_per_second = 0;
    double waited = 0;  // of these seconds, for pictures to be read
  };
  void train(const Train& record);
  /// `numbers`: everything else that was measured.
  void evaluation(std::int64_t step, std::int64_t epoch, const std::string& metric, double score,
                  const JsonObject& numbers);

 private:
  void row(const std::string& text);
  void add(const JsonObject& record);
  void draw(bool running);

  std::string folder_, history_path_;
  std::unique_ptr<JsonlWriter> metrics_;
  std::unique_ptr<TensorboardWriter> events_;
  std::chrono::steady_clock::time_point drawn_ = {};
};

/// The records of WORK_DIR/metrics.jsonl of one kind ("train", "eval"), in order.
std::vector<JsonObject> read_metrics(const std::string& work_dir, const std::string& kind);

}  // namespace clearcut
