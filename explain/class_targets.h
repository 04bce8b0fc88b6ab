// Which classes of a classifier mean a class of a data set.
#pragma once

#include <string>
#include <vector>

#include "models/classifier.h"

namespace clearcut {

/// One list of classifier classes for each name in `class_names`; empty where the classifier has none.
///
/// groups   a JSON file {"groups": {NAME: {"ranges": [[first, last], ...]}, ...}}, both ends included; names
///          that it does not list get no classes. A classifier that has all listed names among its own is
///          asked by name: it was trained for them, so the file's numbers mean another network's classes
///          "" : NAME is looked for among the classifier's ids (WordNet ids, folders), its names, and the
///          parts of its names between commas; case and '_' for ' ' do not matter
///
/// Throws Error for a range outside the classifier's classes, and for a name that several classes carry.
std::vector<std::vector<int>> class_targets(const Classifier& classifier,
                                            const std::vector<std::string>& class_names,
                                            const std::string& groups = "");

}  // namespace clearcut
