// Scores of a segmentation network, or of label files, against true masks.
#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/json.h"
#include "data/metrics.h"
#include "train/predict.h"

namespace clearcut {

class Config;

struct EvaluateOptions {
  PredictOptions predict = {};
  PictureOptions picture = {};
  ScoreOptions score = {};
  int bootstrap = 1000;    // samples of the intervals; 0: none
  double boundary = 0.02;  // width of edges for boundary IoU, as a share of the diagonal; 0: not measured
  std::uint64_t seed = 1;  // of the bootstrap
  ProgressStyle progress = ProgressStyle::kNone;
};

struct Evaluation {
  std::vector<std::string> names;  // pictures scored
  std::vector<Tally> pictures;     // one each
  ConfusionMatrix total;
  SegmentationScores scores;
  ScoreIntervals intervals;  // over pictures; NaN without bootstrap
  double released_miou = 0;  // with absent classes counting 1, as PaddleSeg's evaluation counts them
  std::vector<Failure> failures;
  explicit Evaluation(int classes) : total(classes) {}
};

/// Predicts each picture of `data` whole and compares it with its mask at the mask's size; masks of another
/// size than the picture are an error of that picture. Pictures that fail are listed in the result. Throws
/// Error if the data set has no masks, its classes do not fit the network, or every picture failed.
Evaluation evaluate(Segmenter& model, const Dataset& data, const Normalize& normalize,
                    const EvaluateOptions& options = {});

/// Compares label PNGs of two folders (at any depth) by their paths below the folders; undecided pixels of
/// the prediction carry `undecided`.
struct FolderPair {
  std::string predictions, truth;
  int classes = 0;
  int ignore = 255, undecided = 255;
};
Evaluation evaluate_folders(const FolderPair& folders, const EvaluateOptions& options = {});

/// Scores and their intervals, policy and one entry per class.
JsonObject to_json(const Evaluation& evaluation, const std::vector<std::string>& class_names,
                   const ScoreOptions& score);

/// The same for people: one line per class, then the means with their intervals.
std::string to_text(const Evaluation& evaluation, const std::vector<std::string>& class_names,
                    const ScoreOptions& score);

/// folder/eval.txt, eval.json, eval.csv (one row per class), confusion.csv (rows: truth, last column:
/// undecided), confusion.html, pictures.csv (mIoU of each picture over the classes in it), pictures.npz
/// (`area` and, if measured, `boundary`, int64 [P, C, 3]: hit, truth and predicted of each picture and class,
/// in the order of pictures.csv).
void write_evaluation(const std::string& folder, const Evaluation& evaluation,
                      const std::vector<std::string>& class_names, const ScoreOptions& score);

/// What write_evaluation() left: the counts of each picture, the policy of the scores, and {class: IoU} (null
/// for a class that is in no picture).
std::vector<Tally> read_picture_counts(const std::string& folder);
ScoreOptions read_score_options(const std::string& folder);
JsonObject class_ious(const std::string& folder);

/// Keys: those of read_predict_options(), exif, absent, background_in_mean, bootstrap, boundary.
EvaluateOptions read_evaluate_options(const Config& config);

}  // namespace clearcut
