// What the results file of a study says: tables and curves, made from its lines alone.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "data/json.h"

namespace clearcut {

struct StudyPage {
  std::string markdown;
  std::vector<std::pair<std::string, std::string>> charts;  // file name, SVG
};

/// Lines of a results file (train/results_file.h). Those with about.network and a score are runs: of a
/// classifier if the metric is top1, of fine-tuning if about.target stands there too; the line's variant is
/// the arm. about.view ("windows of 96") says that runs were scored in another way, by a rescore stage: they
/// have tables of their own, behind the others. All shares in percent. Tables:
///
///   classifiers         per network: mean and standard error of top-1 over the runs
///   PSSL and its trunk  of the lines with about.step finetune, per network and target, and over all:
///                       `pssl` minus `trunk`, paired by seed
///   network on target   per arm: mean and standard error over seeds; `pssl` minus the arm, paired by seed;
///                       the mean IoU of each class
///   pseudo labels       per stage that made some: pictures, with a label, share of pixels of an object
///   time                per about.step, of rescoring together: stages, time in all, the longest, the largest
///   peak of tensors
///
/// Charts: per network and target the mean score of each arm over the steps; per network the mean loss of
/// each pre-training. Standard error: sample deviation / sqrt(n) (train/summary.h); of one run "-". Throws
/// Error if an arm has two runs with one seed.
StudyPage study_page(const std::vector<JsonObject>& lines);

}  // namespace clearcut
