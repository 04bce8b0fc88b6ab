// Augmentation for training: the operators that the released PSSL recipes use. Every random number is keyed
// by (seed, operator, item id, step), so a picture's augmentation depends on neither batch nor thread.
// Source: PaddleSeg transforms/transforms.py and functional.py (behaviour, not code).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "data/resize.h"
#include "tensor/random.h"

namespace clearcut {

/// A picture on its way into a batch. labels is undefined for classification.
struct LabelledPicture {
  Tensor image;         // float32 [H, W, 3], RGB, 0..255
  Tensor labels;        // int32 [H, W]
  Tensor weights = {};  // int32 [H, W] of the labels' pixels, in steps of 1/255; goes where the labels go,
                        // and padding weighs nothing; undefined: all alike
};
/// step is the epoch: the same picture is augmented anew in each.
struct RandomKey {
  std::uint64_t seed = 0, item = 0;
  std::uint32_t step = 0;
};
using Transform = std::function<void(LabelledPicture&, const RandomKey&)>;

/// The picture as float32. labels may have another size than the image as long as the sides' ratio agrees;
/// each is resized from its own size.
LabelledPicture to_sample(const Tensor& picture, const Tensor& labels = {}, const Tensor& weights = {});

/// min(H, W) (or max) becomes `side`; both sides rounded half to even, as Python's round does. Image plain
/// bilinear, labels nearest, each from its own size.
void resize_by_short(LabelledPicture& x, std::int64_t side);
void resize_by_long(LabelledPicture& x, std::int64_t side);
/// Both sides as given, the aspect ratio is not kept.
void resize_to(LabelledPicture& x, std::int64_t height, std::int64_t width);

/// Scales by f: f ~ U[min, max] if step is 0, else one of min, min + step, ..., max with equal chance.
struct StepScaling {
  double min = 0.5, max = 2.0, step = 0.25;
};
void resize_step_scaling(LabelledPicture& x, const StepScaling& options, const RandomKey& key);

/// Pads right and bottom up to height x width, then cuts that window at a uniform position; with the chance
/// `foreground` at one that holds a pixel of the foreground: a class other than the background that the
/// labels have, each as likely, one of its pixels, and one of the windows around that (where there is none:
/// any). Source of that: Isensee et al., nnU-Net, Nature Methods 2021 (oversampling of foreground).
struct PaddingCrop {
  std::int64_t height = 512, width = 512;
  float image_value = 127.5F;
  std::int32_t label_value = 255;  // the ignore value; 1001 for PSSL
  double foreground = 0;
  std::int32_t background = -1;  // its label; -1: there is none
};
void random_padding_crop(LabelledPicture& x, const PaddingCrop& options, const RandomKey& key);

/// Mirrors left to right with the given chance.
void random_horizontal_flip(LabelledPicture& x, double chance, const RandomKey& key);

/// Colour changes in random order, each with its chance: brightness, contrast, saturation and sharpness
/// by a factor U[1 - range, 1 + range] (PIL's ImageEnhance on 8-bit pixels), hue by U[-range, range] added to
/// the H of an 8-bit HSV picture with wrap-around. The image is cut to uint8 first. Labels stay.
struct Distort {
  double brightness = 0.5, contrast = 0.5, saturation = 0.5, sharpness = 0.5, hue = 18;
  double brightness_chance = 0.5, contrast_chance = 0.5, saturation_chance = 0.5, sharpness_chance = 0,
         hue_chance = 0.5;
};
void random_distort(LabelledPicture& x, const Distort& options, const RandomKey& key);

/// The single steps of random_distort on uint8 [H, W, 3], bit-equal to PIL.
Tensor enhance_brightness(const Tensor& picture, double factor);
Tensor enhance_contrast(const Tensor& picture, double factor);
Tensor enhance_saturation(const Tensor& picture, double factor);
Tensor enhance_sharpness(const Tensor& picture, double factor);
Tensor shift_hue(const Tensor& picture, double delta);

/// Pads right and bottom to height x width (image 127.5, labels the ignore value); throws Error if the
/// picture is larger. The old size is returned: crop(y, 0, 0, height, width) removes the padding again.
struct PaddedFrom {
  std::int64_t height = 0, width = 0;
};
PaddedFrom pad_to(LabelledPicture& x, const PaddingCrop& options);

/// For training classifiers: a box of area share U[min_area, max_area] and log-uniform aspect ratio in
/// [3/4, 4/3], cut and resized to height x width with the antialiased filter; the centred square after ten
/// misses. Source: Szegedy et al., "Going deeper with convolutions", CVPR 2015, section 6.
struct RandomResizedCrop {
  std::int64_t height = 224, width = 224;
  double min_area = 0.08, max_area = 1.0;
};
void random_resized_crop(LabelledPicture& x, const RandomResizedCrop& options, const RandomKey& key);

/// float32 [3, H, W]: (x / 255 - mean[c]) / deviation[c].
struct Normalize {
  std::array<double, 3> mean = {0.5, 0.5, 0.5}, deviation = {0.5, 0.5, 0.5};
};
Tensor normalize(const Tensor& image, const Normalize& options = {});

}  // namespace clearcut
