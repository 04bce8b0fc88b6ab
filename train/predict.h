// From a trained segmentation network and a picture to a label map.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/jsonl.h"
#include "data/transforms.h"
#include "models/card.h"
#include "tensor/window.h"
#include "train/progress.h"

namespace clearcut {

class Config;

/// How windows are weighted where they overlap.
enum class Blend {
  kMean,   // all alike
  kGauss,  // the middle more than the rim: exp(-z^2 / 2), z = distance from the middle / (side / 8), per axis
};
Blend blend_from_name(std::string_view name);  // "mean", "gauss"

struct PredictOptions {
  std::int64_t resize_short = 0;  // the picture's shorter side becomes this before the network; 0: as it is
  Size2 pad = {0, 0};  // smaller inputs are padded right and bottom to this with 127.5; 0: they are not
  std::vector<double> scales = {1};  // logits of the resized normalised inputs are averaged
  bool flip = false;                 // each scale also mirrored
  Size2 window = {0, 0};             // the network sees windows of this size; 0: the whole input at once
  double stride = 0.5;               // from one window to the next, as a share of the window, in (0, 1]
  Blend blend = Blend::kGauss;
  std::size_t memory = std::size_t{256}
                       << 20;  // bytes of all classes' logits at the picture's size at a time
};
/// Keys: resize_short, pad: [H, W], scales, flip, slide: [H, W] (the window), stride, blend: mean | gauss.
PredictOptions read_predict_options(const Config& config);

/// Logits at the picture's size: float32 [C, H, W], as train/logit_views.h says.
///
/// picture  uint8 [H, W, 3]; all resizing is bilinear with half-pixel centres
Tensor predict_logits(Segmenter& model, const Tensor& picture, const Normalize& normalize,
                      const PredictOptions& options = {});

/// Per pixel the class with the largest logit (the lowest index among equals): int32 [H, W]. Needs
/// options.memory beside the network's own; the labels do not depend on it.
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
  bool probabilities = false;  // NAME.npz: probabilities float32 [C, H, W], whatever options.memory says
  bool overwrite = false;
  bool apply_exif = false;
  std::int64_t max_failures = -1;  // an Error after more than so many; -1: never
  PredictOptions options = {};
  ProgressStyle progress = ProgressStyle::kNone;
};

/// Predicts every picture and writes its files; a picture whose files are all there is left as it is unless
/// overwrite. Names are the pictures' own without the ending; two of one name, and a file that would replace
/// a picture, are an Error before any work. A picture that fails is listed in the result and in
/// out/failures.jsonl, the others are done. Also writes out/legend.png and out/classes.txt.
std::vector<Failure> predict_files(TrainedSegmenter& trained, const PredictFiles& job);

/// The given files, and the pictures below the given folders (endings jpg, jpeg, png; any case) but not below
/// the folder `out`, in order of name.
std::vector<std::string> find_pictures(const std::vector<std::string>& inputs, const std::string& out);

}  // namespace clearcut
