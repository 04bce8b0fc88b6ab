// Data sets and augmentation as configurations describe them.
#pragma once

#include <vector>

#include "data/dataset.h"
#include "data/transforms.h"

namespace clearcut {

class Config;

/// Keys: format, root, list, split, classes, labels, images, masks, ignore, limit, pssl_minus_one_ignored
/// (see DatasetSpec), pixel_weights (every item must have them), select (a file of item names). Format auto:
/// root is a CSV file of image labels, or a folder with labels.csv, or one folder per class.
struct DatasetConfig {
  DatasetSpec spec;
  std::string select;
};
DatasetConfig read_dataset_config(const Config& config);
Dataset open_dataset(const DatasetConfig& config);

/// Augmentation in the order in which it runs.
///
///   resize_short: N | resize_long: N | resize: [H, W]          first
///   resized_crop: {size: [H, W], min_area: A, max_area: B}     for classifiers, in place of scale and crop
///   scale: {min: A, max: B, step: S}                           S = 0: any factor between
///   crop: [H, W]                                               pads right and bottom where needed
///   foreground: P                                              chance of a crop around a pixel of a class
///   flip: P
///   distort: {brightness, contrast, saturation, hue}           absent: none
///
/// label_pad: the label value of padding; background: the class that is no foreground, -1: none. Throws
/// ConfigError on keys that exclude each other.
std::vector<Transform> read_augmentation(const Config& config, int label_pad, int background = -1);

/// The size that augmented samples have, if the keys fix one: {0, 0} otherwise.
struct SampleSize {
  std::int64_t height = 0, width = 0;
};
SampleSize read_sample_size(const Config& config);

/// Keys mean, deviation: three numbers each, of pixels / 255. Default 0.5 (spec section 10).
Normalize read_normalize(const Config& config);

}  // namespace clearcut
