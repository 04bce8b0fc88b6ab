// A few numbers on a grid as a mask without edges over a picture: what RISE looks through.
#pragma once

#include "tensor/views.h"
#include "tensor/window.h"

namespace clearcut::ops {

/// mask[y, x] = (1 - t) ((1 - s) g[i, j] + s g[i, j']) + t ((1 - s) g[i', j] + s g[i', j']) where row
/// corner.h + y of the large grid lies between rows i and i' of the small one, i' by t, and column
/// corner.w + x between j and j' by s. The large grid has (k + 1) cell.h x (k + 1) cell.w pixels; places as
/// in soft_grid_place().
///
/// grid     float32 or float64 [k, k]
/// mask     [H, W], written, of the dtype of grid
/// Throws Error if dtypes or devices differ, or the part at `corner` does not lie in the large grid. Sums in
/// double. Source: Petsiuk 2018 (1806.07421), as in its authors' code.
void soft_grid(const Tensor& grid, Size2 cell, Size2 corner, const Tensor& mask);

}  // namespace clearcut::ops

namespace clearcut::kernels {

/// A line of the large grid: between lines low and high of the small one, (1 - share) low + share high.
struct SoftGridPlace {
  std::int64_t low, high;
  double share;
};
/// Line i of `size` that k lines are brought up to: half-pixel centres, mirrored at the middle of the border
/// cells.
constexpr SoftGridPlace soft_grid_place(std::int64_t i, std::int64_t size, std::int64_t k) {
  const double last = static_cast<double>(k - 1);
  double at = (static_cast<double>(i) + 0.5) * static_cast<double>(k) / static_cast<double>(size) - 0.5;
  if (at < 0) at = -at;
  if (at > last) at = 2 * last - at;
  if (at < 0) at = 0;
  const auto low = static_cast<std::int64_t>(at);
  return {low, low + 1 < k ? low + 1 : low, at - static_cast<double>(low)};
}

/// The part H x W at `corner` of a grid brought up.
template <class T>
struct SoftGridView {
  const T* grid;
  std::int64_t k;
  Size2 cell, corner, size;

  constexpr SoftGridPlace row(std::int64_t y) const {
    return soft_grid_place(corner.h + y, (k + 1) * cell.h, k);
  }
  constexpr SoftGridPlace column(std::int64_t x) const {
    return soft_grid_place(corner.w + x, (k + 1) * cell.w, k);
  }
};

/// The formula above.
template <class T>
void soft_grid(Reference, const SoftGridView<T>& grid, T* mask);
template <class T>
void soft_grid(Cuda, const SoftGridView<T>& grid, T* mask);

}  // namespace clearcut::kernels
