// The packed, blocked product behind matmul and convolution on the CPU.
//
// c[m, j] = init[m] + sum over k of a[m, k] * b[k, j]. Each task owns a block of rows and columns of c: for
// each block of k, columns of b stand in panels that stay in the second cache, and a register tile runs over
// each pair of a panel of a (a tile's height) and one of b (after Goto and van de Geijn, "Anatomy of
// high-performance matrix multiplication", 2008, with the roles of a and b swapped). Many columns: the rows
// of a are packed once and each task packs its columns. Few columns: those are packed once, and each task
// packs its rows as it goes. The columns need not be a matrix: a convolution packs the patches of a map
// straight into the panels.
//
// Each element of c is summed in the order of k in blocks that depend on K alone: its bits do not depend on
// threads, tasks, or on the other columns (the other pictures of a batch).
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "tensor/cpu/isa.h"
#include "tensor/memory.h"

namespace clearcut {
inline std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }  // of counts
}  // namespace clearcut

namespace clearcut::gemm {

/// Columns of c as pixels: column j is (image, row, col) of a grid, col fastest. A plain matrix is {1, 1, N}.
struct Grid {
  std::int64_t images = 1, rows = 1, cols = 1;
  std::int64_t count() const { return images * rows * cols; }
};

/// Columns [j0, j1) of b, side by side: b[k, j] is at data[(k - k0) * width + j - j0].
struct Panel {
  std::int64_t j0, j1;
  float* data;
  std::int64_t width;
};

/// Row k of a panel begins at data + k * stride.
struct PanelRows {
  const float* data = nullptr;
  std::int64_t stride = 0;
};

/// Where the elements of b stand.
class Columns {
 public:
  virtual ~Columns() = default;
  /// Fills panels with the elements k0 <= k < k1 of their columns, which ascend. Columns behind j1 - j0 are
  /// left as they are. A panel has kSlack floats more than (k1 - k0) * width, which may be overwritten.
  virtual void pack(std::int64_t k0, std::int64_t k1, const std::vector<Panel>& panels) const = 0;
  /// The columns of a panel where they are, if they stand side by side already.
  virtual PanelRows in_place(const Panel&) const { return {}; }
};
constexpr std::int64_t kSlack = 64;

/// b[k, (image, row, col)] = source[offset[k] + image * image_stride + row * row_stride + col]. With k_stride
/// > 0 offset[k] is k * k_stride, and panels within one row of the grid are found in place.
struct PatchColumns : Columns {
  const float* source = nullptr;
  const float* source_end = nullptr;  // nothing is read from here on
  const std::int64_t* offset = nullptr;
  Grid grid;
  std::int64_t image_stride = 0, row_stride = 0, k_stride = 0;
  void pack(std::int64_t k0, std::int64_t k1, const std::vector<Panel>& panels) const override;
  PanelRows in_place(const Panel& panel) const override;
};

/// b[k, j] = source[j * stride + k]: the transpose of a row-major matrix.
struct TransposedColumns : Columns {
  const float* source = nullptr;
  std::int64_t stride = 0;
  void pack(std::int64_t k0, std::int64_t k1, const std::vector<Panel>& panels) const override;
};

/// Where c goes: c[m, (image, row, col)] is at data[image * image_stride + m * m_stride + row * row_stride +
/// col * col_stride].
struct Output {
  float* data = nullptr;
  Grid grid;
  std::int64_t image_stride = 0, m_stride = 0, row_stride = 0, col_stride = 1;
};

/// The left matrix: element (m, k) is at data[m * m_stride + k * k_stride].
struct Left {
  const float* data = nullptr;
  std::int64_t M = 0, K = 0;
  std::int64_t m_stride = 0, k_stride = 1;
};

/// The rows of a Left in panels: rows m .. m + height of one panel lie [k][height]. A left matrix that meets
/// few columns is packed in pieces by its user, or read where it is.
class PackedLeft {
 public:
  PackedLeft(const Left& a, std::int64_t columns);
  /// Fills a, a_row and a_k of a tile for rows [m, m + rows), k from k0 on, tile.k of them; m is a multiple
  /// of max_rows. `piece` has room for max_rows * tile.k floats and is used where rows are packed in pieces.
  void aim(isa::GemmTile& tile, std::int64_t m, std::int64_t k0, float* piece) const;
  std::int64_t M() const { return left_.M; }
  std::int64_t K() const { return left_.K; }

 private:
  enum class Mode { kAtOnce, kInPieces, kInPlace };
  // Rows [m, m + height), k from k0 to k1.
  void pack(std::int64_t m, std::int64_t k0, std::int64_t k1, float* to) const;
  std::int64_t height(std::int64_t m) const;

  Left left_;
  const isa::GemmKernels* kernels_;
  Mode mode_;
  Scratch<float> panels_;
};

/// What becomes of each value: min(max(init[m] + sum + add, low), high), with what c holds as another term
/// where it accumulates.
struct Finish {
  const float* init = nullptr;  // one value per row, or null for 0
  const float* add = nullptr;   // laid out like c, or null for 0; not c itself
  float low = -std::numeric_limits<float>::infinity(), high = std::numeric_limits<float>::infinity();
  bool accumulate = false;  // to what c holds
  bool only_init() const { return add == nullptr && low == -high && std::isinf(high); }
};

/// c = a b, finished. K = 0 gives init. A finish that is more than init wants columns of c side
/// by side (col_stride 1).
void multiply(const PackedLeft& a, const Columns& b, const Finish& finish, const Output& c);

/// Widths of the panels of `columns` columns: whole vectors, as equal as can be and at most `most`. With
/// `lone_column` the last panel takes one column more where that saves a vector (49 pixels of a 7 x 7 map).
struct PanelWidths {
  PanelWidths(std::int64_t columns, std::int64_t lanes, std::int64_t most, bool lone_column = false);
  std::int64_t panels, vectors, lanes, lone;
  std::int64_t first_column(std::int64_t panel) const {
    return panel * vectors / panels * lanes + (panel == panels ? lone : 0);
  }
  std::int64_t width() const { return first_column(panels); }
};

/// Up to so many panels count as few columns: all of them fit a second cache of 1 MiB for one block of k, 5 *
/// 48 columns * 384 * 4 bytes.
constexpr std::int64_t kFewPanels = 5;

/// The panels [begin, end) of columns [j0, j0 + N), one behind the other in `block`, for K terms; floats_of()
/// is the room that they take.
std::vector<Panel> panels_of(const PanelWidths& widths, std::int64_t begin, std::int64_t end, std::int64_t j0,
                             std::int64_t N, std::int64_t K, float* block);
std::int64_t floats_of(std::int64_t panels, std::int64_t columns, std::int64_t K);

/// Columns [j0, j1) of b, packed once for products on the calling thread. K should be small enough that they
/// stay in the second cache.
class ColumnPanels {
 public:
  ColumnPanels(const Columns& b, std::int64_t K, std::int64_t j0, std::int64_t j1);
  std::int64_t width() const { return widths_.width(); }  // j1 - j0, or more: whole vectors
  /// c[(m - m0) * width() + j - j0] = sum over k of a[m, k] b[k, j] for m0 <= m < m1; m0 is a multiple of the
  /// rows of a tile. What stands in columns behind j1 is arbitrary.
  void multiply(const PackedLeft& a, std::int64_t m0, std::int64_t m1, float* c) const;

 private:
  PanelWidths widths_;
  std::int64_t K_;
  Scratch<float> block_;
  std::vector<Panel> panels_;
};

/// Calls body(column within [j0, j1) minus j0, image, row, col, length) for each stretch of columns that
/// share image and row.
template <class Body>
void for_each_run(const Grid& grid, std::int64_t j0, std::int64_t j1, const Body& body) {
  std::int64_t col = j0 % grid.cols, row = j0 / grid.cols % grid.rows, image = j0 / grid.cols / grid.rows;
  for (std::int64_t j = j0; j < j1;) {
    const std::int64_t length = grid.cols - col < j1 - j ? grid.cols - col : j1 - j;
    body(j - j0, image, row, col, length);
    j += length;
    col = 0;
    if (++row == grid.rows) row = 0, ++image;
  }
}

}  // namespace clearcut::gemm
