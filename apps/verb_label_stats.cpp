// clearcut label stats: what a folder of labels holds, as a table, files and a page.
#include <CLI/CLI.hpp>

#include <cmath>
#include <filesystem>
#include <iomanip>
#include <iostream>

#include "apps/verbs.h"
#include "explain/classifier_ranks.h"
#include "tensor/file.h"
#include "train/label_stats_page.h"

namespace clearcut::apps {

namespace {

struct StatsWords {
  std::string folder, images, out;
  LabelPageOptions page = {.by = ""};
};

void print(const JsonObject& summary) {
  std::cout << summary.integer("labels") << " labels, " << summary.integer("without") << " pictures without, "
            << summary.integer("failed") << " could not be read\n"
            << std::fixed << std::setprecision(3) << std::setw(28) << std::left << "" << std::right
            << "    mean      5 %   median     95 %\n";
  for (const LabelColumn& column : label_columns()) {
    if (!summary.has(column.name)) continue;
    const JsonObject one = summary.object(column.name);
    std::cout << std::setw(28) << std::left << column.title << std::right;
    for (const char* which : {"mean", "low", "median", "high"})
      std::cout << std::setw(8) << one.number(which) << " ";
    std::cout << "\n";
  }
}

void print_ranks(const std::string& folder) try {
  for (const ClassifierRank& rank : rank_classifiers(folder))
    std::cout << rank.name << ": right on " << rank.accuracy << ", mean probability of the label "
              << rank.probability << (std::isfinite(rank.score) ? cat(", consensus score ", rank.score) : "")
              << "\n";
} catch (const Error& error) {  // the line stands among the failures
  std::cout << "classifiers are not ranked: " << error.what() << "\n";
}

int stats(const StatsWords& w, const CommonOptions& common) {
  const LabelFolder folder(w.folder, w.images, common.limit);
  Progress progress("label stats", folder.size(), progress_of(common));
  LabelStatsOptions options{.masks = w.page.masks};
  options.progress = [&](std::int64_t done, std::int64_t) { progress.update(done); };
  LabelStats found = label_stats(folder, options);
  check(!found.labels.empty(), "stats", "no label of ", w.folder, " could be read",
        found.failures.empty() ? "" : "; the first failure: " + found.failures[0].error);
  const JsonObject summary = label_summary(folder, found);
  const std::string out = w.out.empty() ? w.folder : w.out;
  LabelPageOptions page = w.page;
  if (page.by.empty()) page.by = page.masks.empty() ? "agreement" : "iou";
  summary.write(out + "/stats.json");
  write_file(out + "/stats.csv", label_csv(folder, found));
  write_label_page(out + "/stats.html", folder, found, page);
  print(summary);
  print_ranks(w.folder);
  // Those of the run that made the labels come first.
  const std::string earlier = w.folder + "/failures.jsonl";
  std::vector<Failure> failures;
  if (std::filesystem::exists(earlier)) failures = read_failures(earlier);
  failures.insert(failures.end(), found.failures.begin(), found.failures.end());
  for (const Failure& failure : failures)
    std::cout << "failed: " << failure.id << " (" << failure.stage << "): " << failure.error << "\n";
  std::cout << "look at " << out << "/stats.html\n";
  return failures.empty() ? kDone : kSomeFailed;
}

}  // namespace

void add_label_stats(CLI::App& label, Session& session) {
  auto* verb = label.add_subcommand(
      "stats",
      "what a folder of labels holds: shares, pieces, borders, agreement; the best and worst pictures");
  auto w = std::make_shared<StatsWords>();
  verb->add_option("folder", w->folder, "folder that `label fuse` wrote")
      ->required()
      ->check(CLI::ExistingDirectory);
  verb->add_option("--images", w->images, "folder of the pictures (default: where the labels were made)")
      ->check(CLI::ExistingDirectory);
  verb->add_option("--masks", w->page.masks, "folder of true masks, label PNGs named as the pictures")
      ->check(CLI::ExistingDirectory);
  verb->add_option("-o,--out", w->out, "folder for stats.json, stats.csv, stats.html (default: the labels')");
  std::vector<std::string> names;
  for (const LabelColumn& column : label_columns()) names.push_back(column.name);
  verb->add_option("--by", w->page.by,
                   "number that tells best from worst (default: agreement, with --masks iou)")
      ->check(CLI::IsMember(names));
  verb->add_option("--show", w->page.shown, "pictures of the best, the median and the worst each")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  add_common(*verb, session, kThreads | kProgress);
  verb->add_option("--limit", session.common.limit, "only the first N labels; 0: all")
      ->check(CLI::NonNegativeNumber);
  on_run(*verb, session, [w, &session] { return stats(*w, session.common); });
}

}  // namespace clearcut::apps
