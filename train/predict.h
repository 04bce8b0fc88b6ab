// From a trained segmentation network and a picture to a label map.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/jsonl.h"
#include "data/transforms.h"
#include "models/card.h"
#include "train/progress.h"

namespace clearcut {

struct PredictOptions {
  std::int64_t resize_short = 0;  // the picture's shorter side becomes this before the network; 0: as it is
  std::vector<double> scales = {1};  // logits of the resized normalised inputs are averaged
  bool flip = false;                 // each scale also mirrored
};

/// Logits at the picture's size: float32 [C, H, W].
///
///   mean over scales (and mirror images) of  resize(network(resize(normalised picture, scale)), H x W)
///
/// picture  uint8 [H, W, 3]; all resizing is bilinear with half-pixel centres
/// Source: spec section 4 (whole picture, "flip", "ms+flip").
Tensor predict_logits(Segmenter& model, const Tensor& picture, const Normalize& normalize,
                      const PredictOptions& options = {});

/// Per pixel the class with the largest logit (the lowest index among equals): int32 [H, W].
Tensor predict_labels(Segmenter& model, const Tensor& picture, const Normalize& normalize,
                      const PredictOptions& options = {});
Tensor argmax_classes(const Tensor& logits);

/// The normalisation of a network's input as the transforms of training write it, and back.
Normalize normalize_of(const PixelScale& pixels);
PixelScale pixels_of(const Normalize& normalize);

struct PredictFiles {
  std::vector<std::string> pictures;  // files
  std::string out;                    // folder for NAME.png (labels) and NAME.overlay.png
  bool overlay = true;
  bool probabilities = false;  // NAME.npz: probabilities float32 [C, H, W]
  bool overwrite = false;
  bool apply_exif = false;
  std::int64_t max_failures = -1;  // an Error after more than so many; -1: never
  PredictOptions options = {};
  ProgressStyle progress = ProgressStyle::kNone;
};

/// Predicts every picture and writes its files; existing ones are kept unless overwrite. Names are the
/// pictures' own without the ending; two of the same name are an Error before any work. A picture that fails
/// is listed in the result and in out/failures.jsonl, the others are done. Also writes out/legend.png and
/// out/classes.txt.
std::vector<Failure> predict_files(TrainedSegmenter& trained, const PredictFiles& job);

/// Pictures below the given files and folders (endings jpg, jpeg, png; any case), in order of name.
std::vector<std::string> find_pictures(const std::vector<std::string>& inputs);

}  // namespace clearcut
