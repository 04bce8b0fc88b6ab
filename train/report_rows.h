// Rows of pictures for a report: picture, explanations, consensus, pseudo label, truth, prediction.
#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"
#include "explain/ensemble.h"
#include "explain/pssl.h"
#include "models/card.h"
#include "train/report.h"

namespace clearcut {

struct ReportRows {
  std::vector<std::string> columns;
  std::vector<PictureRow> rows;
  std::vector<std::string> class_names;  // of the labels shown, with background
  std::vector<Rgb> colours;
};

/// One row per item of `data`. Maps are those of the item's first class; each explainer's is the mean over
/// the classifiers. `segmenter` may be null: no prediction.
ReportRows make_report_rows(const Dataset& data, Ensemble& ensemble, const LabelRule& rule,
                            const TrainedSegmenter* segmenter);

}  // namespace clearcut
