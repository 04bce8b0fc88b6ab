// Whether a map's numbers say how the score changes, and whether small changes of the picture leave the map
// as it is. Their rows in the table are fidelity_measures().
#pragma once

#include <vector>

#include "explain/measures/measure.h"

namespace clearcut {

/// mean of (beta a_i - d_i)^2 over the changes i of a picture: a_i what the map promises, d_i what the score
/// lost. beta = sum a d / sum a^2 with `scaled` (0 where all a_i are 0), else 1. Yeh 2019 (1901.09392).
double infidelity(const std::vector<double>& promised, const std::vector<double>& lost, bool scaled);

/// Squares of the library: sides 1/7, 2/7 and 4/7 of the shorter side of the input (32, 64, 128 of 224), at
/// every 28th part of it (8 pixels), as many as lie inside.
struct Square {
  std::int64_t top, left, side;
};
std::vector<Square> infidelity_squares(std::int64_t height, std::int64_t width);

}  // namespace clearcut
