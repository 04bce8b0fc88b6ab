#include "train/evaluate.h"

#include <cmath>
#include <filesystem>
#include <optional>
#include <set>

#include "data/file_names.h"
#include "tensor/file.h"
#include "tensor/interrupt.h"
#include "tensor/npy.h"
#include "tensor/parallel.h"
#include "train/config.h"

namespace clearcut {

namespace {

namespace fs = std::filesystem;

// What became of one picture.
struct Counted {
  std::optional<ConfusionMatrix> counts;
  std::string error;
};

void add(Counted& one, const std::string& name, Evaluation& result) {
  if (!one.counts) return result.failures.push_back({name, "evaluate", one.error});
  result.total.add(*one.counts);
  result.pictures.push_back(std::move(*one.counts));
  result.names.push_back(name);
}

/// Scores pictures, `at_once` of them on as many threads; `labels_of(i)` gives prediction and truth.
template <class LabelsOf>
void score_all(const std::vector<std::string>& names, int at_once, int ignore, int undecided,
               const EvaluateOptions& options, const LabelsOf& labels_of, Evaluation& result) {
  const auto count = static_cast<std::int64_t>(names.size());
  const int classes = result.total.classes();
  Progress progress("evaluate", count, options.progress);
  for (std::int64_t first = 0; first < count; first += at_once) {
    stop_if_interrupted("evaluate", "nothing was written; start it again");
    std::vector<Counted> group(static_cast<std::size_t>(std::min<std::int64_t>(at_once, count - first)));
    parallel_for(static_cast<std::int64_t>(group.size()), 1, [&](std::int64_t k, std::int64_t) {
      Counted& one = group[static_cast<std::size_t>(k)];
      try {
        const auto [prediction, truth] = labels_of(static_cast<std::size_t>(first + k));
        check(prediction.shape() == truth.shape(), "evaluate", "the prediction has size ", prediction.shape(),
              ", the mask ", truth.shape());
        ConfusionMatrix counts(classes);
        counts.add(prediction, truth, ignore, undecided);
        one.counts = std::move(counts);
      } catch (const Error& error) {
        one.error = error.what();
      }
    });
    for (std::size_t k = 0; k < group.size(); ++k, progress.advance())
      add(group[k], names[static_cast<std::size_t>(first) + k], result);
  }
  check(!result.pictures.empty(), "evaluate", "no picture could be scored",
        result.failures.empty() ? "" : "; the first failure: " + result.failures[0].error);
  result.scores = scores(result.total, options.score);
  const double nan = std::nan("");
  result.interval = options.bootstrap > 0
                        ? bootstrap_miou(result.pictures, options.score,
                                         {.samples = options.bootstrap, .seed = options.seed})
                        : Interval{result.scores.miou, nan, nan};
}

std::vector<std::string> label_files(const std::string& folder) {
  check(fs::is_directory(folder), "evaluate", "no such folder: ", folder);
  std::set<std::string> names;
  for (const fs::path& file : files_below(folder))
    if (file.extension() == ".png" && file.stem().extension() != ".overlay" &&
        file.filename() != "legend.png")
      names.insert(file.lexically_relative(folder).generic_string());
  return {names.begin(), names.end()};
}

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

}  // namespace

Evaluation evaluate(Segmenter& model, const Dataset& data, const Normalize& normalize,
                    const EvaluateOptions& options) {
  check(data.masks != MaskFormat::kNone, "evaluate", "the data set ", data.root,
        " has no masks to compare with");
  check(static_cast<std::int64_t>(data.class_names.size()) == model.classes(), "evaluate",
        "the data set has ", data.class_names.size(), " classes, the network ", model.classes());
  std::vector<std::string> names;
  for (const Item& item : data.items) names.push_back(item.name);
  Evaluation result(static_cast<int>(model.classes()));
  model.registry().mode.training = false;  // before threads meet at it
  score_all(
      names, model.registry().device() == Device::kCpu ? threads() : 1, data.ignore, -1, options,
      [&](std::size_t i) {
        const Item& item = data.items[i];
        const Tensor picture = read_picture(item.image, options.picture), truth = read_mask(data, item);
        return std::pair(predict_labels(model, picture, normalize, options.predict), truth);
      },
      result);
  return result;
}

Evaluation evaluate_folders(const FolderPair& folders, const EvaluateOptions& options) {
  const std::vector<std::string> names = label_files(folders.truth);
  check(!names.empty(), "evaluate", "no label PNG in ", folders.truth);
  label_files(folders.predictions);  // must exist
  Evaluation result(folders.classes);
  score_all(
      names, threads(), folders.ignore, folders.undecided, options,
      [&](std::size_t i) {
        return std::pair(read_label_png(folders.predictions + "/" + names[i]).labels,
                         read_label_png(folders.truth + "/" + names[i]).labels);
      },
      result);
  return result;
}

namespace {

Tensor picture_counts(const Evaluation& e) {
  const int C = e.total.classes();
  Tensor counts({static_cast<std::int64_t>(e.pictures.size()), C, C + 1}, DType::kInt64);
  std::int64_t* n = counts.data<std::int64_t>();
  for (const ConfusionMatrix& one : e.pictures)
    for (int truth = 0; truth < C; ++truth)
      for (int predicted = 0; predicted <= C; ++predicted) *n++ = one.count(truth, predicted);
  return counts;
}

}  // namespace

JsonObject to_json(const Evaluation& e, const std::vector<std::string>& class_names,
                   const ScoreOptions& score) {
  const SegmentationScores& s = e.scores;
  std::vector<JsonObject> classes;
  for (std::size_t c = 0; c < s.iou.size(); ++c) {
    JsonObject one;
    one.set("name", class_names[c])
        .set("iou", s.iou[c])
        .set("precision", s.class_precision[c])
        .set("recall", s.class_recall[c]);
    classes.push_back(one);
  }
  JsonObject policy;
  policy.set("absent", std::string(name_of(score.absent)))
      .set("background", score.background)
      .set("background_in_mean", score.background_in_mean);
  JsonObject json;
  json.set("pictures", static_cast<std::int64_t>(e.pictures.size()))
      .set("failed", static_cast<std::int64_t>(e.failures.size()))
      .set("pixels", e.total.total())
      .set("miou", s.miou)
      .set("miou_low", e.interval.low)
      .set("miou_high", e.interval.high)
      .set("classes_in_mean", s.classes_in_mean)
      .set("pixel_accuracy", s.pixel_accuracy)
      .set("mean_accuracy", s.mean_accuracy)
      .set("precision", s.precision)
      .set("coverage", s.coverage)
      .set("policy", policy)
      .set("classes", classes);
  return json;
}

void write_evaluation(const std::string& folder, const Evaluation& e,
                      const std::vector<std::string>& class_names, const ScoreOptions& score) {
  to_json(e, class_names, score).write(folder + "/eval.json");
  std::string table = "class,iou,precision,recall\n";
  for (std::size_t c = 0; c < class_names.size(); ++c)
    table += cat(csv_text(class_names[c]), ",", csv_number(e.scores.iou[c]), ",",
                 csv_number(e.scores.class_precision[c]), ",", csv_number(e.scores.class_recall[c]), "\n");
  write_file(folder + "/eval.csv", table);
  write_file(folder + "/confusion.csv", confusion_csv(e, class_names));
  std::string pictures = "picture,miou\n";
  ScoreOptions present = score;
  present.absent = Absent::kExclude;  // of one picture most classes are absent
  for (std::size_t i = 0; i < e.names.size(); ++i)
    pictures += cat(csv_text(e.names[i]), ",", csv_number(scores(e.pictures[i], present).miou), "\n");
  write_file(folder + "/pictures.csv", pictures);
  write_npz(folder + "/pictures.npz", {{"counts", picture_counts(e)}});
}

std::vector<ConfusionMatrix> read_picture_counts(const std::string& folder) {
  const std::string path = folder + "/pictures.npz";
  const Tensor counts = find_array(read_npz(path), "counts", path);
  check(counts.rank() == 3 && counts.dtype() == DType::kInt64 && counts.dim(2) == counts.dim(1) + 1,
        "evaluate", "counts in ", path, " must be int64 [P, C, C + 1]; got ", counts.dtype(), " ",
        counts.shape());
  const auto C = static_cast<int>(counts.dim(1));
  const std::int64_t* n = counts.data<const std::int64_t>();
  std::vector<ConfusionMatrix> pictures(static_cast<std::size_t>(counts.dim(0)), ConfusionMatrix(C));
  for (ConfusionMatrix& one : pictures)
    for (int truth = 0; truth < C; ++truth)
      for (int predicted = 0; predicted <= C; ++predicted) one.add_count(truth, predicted, *n++);
  return pictures;
}

ScoreOptions read_score_options(const std::string& folder) {
  const JsonObject policy = JsonObject::read(folder + "/eval.json").object("policy");
  return {.absent = absent_from_name(policy.text("absent")),
          .background = static_cast<int>(policy.integer("background")),
          .background_in_mean = policy.flag("background_in_mean")};
}

EvaluateOptions read_evaluate_options(const Config& config) {
  EvaluateOptions o;
  o.predict.resize_short = config.integer_or("resize_short", 0, {.low = 0, .high = 20'000});
  o.predict.scales = config.numbers_or("scales", {1}, {.low = 0.05, .high = 20});
  o.predict.flip = config.flag_or("flip", false);
  if (config.has("exif")) o.picture.apply_exif = config.flag_or("exif", false);
  o.score.absent = absent_from_name(config.choice_or("absent", {"exclude", "zero", "one"}, "exclude"));
  o.score.background_in_mean = config.flag_or("background_in_mean", true);
  o.bootstrap = static_cast<int>(config.integer_or("bootstrap", 1000, {.low = 0, .high = 1'000'000}));
  return o;
}

}  // namespace clearcut
