// Numbers of pseudo labels as a table, a file and a page of the best, median and worst pictures.
#pragma once

#include <string>
#include <vector>

#include "explain/label_stats.h"

namespace clearcut {

/// A column of LabelFigures: how it is called in files, and its value for a label.
struct LabelColumn {
  std::string name, title;
  double (*value)(const LabelFigures&);
};
/// foreground, ignored, components, largest, alignment, agreement, iou.
const std::vector<LabelColumn>& label_columns();

/// {"labels", "without", "failed", NAME: {"mean", "low", "median", "high"} for each column that has values,
///  "classes": [{"name", "labels", the same means}],
///  "rank_correlation": {"agreement", "alignment"} with iou, where true masks were given}.
/// low and high are the 5 % and 95 % quantiles over labels, by linear interpolation.
JsonObject label_summary(const LabelFolder& folder, const LabelStats& stats);

/// id, classes and all columns, one line per label (RFC 4180).
std::string label_csv(const LabelFolder& folder, const LabelStats& stats);

struct LabelPageOptions {
  std::string by = "agreement";  // name of the column that orders the pictures
  std::string masks = {};        // as in LabelStatsOptions: shown beside
  int shown = 6;                 // of the best, the median and the worst each
};
/// The summary with curves of each column over its quantiles, and picture, consensus (if it was kept), label
/// and true mask of the best, the median and the worst labels. Ties are in the order of the manifest; labels
/// without a value in that column are not among them.
void write_label_page(const std::string& path, const LabelFolder& folder, const LabelStats& stats,
                      const LabelPageOptions& options);

}  // namespace clearcut
