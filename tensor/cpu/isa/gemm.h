// The inner loops of the matrix product, one table per instruction set; tensor/cpu/gemm.h calls them.
#pragma once

#include <stdint.h>

namespace clearcut::isa {

/// c[r][v] (+)= init[r] + sum over k of a[r * a_row + k * a_k] * b[k * b_k + v], for r < rows and v < vectors
/// * lanes, and one more with `lone`. Each element is one chain of multiply-adds in the order of k, whatever
/// rows and vectors are. With `finish` the values are then min(max(value + plus[r][v], low), high).
struct GemmTile {
  int64_t rows, vectors;  // 1 .. max_rows, 1 .. max_vectors
  bool lone = false;  // 49 pixels: 3 vectors and a column; wants a_row 1 or rows 1, a vector behind a is read
  int64_t k;
  const float* a;
  int64_t a_row, a_k;
  const float* b;
  int64_t b_k;
  float* c;
  int64_t c_row;
  const float* init;  // one value per row, or null for 0
  bool add;           // to what c holds
  bool finish = false;
  float low = 0, high = 0;
  const float* plus = nullptr;  // rows c_row apart, or null for 0
  // Floats from a to what is fetched meanwhile, a row after the other: where c has few columns a streams, and
  // where a is read in place, the next tile's rows are not foreseen.
  int64_t ahead = 512;
};

/// Columns of a panel that stand side by side in the source from `from` on. `to` is the first one's place in
/// row 0 of the panel, whose rows are `width` apart.
struct ColumnRun {
  float* to;
  int64_t width;
  int64_t from, length;
};

/// run.to[i * run.width + j] = source[row_offset[i] + run.from + j] for all i < k, runs and j < run.length,
/// the runs in their order for each i. Whole vectors are copied, so up to lanes - 1 floats behind a run are
/// overwritten; nothing is read at or behind source_end.
struct PanelCopy {
  const float* source;
  const float* source_end;
  const int64_t* row_offset;
  int64_t k;
  const ColumnRun* runs;
  int64_t run_count;
};

/// to[j * width + i] = from[i * from_row + j] for i < rows, j < cols. width >= rows; places of a column
/// behind its rows may hold values of its first row afterwards.
struct PanelTranspose {
  const float* from;
  int64_t from_row;
  int64_t rows, cols;
  float* to;
  int64_t width;
};

/// c[i * c_row + j * c_col] = sum over t of a[i * a_row + t] * b[j * b_row + t] for t < k, i < rows, j <
/// cols, by `lanes` partial sums each: the bits of an element depend on k alone.
struct DotBlock {
  const float* a;
  int64_t a_row;
  const float* b;
  int64_t b_row;
  int64_t k, rows, cols;
  float* c;
  int64_t c_row, c_col;
};

struct GemmKernels {
  int64_t lanes, max_rows, max_vectors;
  void (*tile)(const GemmTile&);
  void (*copy_panels)(const PanelCopy&);
  void (*transpose_panel)(const PanelTranspose&);
  void (*dots)(const DotBlock&);
};

namespace baseline {
extern const GemmKernels gemm_kernels;
}
namespace avx2 {
extern const GemmKernels gemm_kernels;
}
namespace avx512 {
extern const GemmKernels gemm_kernels;
}

}  // namespace clearcut::isa
