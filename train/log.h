// What a run writes about itself: metrics.jsonl, history.csv, env.json, config.effective.yaml.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/json.h"
#include "data/jsonl.h"
#include "tensor/device.h"

namespace clearcut {

/// Program with its commit, compiler, instruction set, decoders, device and threads: results agree bit by bit
/// only where these do.
JsonObject environment(Device device, std::uint64_t seed);

/// The records of one run.
///
///   metrics.jsonl  {"kind": "train", "step", "epoch", "rate", "loss", "losses", "seconds",
///   "items_per_second"}
///                  {"kind": "eval", "step", "epoch", "score", "metric", "numbers": {...}}
///   history.csv    step,epoch,rate,loss,score: one row per record, for spreadsheets and curves
class RunLog {
 public:
  /// `steps_done`: 0 starts both files anew; else records of later steps are cut off, so that a run that was
  /// killed and resumed leaves the same records as one that was not.
  RunLog(const std::string& work_dir, std::int64_t steps_done);

  struct Train {
    std::int64_t step = 0, epoch = 0;
    double rate = 0, loss = 0;   // mean loss since the last record
    std::vector<double> losses;  // the same per output of the network, without coefficients
    double seconds = 0, items_per_second = 0;
  };
  void train(const Train& record);
  /// `numbers`: everything else that was measured.
  void evaluation(std::int64_t step, std::int64_t epoch, const std::string& metric, double score,
                  const JsonObject& numbers);

 private:
  void row(const std::string& text);

  std::string history_path_;
  std::unique_ptr<JsonlWriter> metrics_;
};

/// The records of WORK_DIR/metrics.jsonl of one kind ("train", "eval"), in order.
std::vector<JsonObject> read_metrics(const std::string& work_dir, const std::string& kind);

}  // namespace clearcut
