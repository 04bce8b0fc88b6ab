// A sheet: pictures with captions in a grid, as one picture.
#pragma once

#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace clearcut {

struct SheetCell {
  Tensor picture;                // uint8 [H, W, 3]
  std::string title, text = {};  // the text is wrapped
  bool ramp = false;             // the colours of heat_picture() below it, `low` to `high`
  double low = 0, high = 0;
};

/// uint8 [h, w, 3], white, `columns` cells side by side. Every picture is shrunk or stretched (triangle
/// filter; pictures of fewer pixels: repeated) to `width` pixels, its shape kept; a row is as high as its
/// highest cell. Under each: title, ramp with its two ends, text.
Tensor draw_sheet(const std::vector<SheetCell>& cells, std::int64_t columns, std::int64_t width = 224);

}  // namespace clearcut
