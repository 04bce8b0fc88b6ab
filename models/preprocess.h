// From a picture to the input of a classifier, and from a map over that input back to the picture.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace clearcut {

enum class ChannelOrder : std::uint8_t { kRgb, kBgr };

/// Which part of the picture the input shows.
enum class Framing : std::uint8_t {
  kWhole,       ///< the whole picture, stretched to the input size: the default for explanations
  kCentreCrop,  ///< the centred square of side crop x shorter side, at fractional coordinates ("exact-crop")
  kShortSide,   ///< the whole picture, its shorter side resized to the input's; sides differ, so only for
                ///< networks that take any size
};

/// How a network wants its input: input[c] = (pixel[c] - mean[c]) * scale[c], pixel 0..255 rounded to 8 bits
/// after an antialiased (triangle) resize. mean and scale are in the order of `channels`.
struct Preprocess {
  std::int64_t height = 224, width = 224;
  ChannelOrder channels = ChannelOrder::kRgb;
  std::array<float, 3> mean = {0, 0, 0};
  std::array<float, 3> scale = {1, 1, 1};
  double crop = 0.875;    // of the shorter side, for kCentreCrop
  bool any_size = false;  // the network takes other input sizes than height x width (kShortSide)
};

/// The rectangle of the picture that an input shows, in pixel edges (the picture is [0, height] x [0,
/// width]).
struct Frame {
  double top = 0, left = 0, height = 0, width = 0;
  std::int64_t picture_height = 0, picture_width = 0;
  std::int64_t input_height = 0, input_width = 0;
};

/// Throws Error for an empty picture, and for kShortSide if the network takes one size only.
Frame frame_of(const Preprocess& rule, std::int64_t picture_height, std::int64_t picture_width,
               Framing framing = Framing::kWhole);

/// picture uint8 [H, W, 3] RGB -> normalised float32 [3, h, w].
Tensor to_input(const Preprocess& rule, const Tensor& picture, Framing framing = Framing::kWhole);

/// Pictures -> batch float32 [N, 3, h, w]; with kShortSide all frames must have one input size.
Tensor to_batch(const Preprocess& rule, const std::vector<Tensor>& pictures,
                Framing framing = Framing::kWhole);

/// The picture that a normalised input [3, h, w] shows: uint8 [h, w, 3] RGB. Inverse of the normalisation.
Tensor to_picture(const Preprocess& rule, const Tensor& input);

/// map float32 [a, b] over the whole input, of any resolution -> float32 [H, W] over the picture: bilinear
/// with half-pixel centres, edge cells extended inside the frame; pixels outside the frame get `outside`.
Tensor map_to_picture(const Frame& frame, const Tensor& map, float outside = 0);

}  // namespace clearcut
