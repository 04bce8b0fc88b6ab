// Judgements as JSON, and what they come to.
#include <algorithm>
#include <cmath>
#include <limits>

#include "explain/measures/measure_run.h"

namespace clearcut {

JsonObject to_json(const Judgement& j, const std::vector<MeasureChoice>& measures) {
  JsonObject json, values;
  for (std::size_t m = 0; m < measures.size(); ++m) {
    const Verdict& verdict = j.verdicts[m];
    JsonObject one;
    one.set("value", verdict.value);
    for (const auto& [name, value] : verdict.parts) one.set(name, value);
    if (!verdict.x.empty()) one.set("x", verdict.x).set("y", verdict.y);
    values.set(describe(measures[m]), one);
  }
  json.set("label", j.label).set("classifier", j.classifier).set("explainer", j.explainer);
  json.set("probability", j.probability).set("top1", j.top1).set("seconds", j.seconds).set("empty", j.empty);
  if (!j.error.empty()) json.set("error", j.error);
  return json.set("measures", values);
}

Judgement judgement_of(const JsonObject& json, const std::vector<MeasureChoice>& measures) {
  Judgement j{.label = json.text("label"),
              .classifier = json.text("classifier"),
              .explainer = json.text("explainer"),
              .probability = json.number("probability"),
              .top1 = static_cast<int>(json.integer("top1")),
              .seconds = json.number("seconds"),
              .empty = json.flag("empty"),
              .verdicts = {},
              .error = json.has("error") ? json.text("error") : ""};
  const JsonObject values = json.object("measures");
  for (const MeasureChoice& measure : measures) {
    const JsonObject one = values.object(describe(measure));
    Verdict verdict{.value = one.number("value")};
    for (const std::string& name : one.names())
      if (name != "value" && name != "x" && name != "y") verdict.parts.emplace_back(name, one.number(name));
    if (one.has("x")) {
      verdict.x = one.numbers("x");
      verdict.y = one.numbers("y");
    }
    j.verdicts.push_back(std::move(verdict));
  }
  return j;
}

MeanOf mean_of(const std::vector<double>& values) {
  MeanOf result;
  for (const double value : values)
    if (std::isfinite(value)) {
      result.mean += value;
      ++result.n;
    }
  const auto n = static_cast<double>(result.n);
  result.error = std::numeric_limits<double>::quiet_NaN();
  result.mean = result.n > 0 ? result.mean / n : result.error;
  if (result.n < 2) return result;
  double squares = 0;
  for (const double value : values)
    if (std::isfinite(value)) squares += (value - result.mean) * (value - result.mean);
  result.error = std::sqrt(squares / (n - 1) / n);
  return result;
}

MeanOf mean_over_classes(const std::map<std::string, std::vector<double>>& by_class) {
  MeanOf result;
  double classes = 0, squares = 0;
  for (const auto& [name, values] : by_class) {
    const MeanOf one = mean_of(values);
    if (one.n == 0) continue;
    result.mean += one.mean;
    squares += one.error * one.error;  // NaN where a class has one picture
    result.n += one.n;
    classes += 1;
  }
  if (classes == 0) return mean_of({});
  result.mean /= classes;
  result.error = std::sqrt(squares) / classes;
  return result;
}

namespace {

// y at `at` of a curve with ascending x, straight between its points.
double curve_at(const Verdict& v, double at) {
  const auto next = std::upper_bound(v.x.begin(), v.x.end(), at) - v.x.begin();
  if (next == 0) return v.y.front();
  if (static_cast<std::size_t>(next) == v.x.size()) return v.y.back();
  const auto i = static_cast<std::size_t>(next);
  const double t = (at - v.x[i - 1]) / (v.x[i] - v.x[i - 1]);
  return v.y[i - 1] + t * (v.y[i] - v.y[i - 1]);
}

// The mean of curves at the points of the one that has most.
void mean_curve(const std::vector<const Judgement*>& found, std::size_t measure, MeasuredMember& row) {
  std::vector<const Verdict*> curves;
  for (const Judgement* j : found)
    if (!j->verdicts[measure].x.empty()) curves.push_back(&j->verdicts[measure]);
  std::vector<double> x, y;
  for (const Verdict* curve : curves)
    if (curve->x.size() > x.size()) x = curve->x;
  for (const double at : x) {
    double sum = 0;
    for (const Verdict* curve : curves) sum += curve_at(*curve, at);
    y.push_back(sum / static_cast<double>(curves.size()));
  }
  row.curve_x.push_back(std::move(x));
  row.curve_y.push_back(std::move(y));
}

MeasuredMember row_of(const std::vector<const Judgement*>& found,
                      const std::vector<MeasureChoice>& measures) {
  MeasuredMember row{.classifier = found[0]->classifier,
                     .explainer = found[0]->explainer,
                     .seconds = {},
                     .empty = 0,
                     .measures = {},
                     .curve_x = {},
                     .curve_y = {}};
  std::vector<double> seconds;
  for (const Judgement* j : found) {
    seconds.push_back(j->seconds);
    row.empty += j->empty;
  }
  row.seconds = mean_of(seconds);
  for (std::size_t m = 0; m < measures.size(); ++m) {
    std::vector<double> values;
    std::map<std::string, std::vector<double>> by_class;
    for (const Judgement* j : found) {
      values.push_back(j->verdicts[m].value);
      by_class[j->label].push_back(j->verdicts[m].value);
    }
    row.measures.push_back(measures[m].row->by_class ? mean_over_classes(by_class) : mean_of(values));
    mean_curve(found, m, row);
  }
  return row;
}

}  // namespace

std::vector<MeasuredMember> summarise(const std::vector<Judgement>& judgements,
                                      const std::vector<MeasureChoice>& measures) {
  std::vector<std::vector<const Judgement*>> members;
  for (const Judgement& j : judgements) {
    const auto same = [&](const auto& member) {
      return member[0]->classifier == j.classifier && member[0]->explainer == j.explainer;
    };
    const auto found = std::find_if(members.begin(), members.end(), same);
    if (found == members.end())
      members.push_back({&j});
    else
      found->push_back(&j);
  }
  std::vector<MeasuredMember> rows;
  for (const auto& member : members) rows.push_back(row_of(member, measures));
  return rows;
}

JsonObject to_json(const MeasuredMember& row, const std::vector<MeasureChoice>& measures) {
  const auto plain = [](const MeanOf& m) {
    JsonObject json;
    return json.set("mean", m.mean).set("error", m.error).set("n", m.n);
  };
  JsonObject json, values;
  for (std::size_t m = 0; m < measures.size(); ++m) values.set(describe(measures[m]), plain(row.measures[m]));
  json.set("classifier", row.classifier).set("explainer", row.explainer).set("seconds", plain(row.seconds));
  return json.set("empty", row.empty).set("measures", values);
}

}  // namespace clearcut
