// The report of a whole run, from its summary and the records of its stages.
#pragma once

#include <string>
#include <vector>

#include "explain/classifier_ranks.h"
#include "train/arms.h"
#include "train/label_scores.h"
#include "train/report_rows.h"
#include "train/summary.h"

namespace clearcut {

struct RunReport {
  std::string title, subtitle;
  Summary summary;
  std::vector<LabelScores> scores;         // one for each set of scored pictures
  std::vector<ClassifierRank> ranks = {};  // of the classifiers behind the labels, by consensus score
  std::vector<TrainedRun> classifiers, pretrain, finetune;
  std::vector<ArmDifference> arms;  // of fine-tuning
  ReportRows rows;
};
/// One sentence each on what leads; empty where there is nothing to compare.
std::string describe(const LabelScores& scores);
std::string describe(const std::vector<ArmDifference>& arms);

/// Sections that have nothing to show are left out.
void write_run_report(const std::string& path, const RunReport& run);

}  // namespace clearcut
