// clearcut label sweep: thresholds chosen on one list of pictures, applied unchanged to another.
#include <CLI/CLI.hpp>

#include <charconv>
#include <cmath>
#include <filesystem>
#include <iomanip>
#include <iostream>

#include "apps/explain_options.h"
#include "tensor/file.h"
#include "train/config.h"
#include "train/label_scores.h"
#include "train/run_report.h"
#include "train/sweep_page.h"

namespace clearcut::apps {

namespace {

struct SweepWords {
  ExplainWords explain;
  DataWords data;
  std::string maps, choose, apply, out, thresholds = "0:1:0.01", measures;
  std::string subsets = "members,explainers,all", rule, fusions, select = "masks";
  bool snap = false;
  double vote_at = 0.5;
  int bootstrap = 1000;
};

Dataset limited(Dataset data, std::int64_t limit) {
  if (limit > 0 && static_cast<std::size_t>(limit) < data.items.size())
    data.items.resize(static_cast<std::size_t>(limit));
  return data;
}

std::vector<Fusion> fusions_of(const SweepWords& w) {
  std::vector<Fusion> fusions;
  for (const std::string& text : split_words(w.fusions))
    fusions.push_back(from_option("--fusions", [&] { return parse_fusion(text); }));
  if (fusions.empty())
    fusions = {{variant_from_name(w.explain.consensus), wrong_from_name(w.explain.wrong),
                weights_from_name(w.explain.weights)}};
  return fusions;
}

// --rule in place of a choice.
void fix_rule(const SweepWords& w, LabelScoring& scoring) {
  const LabelRule rule = from_option("--rule", [&] { return parse_rule(w.rule); });
  if (rule.bg != rule.fg)
    throw ConfigError("--rule: a rule with an ignore band cannot be swept; got " + w.rule);
  if (scoring.members.fusions.size() != 1)
    throw ConfigError("--rule: with a rule there is nothing to choose, but --fusions names several");
  scoring.fixed = {.fusion = scoring.members.fusions[0], .measure = rule.measure, .threshold = rule.fg};
  scoring.members.snap = scoring.members.snap || rule.snap;
}

LabelScoring scoring_of(const SweepWords& w, const CommonOptions& common) {
  LabelScoring scoring{.subsets = split_words(w.subsets),
                       .baselines = {"background", "box"},
                       .members = {},
                       .bootstrap = w.bootstrap,
                       .seed = common.seed,
                       .progress = progress_of(common),
                       .chosen_on = {},
                       .scored_on = {}};
  MemberScoreOptions& members = scoring.members;
  members.fusions = fusions_of(w);
  members.measures.clear();
  const std::string wanted = !w.measures.empty() ? w.measures
                             : w.maps.empty()    ? "rank,value,max"
                                                 : "rank,value";
  for (const std::string& name : split_words(wanted))
    members.measures.push_back(from_option("--measures", [&] { return measure_from_name(name); }));
  members.thresholds = from_option("--thresholds", [&] { return parse_thresholds(w.thresholds); });
  members.snap = w.snap;
  members.vote_at = w.vote_at;
  members.picture = picture_options(w.explain);
  if (!w.rule.empty()) fix_rule(w, scoring);
  if (!w.maps.empty())
    from_option("--maps", [&] {
      check_for_kept(members, scoring.fixed ? std::vector<Choice>{*scoring.fixed} : std::vector<Choice>{});
    });
  return scoring;
}

std::unique_ptr<Members> members_of(const SweepWords& w, const CommonOptions& common, const Dataset& choose,
                                    const Dataset& apply, const LabelScoring& scoring) {
  std::vector<int> needed = classes_in(apply);
  for (const int label : classes_in(choose)) needed.push_back(label);
  EnsembleOptions options = ensemble_options(w.explain, common);
  options.segment = scoring.members.snap;
  for (const Fusion& fusion : scoring.members.fusions)
    options.segment = options.segment || needs_superpixels(fusion.variant);
  return open_members(w.explain, options, apply.class_names, needed, device_of(common));
}

UnlabelledOptions unlabelled_options(const SweepWords& w, const LabelScoring& scoring) {
  UnlabelledOptions options;
  options.measures = scoring.members.measures;
  options.thresholds = scoring.members.thresholds;
  options.snap = scoring.members.snap;
  options.bootstrap = scoring.bootstrap;
  options.seed = scoring.seed;
  options.picture = scoring.members.picture;
  if (w.select == "agreement") return options;
  const std::string number = w.select.starts_with("share:") ? w.select.substr(6) : "";
  double share = -1;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), share);
  if (error != std::errc{} || end != number.data() + number.size() || !(share > 0 && share < 1))
    throw ConfigError("--select: masks, agreement, or share:S with S between 0 and 1; got " + w.select);
  options.share = share;
  return options;
}

// A rule that no mask had a say in; it is scored afterwards where there are masks.
JsonObject pick(const SweepWords& w, const Dataset& choose, Members& members, LabelScoring& scoring,
                std::vector<Failure>& failures) {
  UnlabelledOptions options = unlabelled_options(w, scoring);
  Progress progress("choose", static_cast<std::int64_t>(choose.items.size()), scoring.progress);
  options.progress = [&](std::int64_t done, std::int64_t) { progress.update(done); };
  const UnlabelledChoice choice = choose_without_labels(choose, members, options);
  const Fusion fusion = scoring.members.fusions[0];
  const JsonObject picked = picked_rule(choice, options, fusion, w.choose.empty() ? choose.root : w.choose);
  write_sweep_page(w.out + "/sweep.html", choice, picked);
  failures = choice.failures;
  scoring.fixed = {.fusion = fusion, .measure = choice.measure, .threshold = choice.threshold};
  return picked;
}

void print(const LabelScores& scores) {
  std::cout << std::fixed << std::setprecision(2) << scores.pictures << " pictures scored, "
            << scores.failures.size() << " failed\n";
  for (const ScoredLabels& row : scores.rows) {
    std::cout << std::setw(36) << std::left << row.name << " mIoU " << 100 * row.miou.estimate;
    if (!std::isnan(row.miou.low))
      std::cout << " [" << 100 * row.miou.low << ", " << 100 * row.miou.high << "]";
    if (!row.score.is_member()) std::cout << "  " << row.score.consensus;
    std::cout << "  " << row.setting << "\n";
  }
  const std::string lead = describe(scores);
  if (!lead.empty()) std::cout << lead << "\n";
}

int sweep(const SweepWords& w, const CommonOptions& common) {
  if (!w.maps.empty() && !(w.explain.models.empty() && w.explain.kept.empty()))
    throw ConfigError("label sweep: --maps has consensus maps already; leave --model and --kept out");
  std::filesystem::create_directories(w.out);  // a wrong path shows before the work, not after it
  LabelScoring scoring = scoring_of(w, common);
  const Dataset apply = limited(open_data(w.data, w.apply), common.limit);
  const Dataset choose = w.choose.empty() ? apply : limited(open_data(w.data, w.choose), common.limit);
  scoring.scored_on = cat(w.apply.empty() ? w.data.spec.root : w.apply, ":", apply.items.size());
  scoring.chosen_on = cat(w.choose.empty() ? "the scored pictures" : w.choose, ":", choose.items.size());
  const bool by_masks = w.select == "masks";
  if (!by_masks && !(w.maps.empty() && w.rule.empty() && w.fusions.empty()))
    throw ConfigError("--select " + w.select +
                      ": members choose here; leave --maps, --rule and --fusions out");
  std::unique_ptr<Members> members;
  if (w.maps.empty()) members = members_of(w, common, choose, apply, scoring);
  JsonObject picked;
  std::vector<Failure> failures;
  if (!by_masks) {
    picked = pick(w, choose, *members, scoring, failures);
    picked.write(w.out + "/picked.json");
    std::cout << picked.text("rule") << ", " << picked.text("how") << "\n";
    write_failures(w.out + "/failures.jsonl", failures);
    if (apply.masks == MaskFormat::kNone) return failures.empty() ? kDone : kSomeFailed;
  }
  const LabelScores scores = members ? score_labels(choose, apply, *members, scoring)
                                     : score_kept_labels(choose, apply, w.maps, scoring);
  to_json(scores).set("classes", apply.class_names).write(w.out + "/sweep.json");
  if (!scores.curves.empty()) write_file(w.out + "/sweep.csv", scores.curves);
  if (by_masks && w.rule.empty()) {
    picked = picked_rule(scores);
    picked.write(w.out + "/picked.json");
    write_sweep_page(w.out + "/sweep.html", scores, picked);
  }
  print(scores);
  add_failures(failures, scores.failures);
  write_failures(w.out + "/failures.jsonl", failures);
  return failures.empty() ? kDone : kSomeFailed;
}

// What is tried, and how the result is measured.
void add_choice_words(CLI::App& verb, SweepWords& w) {
  verb.add_option("--thresholds,--bg", w.thresholds, "LOW:HIGH:STEP")->capture_default_str();
  verb.add_option("--measures", w.measures,
                  "rank, value, max, votes, separated by commas (default: rank,value,max; with --maps "
                  "rank,value)");
  verb.add_option("--fusions", w.fusions,
                  "fusions to choose from, separated by commas: minmax,regions:downweight (default: "
                  "--consensus, --wrong and --weights)");
  verb.add_option(
          "--select", w.select,
          "how measure and threshold are chosen: masks (largest mIoU on --choose), or without any mask "
          "agreement (of the members), share:S (of foreground)")
      ->capture_default_str();
  verb.add_option("--rule", w.rule, "one rule for all, as in `label fuse`; nothing is chosen then");
  verb.add_option("--subsets", w.subsets,
                  "members, explainers, classifiers, all; or explainers or classifiers joined by '+'")
      ->capture_default_str();
  verb.add_flag("--snap", w.snap, "replace maps by their means on superpixels");
  verb.add_option("--vote-at", w.vote_at, "votes: bar of a member's min-max scaled map")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  verb.add_option("--bootstrap", w.bootstrap, "resamples for the 95 % intervals; 0: none")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
}

}  // namespace

void add_label_sweep(CLI::App& label, Session& session) {
  auto* verb = label.add_subcommand(
      "sweep", "score members and ensembles against true masks; choose thresholds, apply them elsewhere");
  auto w = std::make_shared<SweepWords>();
  add_explain_words(*verb, w->explain);
  add_consensus_words(*verb, w->explain);
  add_data_words(*verb, w->data);
  verb->add_option("-o,--out", w->out, "folder for picked.json, sweep.html, sweep.json, sweep.csv")
      ->required();
  verb->add_option("--maps", w->maps,
                   "folder of `label fuse --keep-consensus`: score its maps, explain nothing")
      ->check(CLI::ExistingDirectory);
  verb->add_option("--choose", w->choose,
                   "file of item names: measures, thresholds and the box's size come from here")
      ->check(CLI::ExistingFile);
  verb->add_option("--apply", w->apply, "file of item names: these are scored (default: all)")
      ->check(CLI::ExistingFile);
  add_choice_words(*verb, *w);
  add_common(*verb, session, kCompute | kMemory | kSeed | kProgress);
  verb->add_option("--limit", session.common.limit, "only the first N pictures of each list");
  on_run(*verb, session, [w, &session] { return sweep(*w, session.common); });
}

}  // namespace clearcut::apps
