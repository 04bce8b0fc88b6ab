// Image labels as a table.
#pragma once

#include <set>
#include <string>
#include <vector>

namespace clearcut {

/// Image labels from a CSV file whose first line names its columns: image (or file, id), classes (or labels,
/// class, label), joined by + ; or |, and split.
struct LabelTable {
  struct Row {
    std::string image;
    std::vector<std::string> labels;
    std::string where;
  };
  std::vector<Row> rows;
  std::set<std::string> labels;
};

/// The rows of `split`, all if it is empty. Throws Error that names file and line.
LabelTable read_label_table(const std::string& path, const std::string& split);

}  // namespace clearcut
