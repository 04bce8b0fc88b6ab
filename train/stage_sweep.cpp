#include <algorithm>
#include <optional>
#include <set>

#include "data/baselines.h"
#include "data/json.h"
#include "explain/member_scores.h"
#include "tensor/file.h"
#include "train/data_config.h"
#include "train/ensemble_config.h"
#include "train/stages.h"

namespace clearcut {

namespace {

struct SweepJob {
  DatasetConfig data;
  std::optional<DatasetConfig> choose;  // pictures on which the baselines' settings are chosen
  EnsembleConfig ensemble;
  MemberScoreOptions options;
  std::vector<std::string> which;
  std::string choices_from, threshold_from;
  ScoreOptions score;
  int bootstrap = 1000;
};

/// One line of the table.
struct Row {
  std::string name, consensus, measure;
  std::vector<std::string> classifiers, explainers;
  double threshold = 0;
  ConfusionMatrix total;
  std::vector<ConfusionMatrix> pictures;
  const SubsetScores* found = nullptr;
};

ConfusionMatrix sum(const std::vector<ConfusionMatrix>& pictures, int classes) {
  ConfusionMatrix total(classes);
  for (const ConfusionMatrix& one : pictures) total.add(one);
  return total;
}

Row subset_row(const Subset& subset, const SubsetScores& s, const Ensemble& ensemble, const SweepJob& job,
               const Choice& choice, int classes) {
  std::set<std::size_t> classifiers, explainers;
  for (const auto& [k, x] : subset.members) classifiers.insert(k), explainers.insert(x);
  Row row{
      .name = subset.name,
      .consensus = subset.members.size() == 1 ? "none" : std::string(name_of(job.ensemble.options.variant)),
      .measure = name_of(choice.measure),
      .classifiers = {},
      .explainers = {},
      .threshold = choice.threshold,
      .total = ConfusionMatrix(classes),
      .pictures = s.pictures,
      .found = &s};
  for (const std::size_t k : classifiers) row.classifiers.push_back(ensemble.classifier(k).name());
  for (const std::size_t x : explainers) row.explainers.push_back(ensemble.options().explainers[x].explainer);
  if (!s.pictures.empty()) {
    row.total = sum(s.pictures, classes);
    return row;
  }
  for (std::size_t m = 0; m < job.options.measures.size(); ++m) {
    if (job.options.measures[m] != choice.measure) continue;
    const auto& thresholds = s.sweeps[m].thresholds();
    for (std::size_t t = 0; t < thresholds.size(); ++t)
      if (thresholds[t] == choice.threshold) row.total = s.sweeps[m].at(t);
  }
  return row;
}

Row baseline_row(const std::string& name, Baseline found, int classes) {
  return {.name = name,
          .consensus = name,
          .measure = "none",
          .classifiers = {},
          .explainers = {},
          .threshold = found.setting,
          .total = sum(found.pictures, classes),
          .pictures = std::move(found.pictures)};
}

JsonObject to_json(const Row& row, const SweepJob& job, const Row* ensemble, std::uint64_t seed) {
  const SegmentationScores s = scores(row.total, job.score);
  JsonObject json;
  json.set("name", row.name)
      .set("classifiers", row.classifiers)
      .set("explainers", row.explainers)
      .set("consensus", row.consensus)
      .set("measure", row.measure)
      .set("threshold", row.threshold)
      .set("threshold_from", row.name == "all-background" ? "none" : job.threshold_from)
      .set("miou", s.miou)
      .set("precision", s.precision)
      .set("coverage", s.coverage)
      .set("iou", s.iou);
  if (row.found != nullptr)
    json.set("pointing", row.found->pointing)
        .set("energy", row.found->energy)
        .set("f1", row.found->f1)
        .set("auc", row.found->auc)
        .set("agreement", row.found->agreement);
  if (job.bootstrap == 0 || row.pictures.empty()) return json;
  const BootstrapOptions bootstrap = {.samples = job.bootstrap, .seed = seed};
  const Interval own = bootstrap_miou(row.pictures, job.score, bootstrap);
  json.set("miou_low", own.low).set("miou_high", own.high);
  if (ensemble == nullptr || ensemble == &row || ensemble->pictures.size() != row.pictures.size())
    return json;
  const Interval gain = bootstrap_miou_difference(ensemble->pictures, row.pictures, job.score, bootstrap);
  return json.set("ensemble_gain", gain.estimate)
      .set("ensemble_gain_low", gain.low)
      .set("ensemble_gain_high", gain.high);
}

std::vector<Choice> read_choices(const std::string& path, const std::vector<Subset>& subsets) {
  const JsonObject json = JsonObject::read(path);
  std::vector<Choice> choices;
  for (const Subset& subset : subsets) {
    check(json.has(subset.name), "sweep", path, " has no threshold for ", subset.name,
          "; choose with the same classifiers, explainers and subsets");
    const JsonObject one = json.object(subset.name);
    choices.push_back({measure_from_name(one.text("measure")), one.number("threshold")});
  }
  return choices;
}

void write_choices(const std::string& path, const std::vector<Subset>& subsets,
                   const std::vector<Choice>& choices) {
  JsonObject json;
  for (std::size_t i = 0; i < subsets.size(); ++i) {
    JsonObject one;
    one.set("measure", name_of(choices[i].measure)).set("threshold", choices[i].threshold);
    json.set(subsets[i].name, one);
  }
  json.write(path);
}

/// sweep.csv: every subset, measure and threshold.
void write_curves(const std::string& path, const std::vector<Subset>& subsets, const MemberScores& found,
                  const SweepJob& job) {
  std::string text = "subset,measure,threshold,miou,precision,coverage\n";
  for (std::size_t i = 0; i < subsets.size(); ++i)
    for (std::size_t m = 0; m < found.subsets[i].sweeps.size(); ++m) {
      const ThresholdSweep& sweep = found.subsets[i].sweeps[m];
      for (std::size_t t = 0; t < sweep.thresholds().size(); ++t) {
        const SegmentationScores s = scores(sweep.at(t), job.score);
        text += cat(subsets[i].name, ",", name_of(job.options.measures[m]), ",", sweep.thresholds()[t], ",",
                    s.miou, ",", s.precision, ",", s.coverage, "\n");
      }
    }
  write_file(path, text);
}

/// On the pictures that the members were scored on.
void add_baselines(Dataset data, const std::vector<std::string>& scored, const SweepJob& job,
                   std::vector<Row>& rows) {
  if (!job.choose) return;
  const int classes = static_cast<int>(data.class_names.size());
  std::erase_if(data.items, [&](const Item& item) { return std::ranges::count(scored, item.name) == 0; });
  const Dataset choose = open_dataset(*job.choose);
  rows.push_back(baseline_row("all-background", background_baseline(data), classes));
  rows.push_back(baseline_row("centred box", box_baseline(choose, data), classes));
  rows.push_back(baseline_row("colours of the truth", colour_baseline(choose, data), classes));
}

void sweep(const SweepJob& job, StageContext& context) {
  const Dataset data = open_dataset(job.data);
  const int classes = static_cast<int>(data.class_names.size());
  Ensemble ensemble = open_ensemble(job.ensemble, data, context.device, context.seed);
  const std::vector<Subset> subsets = make_subsets(ensemble, job.which);
  std::vector<Choice> choices;
  if (!job.choices_from.empty()) choices = read_choices(job.choices_from, subsets);
  SweepJob mine = job;
  mine.score.background = data.background;
  Progress progress(context.name, static_cast<std::int64_t>(data.items.size()), context.progress);
  mine.options.progress = [&](std::int64_t done, std::int64_t) { progress.update(done); };
  const MemberScores found = score_members(data, ensemble, subsets, mine.options, choices);
  check(!found.scored.empty(), "sweep", "no picture of ", data.root, " could be scored",
        found.failures.empty() ? "" : "; the first failure: " + found.failures[0].error);
  if (choices.empty()) {
    for (const SubsetScores& s : found.subsets) choices.push_back(best_choice(s, mine.options, mine.score));
    write_curves(context.folder + "/sweep.csv", subsets, found, mine);
  }
  write_choices(context.folder + "/choices.json", subsets, choices);
  std::vector<Row> rows;
  for (std::size_t i = 0; i < subsets.size(); ++i)
    rows.push_back(subset_row(subsets[i], found.subsets[i], ensemble, mine, choices[i], classes));
  add_baselines(data, found.scored, mine, rows);
  const auto whole = std::ranges::find(rows, "all/all", &Row::name);
  std::vector<JsonObject> list;
  for (const Row& row : rows)
    list.push_back(to_json(row, mine, whole == rows.end() ? nullptr : &*whole, context.seed));
  JsonObject json;
  json.set("pictures", static_cast<std::int64_t>(found.scored.size())).set("rows", list);
  json.write(context.folder + "/scores.json");
  write_failures(context.folder + "/failures.jsonl", found.failures);
  context.failures += found.failures.size();
}

}  // namespace

StagePlan read_sweep_stage(const Config& config) {
  SweepJob job;
  job.data = read_dataset_config(config.section("data"));
  if (config.has("choose")) job.choose = read_dataset_config(config.section("choose"));
  job.ensemble = read_ensemble_config(config);
  job.which = config.texts_or("subsets", {"members", "explainers", "all"});
  job.choices_from = config.text_or("choices_from", "");
  job.threshold_from = config.text_or("threshold_from", job.choices_from.empty() ? "the same pictures" : "");
  try {
    job.options.thresholds = parse_thresholds(config.text_or("thresholds", "0:1:0.02"));
    job.options.measures.clear();
    for (const std::string& name : config.texts_or("measures", {"rank", "value", "max"}))
      job.options.measures.push_back(measure_from_name(name));
  } catch (const ConfigError&) {
    throw;
  } catch (const Error& error) {
    config.fail("thresholds", error.what());
  }
  job.options.snap = config.flag_or("snap", false);
  job.ensemble.options.segment = job.options.snap;
  job.score.absent = absent_from_name(config.choice_or("absent", {"exclude", "zero", "one"}, "exclude"));
  job.score.background_in_mean = config.flag_or("background_in_mean", true);
  job.bootstrap = static_cast<int>(config.integer_or("bootstrap", 1000, {.low = 0, .high = 1'000'000}));
  return {[job](StageContext& context) { sweep(job, context); }};
}

}  // namespace clearcut
