// Pictures for people: heat maps, label colours, overlays.
#pragma once

#include <vector>

#include "data/label_png.h"
#include "tensor/tensor.h"

namespace clearcut {

/// The colour of t in [0, 1]: dark violet over green to yellow, even steps for the eye and readable in gray.
/// Straight lines between eight points of the "viridis" ramp (Smith & van der Walt, public domain CC0).
Rgb heat_colour(double t);

/// A map float32 [H, W] as uint8 [H, W, 3]: min-max scaled over this map; a flat map is drawn in gray so that
/// it cannot be taken for a weak one.
Tensor heat_picture(const Tensor& map);

/// Labels int32 [H, W] in the colours of their classes; `ignore` is light gray, ids without colour are black.
Tensor label_picture(const Tensor& labels, const std::vector<Rgb>& colours, int ignore = 255);

struct OverlayOptions {
  double opacity = 0.55;  // of the label colours
  int background = 0;     // shows the picture itself; -1: no class does
  int ignore = 255;
  bool outline = true;  // full colour on the pixels where the class changes
};
/// Label colours laid over a picture uint8 [H, W, 3]; labels int32 [H, W] of the same size.
Tensor overlay(const Tensor& picture, const Tensor& labels, const std::vector<Rgb>& colours,
               const OverlayOptions& options = {});

}  // namespace clearcut
