// CIE-Lab colours: distances in them follow what people see.
#pragma once

#include <array>

#include "tensor/tensor.h"

namespace clearcut {

/// sRGB in [0, 1] -> CIE-Lab (L in [0, 100]) for the D65 white point (0.95047, 1, 1.08883), 2 degrees.
/// Source: IEC 61966-2-1 (sRGB), CIE 15 (Lab); constants with the digits that OpenCV and scikit-image use, so
/// that superpixels can be compared with theirs.
std::array<double, 3> srgb_to_lab(double red, double green, double blue);

/// picture uint8 [H, W, 3] RGB -> float64 [H, W, 3] Lab. With `stretch` the values are first moved to
/// [0, 1] by the picture's own minimum and maximum (a picture of one value stays as it is), else divided by
/// 255.
Tensor picture_to_lab(const Tensor& picture, bool stretch);
/// picture uint8 [H, W, 3] -> float64 [H, W, 3] in [0, 1].
Tensor picture_to_unit(const Tensor& picture);

/// Gaussian smoothing of float64 [H, W, C] along both sides, mirrored at the borders (d c b a | a b c d),
/// cut at `radius` pixels. Deviation 0 returns x.
Tensor smooth(const Tensor& x, double deviation, int radius);
/// Where SciPy cuts: 4 deviations, rounded.
int smoothing_radius(double deviation);
/// factor * x, float64 of any shape.
Tensor scaled(const Tensor& x, double factor);

}  // namespace clearcut
