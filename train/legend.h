// A legend for label colours, as a picture.
#pragma once

#include <string>
#include <vector>

#include "data/label_png.h"
#include "tensor/tensor.h"

namespace clearcut {

/// A colour box and the name of each class, in as many rows as `width` asks for: uint8 [h, width, 3], dark
/// text on white. Letters outside A-Z, a-z, 0-9, space and _-.+/ are drawn as a box; names that do not fit
/// are cut.
Tensor legend_picture(const std::vector<std::string>& names, const std::vector<Rgb>& colours,
                      std::int64_t width);

/// The rows of `below` under those of `above`; the narrower one is filled with white at its right.
Tensor stack_pictures(const Tensor& above, const Tensor& below);

}  // namespace clearcut
