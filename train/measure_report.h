// What `clearcut explain-eval` found, as a table for the terminal and as a page of curves and bars.
#pragma once

#include <string>
#include <vector>

#include "explain/measures/measure_run.h"

namespace clearcut {

struct MeasureReport {
  std::vector<MeasuredMember> rows;
  std::vector<MeasureChoice> measures;
  std::int64_t pictures = 0;
  std::string data;  // what was explained, for the subtitle
};

/// One line per classifier and explainer: seconds, then the mean of each measure; "-" where none could be
/// taken. Columns are as wide as their words.
std::string measure_table_text(const MeasureReport& report);

/// The same table with standard errors, mean curves of the measures that have some, and bars of all.
void write_measure_report(const std::string& path, const MeasureReport& report);

}  // namespace clearcut
