#include "tensor/ops/soft_grid.h"

#include <vector>

namespace clearcut {

namespace ops {

void soft_grid(const Tensor& grid, Size2 cell, Size2 corner, const Tensor& mask) {
  check_rank("soft_grid", "grid", grid, 2, "[k, k]");
  check_rank("soft_grid", "mask", mask, 2, "[H, W]");
  check_same_kind("soft_grid", grid, mask);
  const std::int64_t k = grid.dim(0), H = mask.dim(0), W = mask.dim(1);
  check(k >= 1 && grid.dim(1) == k, "soft_grid", "the grid must be [k, k] with k >= 1; got ", grid.shape());
  const Size2 large{(k + 1) * cell.h, (k + 1) * cell.w};
  check(corner.h >= 0 && corner.w >= 0 && corner.h + H <= large.h && corner.w + W <= large.w, "soft_grid",
        "the mask ", mask.shape(), " must lie within the ", large, " pixels of ", k, " + 1 cells of ", cell,
        "; got the corner ", corner);
  on<Floats>("soft_grid", grid.device(), grid.dtype(), [&]<class T>(auto tag) {
    kernels::soft_grid(
        tag,
        kernels::SoftGridView<T>{
            .grid = grid.data<const T>(), .k = k, .cell = cell, .corner = corner, .size = {H, W}},
        mask.data<T>());
  });
}

}  // namespace ops

namespace kernels {

template <class T>
void soft_grid(Reference, const SoftGridView<T>& g, T* mask) {
  std::vector<SoftGridPlace> columns;
  for (std::int64_t x = 0; x < g.size.w; ++x) columns.push_back(g.column(x));
  std::vector<double> line(static_cast<std::size_t>(g.k));  // the row between two of the grid
  for (std::int64_t y = 0; y < g.size.h; ++y) {
    const SoftGridPlace row = g.row(y);
    const T *low = g.grid + row.low * g.k, *high = g.grid + row.high * g.k;
    for (std::int64_t j = 0; j < g.k; ++j)
      line[static_cast<std::size_t>(j)] = (1 - row.share) * low[j] + row.share * high[j];
    for (std::int64_t x = 0; x < g.size.w; ++x) {
      const SoftGridPlace& column = columns[static_cast<std::size_t>(x)];
      mask[y * g.size.w + x] =
          static_cast<T>((1 - column.share) * line[static_cast<std::size_t>(column.low)] +
                         column.share * line[static_cast<std::size_t>(column.high)]);
    }
  }
}

template void soft_grid(Reference, const SoftGridView<float>&, float*);
template void soft_grid(Reference, const SoftGridView<double>&, double*);

}  // namespace kernels

}  // namespace clearcut
