#include "train/label_scores.h"

#include <algorithm>
#include <cmath>

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

/// "cam+ig": these explainers of all classifiers.
Subset joined_explainers(const Ensemble& ensemble, const std::string& text) {
  Subset subset{.name = "all/" + text, .members = {}};
  for (const std::string& word : split_at_plus(text)) {
    const auto& explainers = ensemble.options().explainers;
    const auto it = std::find_if(explainers.begin(), explainers.end(),
                                 [&](const ExplainOptions& o) { return o.explainer == word; });
    check(it != explainers.end(), "score", "the subset '", text, "' names '", word,
          "', which is not among the explainers");
    for (std::size_t k = 0; k < ensemble.classifiers(); ++k)
      subset.members.emplace_back(k, static_cast<std::size_t>(it - explainers.begin()));
  }
  return subset;
}

std::vector<Subset> all_subsets(const Ensemble& ensemble, const std::vector<std::string>& words) {
  std::vector<std::string> plain;
  std::vector<Subset> joined;
  for (const std::string& word : words)
    if (word.find('+') == std::string::npos)
      plain.push_back(word);
    else
      joined.push_back(joined_explainers(ensemble, word));
  std::vector<Subset> subsets = make_subsets(ensemble, plain);
  subsets.insert(subsets.end(), joined.begin(), joined.end());
  return subsets;
}

/// Names of the parts of a subset, each once, in order.
void name_members(const Ensemble& ensemble, const Subset& subset, LabelScore& score) {
  const auto add = [](std::vector<std::string>& names, const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  for (const auto& [k, x] : subset.members) {
    add(score.classifiers, ensemble.classifier(k).name());
    add(score.explainers, ensemble.options().explainers[x].explainer);
  }
}

void fill_numbers(Row& row, const ScoreOptions& how, const LabelScoring& options) {
  ConfusionMatrix sum(row.pictures.front().classes());
  for (const ConfusionMatrix& picture : row.pictures) sum.add(picture);
  const SegmentationScores s = scores(sum, how);
  row.scored.score.miou = s.miou;
  row.scored.score.precision = s.precision;
  row.scored.score.coverage = s.coverage;
  row.scored.score.scored_on = options.scored_on;
  row.scored.miou = bootstrap_miou(row.pictures, how, {.samples = options.bootstrap, .seed = options.seed});
}

std::vector<Row> score_subsets(const Dataset& choose, const Dataset& score, Ensemble& ensemble,
                               const LabelScoring& options, std::vector<Failure>& failures) {
  const std::vector<Subset> subsets = all_subsets(ensemble, options.subsets);
  const auto with_progress = [&](const std::string& name, const Dataset& data,
                                 const std::vector<Choice>& choices) {
    Progress progress(name, static_cast<std::int64_t>(data.items.size()), options.progress);
    MemberScoreOptions members = options.members;
    members.progress = [&](std::int64_t done, std::int64_t) { progress.update(done); };
    MemberScores result = score_members(data, ensemble, subsets, members, choices);
    failures.insert(failures.end(), result.failures.begin(), result.failures.end());
    return result;
  };
  const MemberScores on_choose = with_progress("choose thresholds", choose, {});
  std::vector<Choice> choices;
  for (const SubsetScores& s : on_choose.subsets)
    choices.push_back(best_choice(s, options.members, {.background = choose.background}));
  MemberScores on_score = with_progress("score", score, choices);
  std::vector<Row> rows;
  for (std::size_t s = 0; s < subsets.size(); ++s) {
    Row row;
    row.scored.name = subsets[s].name;
    const Choice& choice = choices[s];
    const bool alone = subsets[s].members.size() == 1;
    row.scored.setting = cat(alone && needs_superpixels(choice.fusion.variant) ? "superpixels, " : "",
                             name_of(choice.measure), ":", choice.threshold);
    row.scored.score.consensus = alone ? "none" : describe(choice.fusion);
    row.scored.score.threshold_from = options.chosen_on;
    name_members(ensemble, subsets[s], row.scored.score);
    row.pictures = std::move(on_score.subsets[s].pictures);
    rows.push_back(std::move(row));
  }
  return rows;
}

Row baseline_row(const std::string& name, const Dataset& choose, const Dataset& score,
                 const LabelScoring& options) {
  Row row;
  Baseline baseline;
  if (name == "background") {
    baseline = background_baseline(score);
    row.scored.score.threshold_from = "none";
  } else {
    baseline = name == "box" ? box_baseline(choose, score) : colour_baseline(choose, score);
    row.scored.setting = cat(name == "box" ? "share " : "prior ", baseline.setting);
    row.scored.score.threshold_from = options.chosen_on;
  }
  row.scored.name = name;
  row.scored.score.consensus = name == "background" ? "all background"
                               : name == "box"      ? "centred box"
                                                    : "colour of each pixel, trained on the truth";
  row.pictures = std::move(baseline.pictures);
  return row;
}

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
    row.scored.lead = all == rows.end()
                          ? Interval{std::nan(""), std::nan(""), std::nan("")}
                          : bootstrap_miou_difference(all->pictures, row.pictures, how,
                                                      {.samples = options.bootstrap, .seed = options.seed});
}

JsonObject interval(const Interval& i) {
  JsonObject o;
  return o.set("estimate", i.estimate).set("low", i.low).set("high", i.high);
}
Interval interval(const JsonObject& o) { return {o.number("estimate"), o.number("low"), o.number("high")}; }

}  // namespace

LabelScores score_labels(const Dataset& choose, const Dataset& score, Ensemble& ensemble,
                         const LabelScoring& options) {
  LabelScores result;
  const ScoreOptions how{.background = score.background};
  std::vector<Row> rows = score_subsets(choose, score, ensemble, options, result.failures);
  for (const std::string& name : options.baselines)
    rows.push_back(baseline_row(name, choose, score, options));
  for (Row& row : rows) {
    check(!row.pictures.empty(), "score", "no picture of ", score.root,
          " could be scored; the first failure: ",
          result.failures.empty() ? "none" : result.failures.front().error);
    fill_numbers(row, how, options);
  }
  fill_leads(rows, how, options);
  if (const Row* best = best_member(rows)) result.best_member = best->scored.name;
  for (const Row& row : rows) result.rows.push_back(row.scored);
  return result;
}

JsonObject to_json(const LabelScores& scores) {
  std::vector<JsonObject> rows;
  for (const ScoredLabels& row : scores.rows) {
    JsonObject o = to_json(row.score);
    o.set("name", row.name).set("setting", row.setting).set("interval", interval(row.miou));
    o.set("lead", interval(row.lead));
    rows.push_back(o);
  }
  JsonObject json;
  return json.set("rows", rows).set("best_member", scores.best_member);
}

LabelScores read_label_scores(const std::string& path) {
  const JsonObject json = JsonObject::read(path);
  LabelScores scores;
  for (const JsonObject& o : json.objects("rows"))
    scores.rows.push_back({.score = label_score(o),
                           .name = o.text("name"),
                           .setting = o.text("setting"),
                           .miou = interval(o.object("interval")),
                           .lead = interval(o.object("lead"))});
  scores.best_member = json.text("best_member");
  return scores;
}

}  // namespace clearcut
