// Which classes a network takes for which, as a page.
#pragma once

#include <string>
#include <vector>

namespace clearcut {

struct Evaluation;

/// One HTML file: the scores, the matrix as a heat map (rows: truth, columns: prediction, shares of the row;
/// the pixels of a cell stand in its title), and the largest mistakes. Of more than 40 classes the matrix
/// shows the 40 with the most wrong pixels; confusion.csv has all.
void write_confusion_page(const std::string& path, const Evaluation& evaluation,
                          const std::vector<std::string>& class_names);

}  // namespace clearcut
