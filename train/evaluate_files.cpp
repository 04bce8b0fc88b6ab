// What an evaluation leaves: tables for people and programs, counts for comparisons.
#include <algorithm>
#include <cmath>

#include "tensor/file.h"
#include "tensor/npy.h"
#include "train/confusion_page.h"
#include "train/evaluate.h"
#include "train/summary.h"

namespace clearcut {

namespace {

std::string csv_number(double value) {
  if (std::isnan(value)) return "";
  std::ostringstream text;
  text.precision(9);
  text << value;
  return text.str();
}

std::string csv_text(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string confusion_csv(const Evaluation& e, const std::vector<std::string>& names) {
  std::string text = "truth";
  for (const std::string& name : names) text += "," + csv_text(name);
  text += ",undecided\n";
  for (int t = 0; t < e.total.classes(); ++t) {
    text += csv_text(names[static_cast<std::size_t>(t)]);
    for (int p = 0; p <= e.total.classes(); ++p) text += cat(",", e.total.count(t, p));
    text += "\n";
  }
  return text;
}

std::string classes_csv(const SegmentationScores& s, const std::vector<std::string>& names) {
  std::string text = "class,iou,dice,boundary_iou,precision,recall\n";
  for (std::size_t c = 0; c < names.size(); ++c)
    text += cat(csv_text(names[c]), ",", csv_number(s.iou[c]), ",", csv_number(s.dice[c]), ",",
                csv_number(s.boundary_iou[c]), ",", csv_number(s.class_precision[c]), ",",
                csv_number(s.class_recall[c]), "\n");
  return text;
}

std::string pictures_csv(const Evaluation& e, ScoreOptions score) {
  score.absent = Absent::kExclude;  // of one picture most classes are absent
  std::string text = "picture,miou\n";
  for (std::size_t i = 0; i < e.names.size(); ++i)
    text += cat(csv_text(e.names[i]), ",", csv_number(scores(e.pictures[i], score).miou), "\n");
  return text;
}

using Counts = std::vector<ClassCounts> Tally::*;

// int64 [P, C, 3]
Tensor picture_counts(const std::vector<Tally>& pictures, Counts which) {
  Tensor counts({static_cast<std::int64_t>(pictures.size()),
                 static_cast<std::int64_t>((pictures.front().*which).size()), 3},
                DType::kInt64);
  std::int64_t* n = counts.data<std::int64_t>();
  for (const Tally& one : pictures)
    for (const ClassCounts& c : one.*which)
      for (const std::int64_t value : {c.hit, c.truth, c.predicted}) *n++ = value;
  return counts;
}

void read_counts(const Tensor& counts, const std::string& path, Counts which, std::vector<Tally>& pictures) {
  check(counts.rank() == 3 && counts.dtype() == DType::kInt64 && counts.dim(2) == 3, "evaluate", "counts in ",
        path, " must be int64 [P, C, 3]; got ", counts.dtype(), " ", counts.shape());
  pictures.resize(static_cast<std::size_t>(counts.dim(0)));
  const std::int64_t* n = counts.data<const std::int64_t>();
  for (Tally& one : pictures)
    for (std::int64_t c = 0; c < counts.dim(1); ++c, n += 3) (one.*which).push_back({n[0], n[1], n[2]});
}

std::string shown(double share) { return percent(share, "%.2f"); }

std::string mean_line(const char* name, const Interval& i) {
  const std::string interval = std::isnan(i.low) ? "" : cat(" [", shown(i.low), ", ", shown(i.high), "]");
  return cat(name, " ", shown(i.estimate), interval, "\n");
}

// Text in a column of `width`, to the left for names and to the right for numbers; letters of UTF-8 count
// one.
std::string column(const std::string& text, std::size_t width, bool left) {
  const auto letters = static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
  const std::string gap(width > letters ? width - letters : 0, ' ');
  return left ? text + gap : gap + text;
}

JsonObject interval_json(const Interval& i) {
  JsonObject json;
  json.set("estimate", i.estimate).set("low", i.low).set("high", i.high);
  return json;
}

std::vector<JsonObject> classes_json(const SegmentationScores& s,
                                     const std::vector<std::string>& class_names) {
  std::vector<JsonObject> classes;
  for (std::size_t c = 0; c < s.iou.size(); ++c) {
    JsonObject one;
    one.set("name", class_names[c])
        .set("iou", s.iou[c])
        .set("dice", s.dice[c])
        .set("boundary_iou", s.boundary_iou[c])
        .set("precision", s.class_precision[c])
        .set("recall", s.class_recall[c]);
    classes.push_back(one);
  }
  return classes;
}

}  // namespace

std::string to_text(const Evaluation& e, const std::vector<std::string>& names, const ScoreOptions& score) {
  const SegmentationScores& s = e.scores;
  std::size_t width = 12;
  for (const std::string& name : names) width = std::min<std::size_t>(40, std::max(width, name.size() + 2));
  std::string text = column("class", width, true);
  for (const char* head : {"IoU", "Dice", "boundary", "precision", "recall"}) text += column(head, 10, false);
  text += "\n";
  for (std::size_t c = 0; c < names.size(); ++c) {
    text += column(names[c], width, true);
    for (const auto* values : {&s.iou, &s.dice, &s.boundary_iou, &s.class_precision, &s.class_recall})
      text += column(shown((*values)[c]), 10, false);
    text += "\n";
  }
  text += mean_line("mIoU", e.intervals.miou) + mean_line("Dice", e.intervals.mean_dice);
  if (!std::isnan(s.mean_boundary_iou)) text += mean_line("boundary IoU", e.intervals.mean_boundary_iou);
  text += mean_line("pixel accuracy", e.intervals.pixel_accuracy) + mean_line("kappa", e.intervals.kappa);
  text += cat("mIoU as released (absent classes count 1) ", shown(e.released_miou), "\n");
  text +=
      cat(s.classes_in_mean, " of ", names.size(), " classes in the means (absent: ", name_of(score.absent),
          score.background >= 0 && !score.background_in_mean ? "; background out" : "", "), ",
          e.pictures.size(), " pictures, coverage ", shown(s.coverage), "\n");
  return text;
}

JsonObject to_json(const Evaluation& e, const std::vector<std::string>& class_names,
                   const ScoreOptions& score) {
  const SegmentationScores& s = e.scores;
  JsonObject policy, intervals;
  policy.set("absent", std::string(name_of(score.absent)))
      .set("background", score.background)
      .set("background_in_mean", score.background_in_mean);
  intervals.set("miou", interval_json(e.intervals.miou))
      .set("mean_dice", interval_json(e.intervals.mean_dice))
      .set("mean_boundary_iou", interval_json(e.intervals.mean_boundary_iou))
      .set("pixel_accuracy", interval_json(e.intervals.pixel_accuracy))
      .set("kappa", interval_json(e.intervals.kappa));
  JsonObject json;
  json.set("pictures", static_cast<std::int64_t>(e.pictures.size()))
      .set("failed", static_cast<std::int64_t>(e.failures.size()))
      .set("pixels", e.total.total())
      .set("miou", s.miou)
      .set("miou_low", e.intervals.miou.low)
      .set("miou_high", e.intervals.miou.high)
      .set("released_miou", e.released_miou)
      .set("classes_in_mean", s.classes_in_mean)
      .set("mean_dice", s.mean_dice)
      .set("mean_boundary_iou", s.mean_boundary_iou)
      .set("pixel_accuracy", s.pixel_accuracy)
      .set("mean_accuracy", s.mean_accuracy)
      .set("kappa", s.kappa)
      .set("precision", s.precision)
      .set("coverage", s.coverage)
      .set("intervals", intervals)
      .set("policy", policy)
      .set("classes", classes_json(s, class_names));
  return json;
}

void write_evaluation(const std::string& folder, const Evaluation& e,
                      const std::vector<std::string>& class_names, const ScoreOptions& score) {
  to_json(e, class_names, score).write(folder + "/eval.json");
  write_file(folder + "/eval.txt", to_text(e, class_names, score));
  write_file(folder + "/eval.csv", classes_csv(e.scores, class_names));
  write_file(folder + "/confusion.csv", confusion_csv(e, class_names));
  write_confusion_page(folder + "/confusion.html", e, class_names);
  write_file(folder + "/pictures.csv", pictures_csv(e, score));
  NamedTensors counts = {{"area", picture_counts(e.pictures, &Tally::area)}};
  if (!e.pictures.front().boundary.empty())
    counts.emplace_back("boundary", picture_counts(e.pictures, &Tally::boundary));
  write_npz(folder + "/pictures.npz", counts);
}

std::vector<Tally> read_picture_counts(const std::string& folder) {
  const std::string path = folder + "/pictures.npz";
  const NamedTensors arrays = read_npz(path);
  std::vector<Tally> pictures;
  read_counts(find_array(arrays, "area", path), path, &Tally::area, pictures);
  for (const auto& [name, counts] : arrays)
    if (name == "boundary") read_counts(counts, path, &Tally::boundary, pictures);
  return pictures;
}

ScoreOptions read_score_options(const std::string& folder) {
  const JsonObject policy = JsonObject::read(folder + "/eval.json").object("policy");
  return {.absent = absent_from_name(policy.text("absent")),
          .background = static_cast<int>(policy.integer("background")),
          .background_in_mean = policy.flag("background_in_mean")};
}

JsonObject class_ious(const std::string& folder) {
  JsonObject ious;
  for (const JsonObject& one : JsonObject::read(folder + "/eval.json").objects("classes"))
    ious.set(one.text("name"), one.number("iou"));
  return ious;
}

}  // namespace clearcut
