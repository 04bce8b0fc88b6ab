#include "train/label_scores.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include "data/baselines.h"
#include "tensor/error.h"

namespace clearcut {
namespace {

/// One row with all that the intervals need.
struct Row {
  ScoredLabels scored;
  std::vector<ConfusionMatrix> pictures;
};

std::vector<std::string> split_at_plus(const std::string& text) {
  std::vector<std::string> words{""};
  for (const char c : text)
    if (c == '+')
      words.emplace_back();
    else
      words.back() += c;
  return words;
}

/// "cam+ig": these explainers of all classifiers; "one+two": these classifiers with all explainers.
Subset joined(const Members& ensemble, const std::string& text) {
  const std::size_t K = ensemble.classifiers(), X = ensemble.explainers();
  std::set<std::size_t> classifiers, explainers;
  for (const std::string& word : split_at_plus(text)) {
    bool found = false;
    for (std::size_t k = 0; k < K; ++k)
      if (ensemble.classifier_name(k) == word) found = true, classifiers.insert(k);
    for (std::size_t x = 0; x < X; ++x)
      if (ensemble.options().explainers[x].explainer == word) found = true, explainers.insert(x);
    check(found, "score", "subsets are members, explainers, classifiers, all, or names of explainers or of ",
          "classifiers joined by '+'; '", text, "' names '", word, "', which is not among them");
  }
  check(classifiers.empty() || explainers.empty(), "score", "the subset '", text,
        "' joins classifiers and explainers; name some of one kind");
  Subset subset{.name = classifiers.empty() ? "all/" + text : text + "/all", .members = {}};
  for (std::size_t k = 0; k < K; ++k)
    for (std::size_t x = 0; x < X; ++x)
      if (classifiers.contains(k) || explainers.contains(x)) subset.members.emplace_back(k, x);
  return subset;
}

std::vector<Subset> all_subsets(const Members& ensemble, const std::vector<std::string>& words) {
  static const std::set<std::string> kinds = {"members", "explainers", "classifiers", "all"};
  std::vector<std::string> plain;
  std::vector<Subset> more;
  for (const std::string& word : words)
    if (kinds.contains(word))
      plain.push_back(word);
    else
      more.push_back(joined(ensemble, word));
  std::vector<Subset> subsets = make_subsets(ensemble, plain);
  subsets.insert(subsets.end(), more.begin(), more.end());
  return subsets;
}

/// Names of the parts of a subset, each once, in order.
void name_members(const Members& ensemble, const Subset& subset, LabelScore& score) {
  const auto add = [](std::vector<std::string>& names, const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  for (const auto& [k, x] : subset.members) {
    add(score.classifiers, ensemble.classifier_name(k));
    add(score.explainers, ensemble.options().explainers[x].explainer);
  }
}

Row baseline_row(const std::string& name, const Dataset& choose, const Dataset& score,
                 const LabelScoring& options, std::vector<Failure>& failures) {
  const PictureOptions& picture = options.members.picture;
  Row row;
  Baseline baseline;
  if (name == "background") {
    baseline = background_baseline(score, picture);
    row.scored.score.threshold_from = "none";
  } else {
    baseline = name == "box" ? box_baseline(choose, score, picture) : colour_baseline(choose, score, picture);
    row.scored.setting = cat(name == "box" ? "share " : "prior ", baseline.setting);
    row.scored.score.threshold_from = options.chosen_on;
  }
  row.scored.name = name;
  row.scored.score.consensus = name == "background" ? "all background"
                               : name == "box"      ? "centred box"
                                                    : "colour of each pixel, trained on the truth";
  row.pictures = std::move(baseline.pictures);
  add_failures(failures, baseline.failures);
  return row;
}

// What a row is made of, before it is scored.
struct Origin {
  std::string name;
  LabelScore parts;  // classifiers, explainers; consensus if it is known already
};
using Pass =
    std::function<MemberScores(const Dataset&, const MemberScoreOptions&, const std::vector<Choice>&)>;

void fill_numbers(Row& row, const ScoreOptions& how, const LabelScoring& options) {
  const SegmentationScores s = scores(sum_of(row.pictures), how);
  row.scored.score.miou = s.miou;
  row.scored.score.precision = s.precision;
  row.scored.score.coverage = s.coverage;
  row.scored.score.scored_on = options.scored_on;
  row.scored.iou = s.iou;
  row.scored.miou = {s.miou, std::nan(""), std::nan("")};
  if (options.bootstrap > 0)
    row.scored.miou = bootstrap_miou(row.pictures, how, {.samples = options.bootstrap, .seed = options.seed});
}

// Share of the pixels that are called a class other than the background.
double foreground(const ConfusionMatrix& counts, int background) {
  std::int64_t called = 0;
  for (int truth = 0; truth < counts.classes(); ++truth)
    for (int predicted = 0; predicted < counts.classes(); ++predicted)
      if (predicted != background) called += counts.count(truth, predicted);
  return static_cast<double>(called) / static_cast<double>(std::max<std::int64_t>(1, counts.total()));
}

// Intervals are drawn over groups of pictures (kScoreGroups): enough for a band around a curve.
void add_curves(const std::string& name, const SubsetScores& scored, const LabelScoring& scoring,
                const ScoreOptions& how, std::string& csv) {
  if (csv.empty()) csv = "labels,fusion,measure,threshold,miou,low,high,precision,foreground\n";
  const MemberScoreOptions& options = scoring.members;
  const BootstrapOptions draws{.samples = std::min(scoring.bootstrap, 200), .seed = scoring.seed};
  const std::size_t M = options.measures.size();
  for (std::size_t i = 0; i < scored.sweeps.size(); ++i) {
    const auto groups = scored.sweeps[i].all();
    for (std::size_t t = 0; t < options.thresholds.size(); ++t) {
      const ConfusionMatrix counts = sum_of(groups[t]);
      const SegmentationScores s = scores(counts, how);
      Interval band{s.miou, std::nan(""), std::nan("")};
      if (draws.samples > 0) band = bootstrap_miou(groups[t], how, draws);
      csv += cat(name, ",", describe(scored.fusions[i / M]), ",", name_of(options.measures[i % M]), ",",
                 options.thresholds[t], ",", s.miou, ",", band.low, ",", band.high, ",", s.precision, ",",
                 foreground(counts, how.background), "\n");
    }
  }
}

/// Runs the passes over both sets with progress, and makes a row of each origin.
class LabelScorer {
 public:
  LabelScorer(const Dataset& choose, const Dataset& score, const LabelScoring& options, Pass pass)
      : choose_(choose), score_(score), options_(options), pass_(std::move(pass)) {}

  std::vector<Row> rows(const std::vector<Origin>& origins, LabelScores& result) {
    const std::vector<Choice> choices = choose(origins, result);
    MemberScores scored = watched("score", score_, choices, result);
    result.pictures = static_cast<std::int64_t>(scored.scored.size());
    check(result.pictures > 0, "score", "no picture of ", score_.root,
          " could be scored; the first failure: ",
          result.failures.empty() ? "none" : result.failures.front().error);
    std::vector<Row> rows;
    for (std::size_t s = 0; s < origins.size(); ++s)
      rows.push_back(row(origins[s], choices[s], scored.subsets[s]));
    // Baselines answer on the same pictures.
    Dataset there = score_;
    const std::set<std::string> names(scored.scored.begin(), scored.scored.end());
    std::erase_if(there.items, [&](const Item& item) { return !names.contains(item.name); });
    for (const std::string& name : options_.baselines)
      rows.push_back(baseline_row(name, choose_, there, options_, result.failures));
    return rows;
  }

 private:
  std::vector<Choice> choose(const std::vector<Origin>& origins, LabelScores& result) {
    if (options_.fixed) return std::vector<Choice>(origins.size(), *options_.fixed);
    const ScoreOptions how{.background = choose_.background};
    const MemberScores scored = watched("choose thresholds", choose_, {}, result);
    std::vector<Choice> choices;
    for (std::size_t s = 0; s < origins.size(); ++s) {
      choices.push_back(best_choice(scored.subsets[s], options_.members, how));
      add_curves(origins[s].name, scored.subsets[s], options_, how, result.curves);
    }
    return choices;
  }

  MemberScores watched(const std::string& name, const Dataset& data, const std::vector<Choice>& choices,
                       LabelScores& result) const {
    Progress progress(name, static_cast<std::int64_t>(data.items.size()), options_.progress);
    MemberScoreOptions members = options_.members;
    if (!options_.checkpoint.empty())
      members.checkpoint = options_.checkpoint + (choices.empty() ? "/choose.npz" : "/score.npz");
    members.progress = [&](std::int64_t done, std::int64_t) { progress.update(done); };
    MemberScores scored = pass_(data, members, choices);
    add_failures(result.failures, scored.failures);
    return scored;
  }

  Row row(const Origin& origin, const Choice& choice, SubsetScores& scored) const {
    const bool alone = origin.parts.is_member();
    const bool on_superpixels = alone && needs_superpixels(choice.fusion.variant);
    Row row;
    row.scored.name = origin.name;
    row.scored.setting =
        cat(on_superpixels ? "superpixels, " : "", name_of(choice.measure), ":", choice.threshold);
    row.scored.score = origin.parts;
    row.scored.fusion = origin.parts.consensus.empty() ? describe(choice.fusion) : origin.parts.consensus;
    if (origin.parts.consensus.empty()) row.scored.score.consensus = alone ? "none" : row.scored.fusion;
    row.scored.score.threshold_from = options_.fixed ? "none" : options_.chosen_on;
    row.scored.finding = scored.finding;
    row.pictures = std::move(scored.pictures);
    return row;
  }

  const Dataset &choose_, &score_;
  const LabelScoring& options_;
  Pass pass_;
};

const Row* best_member(const std::vector<Row>& rows) {
  const Row* best = nullptr;
  for (const Row& row : rows)
    if (row.scored.score.is_member() && (best == nullptr || row.scored.score.miou > best->scored.score.miou))
      best = &row;
  return best;
}

void fill_leads(std::vector<Row>& rows, const ScoreOptions& how, const LabelScoring& options) {
  const auto all =
      std::find_if(rows.begin(), rows.end(), [](const Row& row) { return row.scored.name == "all/all"; });
  for (Row& row : rows)
    row.scored.lead = all == rows.end() || options.bootstrap == 0
                          ? Interval{std::nan(""), std::nan(""), std::nan("")}
                          : bootstrap_miou_difference(all->pictures, row.pictures, how,
                                                      {.samples = options.bootstrap, .seed = options.seed});
}

void finish(std::vector<Row> rows, const Dataset& score, const LabelScoring& options, LabelScores& result) {
  const ScoreOptions how{.background = score.background};
  for (Row& row : rows) fill_numbers(row, how, options);
  fill_leads(rows, how, options);
  if (const Row* best = best_member(rows)) result.best_member = best->scored.name;
  for (Row& row : rows) result.rows.push_back(std::move(row.scored));
}

JsonObject interval(const Interval& i) {
  JsonObject o;
  return o.set("estimate", i.estimate).set("low", i.low).set("high", i.high);
}
Interval interval(const JsonObject& o) { return {o.number("estimate"), o.number("low"), o.number("high")}; }

JsonObject to_json(const LocalisationMeans& f) {
  JsonObject o;
  o.set("pointing", f.pointing).set("energy", f.energy).set("f1", f.f1);
  return o.set("auc", f.auc).set("agreement", f.agreement);
}
std::optional<LocalisationMeans> finding_of(const JsonObject& row) {
  if (!row.has("finding")) return std::nullopt;
  const JsonObject o = row.object("finding");
  return LocalisationMeans{o.number("pointing"), o.number("energy"), o.number("f1"), o.number("auc"),
                           o.number("agreement")};
}

}  // namespace

LabelScores score_labels(const Dataset& choose, const Dataset& score, Members& ensemble,
                         const LabelScoring& options) {
  const std::vector<Subset> subsets = all_subsets(ensemble, options.subsets);
  std::vector<Origin> origins;
  for (const Subset& subset : subsets) {
    origins.push_back({.name = subset.name, .parts = {}});
    name_members(ensemble, subset, origins.back().parts);
  }
  LabelScores result;
  result.snap = options.members.snap;
  LabelScorer scorer(
      choose, score, options,
      [&](const Dataset& data, const MemberScoreOptions& members, const std::vector<Choice>& choices) {
        return score_members(data, ensemble, subsets, members, choices);
      });
  finish(scorer.rows(origins, result), score, options, result);
  return result;
}

LabelScores score_kept_labels(const Dataset& choose, const Dataset& score, const std::string& folder,
                              const LabelScoring& options) {
  const JsonObject job = JsonObject::read(folder + "/job.json");
  const Fusion fusion{variant_from_name(job.text("consensus")), wrong_from_name(job.text("wrong")),
                      weights_from_name(job.has("weights") ? job.text("weights") : "uniform")};
  Origin origin{.name = "kept", .parts = {}};
  origin.parts.consensus = describe(fusion);
  for (const JsonObject& one : job.objects("classifiers"))
    origin.parts.classifiers.push_back(one.text("name"));
  for (const std::string& text : job.texts("explainers"))
    origin.parts.explainers.push_back(parse_explainer(text).explainer);
  LabelScores result;
  result.snap = job.has("rule") && parse_rule(job.text("rule")).snap;
  LabelScorer scorer(
      choose, score, options,
      [&](const Dataset& data, const MemberScoreOptions& members, const std::vector<Choice>& choices) {
        MemberScoreOptions how = members;
        how.fusions = {fusion};
        return score_kept(data, folder, how, choices);
      });
  finish(scorer.rows({origin}, result), score, options, result);
  return result;
}

JsonObject to_json(const LabelScores& scores) {
  std::vector<JsonObject> rows;
  for (const ScoredLabels& row : scores.rows) {
    JsonObject o = to_json(row.score);
    o.set("name", row.name).set("setting", row.setting).set("interval", interval(row.miou));
    o.set("lead", interval(row.lead)).set("iou", row.iou);
    if (row.finding) o.set("finding", to_json(*row.finding));
    rows.push_back(o);
  }
  JsonObject json;
  return json.set("pictures", scores.pictures).set("rows", rows).set("best_member", scores.best_member);
}

LabelScores read_label_scores(const std::string& path) {
  const JsonObject json = JsonObject::read(path);
  LabelScores scores;
  for (const JsonObject& o : json.objects("rows"))
    scores.rows.push_back({.score = label_score(o),
                           .name = o.text("name"),
                           .setting = o.text("setting"),
                           .miou = interval(o.object("interval")),
                           .lead = interval(o.object("lead")),
                           .iou = o.numbers("iou"),
                           .finding = finding_of(o)});
  scores.best_member = json.text("best_member");
  scores.pictures = json.integer("pictures");
  return scores;
}

}  // namespace clearcut
