#include "train/summary.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "data/json.h"
#include "tensor/error.h"

namespace clearcut {
namespace {

JsonObject to_json(const FinetuneScore& s) {
  JsonObject o;
  return o.set("init", s.init).set("seed", s.seed).set("miou", s.miou).set("steps", s.steps);
}

FinetuneScore finetune_score(const JsonObject& o) {
  return {.init = o.text("init"),
          .seed = static_cast<std::uint64_t>(o.integer("seed")),
          .miou = o.number("miou"),
          .steps = o.integer("steps")};
}

/// One JSON object with a name per stage.
template <class T>
JsonObject stages(const std::vector<std::pair<std::string, T>>& values) {
  JsonObject o;
  for (const auto& [stage, value] : values) o.set(stage, value);
  return o;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " + ") + word;
  return out;
}

}  // namespace

std::string percent(double share, const char* format) {
  char text[32];
  std::snprintf(text, sizeof text, format, 100 * share);
  return std::isfinite(share) ? text : "-";
}

JsonObject to_json(const LabelScore& s) {
  JsonObject o;
  return o.set("classifiers", s.classifiers)
      .set("explainers", s.explainers)
      .set("consensus", s.consensus)
      .set("threshold_from", s.threshold_from)
      .set("scored_on", s.scored_on)
      .set("miou", s.miou)
      .set("precision", s.precision)
      .set("coverage", s.coverage);
}

LabelScore label_score(const JsonObject& o) {
  return {.classifiers = o.texts("classifiers"),
          .explainers = o.texts("explainers"),
          .consensus = o.text("consensus"),
          .threshold_from = o.text("threshold_from"),
          .scored_on = o.text("scored_on"),
          .miou = o.number("miou"),
          .precision = o.number("precision"),
          .coverage = o.number("coverage")};
}

void Summary::write(const std::string& path) const {
  std::vector<JsonObject> label_rows, finetune_rows;
  for (const LabelScore& row : labels) label_rows.push_back(to_json(row));
  for (const FinetuneScore& row : finetune) finetune_rows.push_back(to_json(row));
  JsonObject only;
  only.set("miou", image_labels_only.done ? image_labels_only.miou : std::nan(""))
      .set("steps", image_labels_only.steps)
      .set("scored_on", image_labels_only.scored_on);
  JsonObject o;
  o.set("labels", label_rows)
      .set("finetune", finetune_rows)
      .set("image_labels_only", only)
      .set("seconds", stages(seconds))
      .set("peak_bytes", stages(peak_bytes));
  o.write(path);
}

Summary Summary::read(const std::string& path) {
  const JsonObject o = JsonObject::read(path);
  Summary s;
  for (const JsonObject& row : o.objects("labels")) s.labels.push_back(label_score(row));
  for (const JsonObject& row : o.objects("finetune")) s.finetune.push_back(finetune_score(row));
  const JsonObject only = o.object("image_labels_only");
  s.image_labels_only = {only.number("miou"), only.integer("steps"), only.text("scored_on"),
                         !std::isnan(only.number("miou"))};
  const JsonObject seconds = o.object("seconds"), peak = o.object("peak_bytes");
  for (const std::string& stage : seconds.names()) s.seconds.emplace_back(stage, seconds.number(stage));
  for (const std::string& stage : peak.names()) s.peak_bytes.emplace_back(stage, peak.integer(stage));
  return s;
}

MeanError mean_error(const std::vector<double>& values) {
  MeanError m{.n = static_cast<int>(values.size())};
  if (values.empty()) return m;
  for (const double v : values) m.mean += v / m.n;
  double squares = 0;
  for (const double v : values) squares += (v - m.mean) * (v - m.mean);
  m.error = std::sqrt(squares / (m.n - 1) / m.n);  // of one: 0 / 0
  return m;
}

std::vector<std::pair<std::string, MeanError>> finetune_by_init(const Summary& summary) {
  std::vector<std::string> inits;
  for (const FinetuneScore& run : summary.finetune)
    if (std::find(inits.begin(), inits.end(), run.init) == inits.end()) inits.push_back(run.init);
  std::vector<std::pair<std::string, MeanError>> rows;
  for (const std::string& init : inits) {
    std::vector<double> values;
    for (const FinetuneScore& run : summary.finetune)
      if (run.init == init) values.push_back(run.miou);
    rows.emplace_back(init, mean_error(values));
  }
  return rows;
}

BestLabels best_labels(const Summary& summary) {
  BestLabels best;
  for (std::size_t i = 0; i < summary.labels.size(); ++i) {
    const LabelScore& score = summary.labels[i];
    if (score.scored_on != summary.labels[0].scored_on) continue;
    int& slot = score.is_baseline() ? best.baseline : score.is_member() ? best.member : best.ensemble;
    if (slot < 0 || score.miou > summary.labels[static_cast<std::size_t>(slot)].miou)
      slot = static_cast<int>(i);
  }
  return best;
}

std::string describe(const LabelScore& score) {
  if (score.is_baseline()) return score.consensus;
  const std::string who =
      score.classifiers.size() == 1 ? score.classifiers.front() : cat(score.classifiers.size(), " networks");
  return joined(score.explainers) + " of " + who;
}

std::string markdown_table(const Summary& summary) {
  std::string out;
  if (!summary.labels.empty())
    out +=
        "| pseudo labels | consensus | scored on | mIoU | precision | coverage "
        "|\n|---|---|---|---|---|---|\n";
  for (const LabelScore& s : summary.labels)
    out += cat("| ", describe(s), " | ", s.is_baseline() ? "-" : s.consensus, " | ", s.scored_on, " | ",
               percent(s.miou), " | ", percent(s.precision), " | ", percent(s.coverage), " |\n");
  if (!summary.finetune.empty())
    out += "\n| start of fine-tuning | mIoU | standard error | runs |\n|---|---|---|---|\n";
  for (const auto& [init, m] : finetune_by_init(summary))
    out += cat("| ", init, " | ", percent(m.mean), " | ", percent(m.error), " | ", m.n, " |\n");
  if (summary.image_labels_only.done)
    out += cat("\nImage labels alone: ", percent(summary.image_labels_only.miou), " mIoU on ",
               summary.image_labels_only.scored_on, ".\n");
  return out.empty() ? "Nothing was scored: there are no true masks.\n" : out;
}

}  // namespace clearcut
