#include "train/evaluate.h"

#include <cmath>
#include <filesystem>
#include <optional>
#include <set>

#include "data/boundary.h"
#include "data/file_names.h"
#include "tensor/interrupt.h"
#include "tensor/parallel.h"
#include "train/config.h"

namespace clearcut {

namespace {

namespace fs = std::filesystem;

// What became of one picture.
struct Counted {
  std::optional<ConfusionMatrix> counts;
  Tally tally;
  std::string error;
};

void add(Counted& one, const std::string& name, Evaluation& result) {
  if (!one.counts) return result.failures.push_back({name, "evaluate", one.error});
  result.total.add(*one.counts);
  result.pictures.push_back(std::move(one.tally));
  result.names.push_back(name);
}

void finish(Evaluation& result, const EvaluateOptions& options) {
  Tally sum = result.pictures.front();
  for (std::size_t i = 1; i < result.pictures.size(); ++i) sum.add(result.pictures[i]);
  const SegmentationScores& s = result.scores = scores(sum, options.score);
  ScoreOptions released = options.score;
  released.absent = Absent::kOne;
  result.released_miou = scores(sum, released).miou;
  if (options.bootstrap > 0) {
    result.intervals = bootstrap_scores(result.pictures, options.score,
                                        {.samples = options.bootstrap, .seed = options.seed});
    return;
  }
  const auto alone = [](double estimate) { return Interval{estimate, std::nan(""), std::nan("")}; };
  result.intervals = {alone(s.miou), alone(s.pixel_accuracy), alone(s.kappa), alone(s.mean_dice),
                      alone(s.mean_boundary_iou)};
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
        one.tally = tally_of(counts);
        if (options.boundary > 0)
          one.tally.boundary = edge_counts(prediction, truth, classes, options.boundary, ignore, undecided);
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
  finish(result, options);
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
        const std::string prediction = folders.predictions + "/" + names[i];
        check(fs::exists(prediction), "evaluate", "there is no ", prediction,
              "; a prediction has the path below its folder that the mask has below ", folders.truth);
        return std::pair(read_label_png(prediction).labels,
                         read_label_png(folders.truth + "/" + names[i]).labels);
      },
      result);
  return result;
}

EvaluateOptions read_evaluate_options(const Config& config) {
  EvaluateOptions o;
  o.predict = read_predict_options(config);
  if (config.has("exif")) o.picture.apply_exif = config.flag_or("exif", false);
  o.score.absent = absent_from_name(config.choice_or("absent", {"exclude", "zero", "one"}, "exclude"));
  o.score.background_in_mean = config.flag_or("background_in_mean", true);
  o.bootstrap = static_cast<int>(config.integer_or("bootstrap", 1000, {.low = 0, .high = 1'000'000}));
  o.boundary = config.number_or("boundary", o.boundary, {.low = 0, .high = 1});
  return o;
}

}  // namespace clearcut
