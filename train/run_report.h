// The report of a whole run, from its summary and the records of its stages.
#pragma once

#include <string>
#include <vector>

#include "train/label_scores.h"
#include "train/report_rows.h"
#include "train/summary.h"

namespace clearcut {

/// One training run: its name, result.json and metrics.jsonl.
struct TrainedRun {
  std::string variant;
  std::uint64_t seed = 0;
  std::string folder;
  std::string metric;
  double score = 0;
  std::int64_t steps = 0;
};
/// The runs of a train stage's jobs.json; empty without a folder.
std::vector<TrainedRun> read_runs(const std::string& folder);

struct RunReport {
  std::string title, subtitle;
  Summary summary;
  std::vector<LabelScores> scores;  // one for each set of scored pictures
  std::vector<TrainedRun> classifiers, pretrain, finetune;
  ReportRows rows;
};
/// Sections that have nothing to show are left out.
void write_run_report(const std::string& path, const RunReport& run);

}  // namespace clearcut
