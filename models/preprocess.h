// From a picture to the input of a classifier, and from a map over that input back to the picture.
#pragma once

#include <cstdint>
#include <vector>

#include "data/resize.h"
#include "tensor/tensor.h"

namespace clearcut {

/// Which part of the picture the input shows.
enum class Framing : std::uint8_t {
  kWhole,       ///< the whole picture, stretched to the input size: the default for explanations
  kCentreCrop,  ///< the centred square of side crop * min(H, W), fractional coordinates ("exact-crop")
  kShortSide,   ///< the whole picture, its shorter side resized to the input's shorter side, proportions
                ///< kept; only for networks that take any size
};

/// How a network wants its input: pixels resized, rounded to 8 bits, then normalised as `pixels` says (order
/// of channels, mean, scale).
struct Preprocess {
  std::int64_t height = 224, width = 224;
  Filter filter = Filter::kTriangle;
  PixelScale pixels;
  double crop = 0.875;    // of the shorter side, for kCentreCrop
  bool any_size = false;  // the network takes other input sizes than height x width
};

/// What an input shows: a box of the picture, in pixels.
struct Frame {
  Box box;
  std::int64_t picture_height = 0, picture_width = 0;
  std::int64_t input_height = 0, input_width = 0;
};

/// Throws Error for an empty picture, a crop outside (0, 1], and for kShortSide if the network takes one size
/// only.
Frame frame_of(const Preprocess& rule, std::int64_t picture_height, std::int64_t picture_width,
               Framing framing = Framing::kWhole);

/// picture uint8 [H, W, 3] RGB -> normalised float32 [3, h, w].
Tensor to_input(const Preprocess& rule, const Tensor& picture, Framing framing = Framing::kWhole);

/// Pictures -> batch float32 [N, 3, h, w]. Throws Error if their inputs differ in size (kShortSide).
Tensor to_batch(const Preprocess& rule, const std::vector<Tensor>& pictures,
                Framing framing = Framing::kWhole);

/// The picture that a normalised input [3, h, w] shows, uint8 [h, w, 3] RGB: the normalisation undone,
/// rounded.
Tensor to_picture(const Preprocess& rule, const Tensor& input);

/// map float32 [a, b] over the whole input, of any resolution -> float32 [H, W] over the picture: bilinear
/// with half-pixel centres, border cells repeated inside the frame; pixels whose centre lies outside the
/// frame get `outside`.
Tensor map_to_picture(const Frame& frame, const Tensor& map, float outside = 0);

}  // namespace clearcut
