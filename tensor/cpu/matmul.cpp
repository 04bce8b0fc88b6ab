// Fast matrix product: picks the side that is packed, or dot products where both sides are read along k.
#include "tensor/ops/matmul.h"

#include <algorithm>

#include "tensor/cpu/gemm.h"
#include "tensor/parallel.h"

namespace clearcut::kernels {

namespace {

using View = Matrices<const float>;

View transposed(const View& x) {
  return {x.data, x.batch, x.cols, x.rows, x.batch_stride, x.col_stride, x.row_stride};
}
Matrices<float> transposed(const Matrices<float>& x) {
  return {x.data, x.batch, x.cols, x.rows, x.batch_stride, x.col_stride, x.row_stride};
}

// A linear layer: rows of a and columns of b both stand side by side in k. Nothing is packed, and the weights
// are read once however few rows there are: a batch of one runs at the speed of memory.
constexpr std::int64_t kLeastDotLength = 512;  // below, adding up the lanes costs too much

void by_dots(const View& a, const View& b, const Matrices<float>& c) {
  const std::int64_t work = std::max<std::int64_t>(1, c.rows * a.cols);
  const std::int64_t grain = std::max<std::int64_t>(8, (1 << 17) / work / 8 * 8);
  parallel_for(c.cols, grain, [&](std::int64_t begin, std::int64_t end) {
    isa_table().gemm->dots({.a = b.data + begin * b.col_stride,
                            .a_row = b.col_stride,
                            .b = a.data,
                            .b_row = a.row_stride,
                            .k = a.cols,
                            .rows = end - begin,
                            .cols = c.rows,
                            .c = c.data + begin * c.col_stride,
                            .c_row = c.col_stride,
                            .c_col = c.row_stride});
  });
}

// b[k, j] stands side by side in j: rows are copied into the panels. Else it is the transpose of such rows.
void by_panels(const View& a, const View& b, const Matrices<float>& c) {
  const gemm::PackedLeft left(
      {.data = a.data, .M = a.rows, .K = a.cols, .m_stride = a.row_stride, .k_stride = a.col_stride}, c.cols);
  const gemm::Output out{
      .data = c.data, .grid = {.cols = c.cols}, .m_stride = c.row_stride, .col_stride = c.col_stride};
  if (b.col_stride == 1) {
    std::vector<std::int64_t> offset(static_cast<std::size_t>(b.rows));
    for (std::int64_t k = 0; k < b.rows; ++k) offset[static_cast<std::size_t>(k)] = k * b.row_stride;
    gemm::PatchColumns columns;
    columns.source = b.data;
    columns.source_end = b.data + (b.rows - 1) * b.row_stride + b.cols;
    columns.offset = offset.data();
    columns.grid = out.grid;
    columns.k_stride = b.row_stride;
    gemm::multiply(left, columns, {}, out);
  } else {
    gemm::TransposedColumns columns;
    columns.source = b.data;
    columns.stride = b.col_stride;
    gemm::multiply(left, columns, {}, out);
  }
}

// Lanes that a rows x columns result takes.
std::int64_t padded(std::int64_t rows, std::int64_t columns) {
  return rows * gemm::PanelWidths(columns, isa_table().gemm->lanes, 1, true).width();
}

void product(const View& a, const View& b, const Matrices<float>& c) {
  const bool rows_of_k = a.col_stride == 1 && b.row_stride == 1;
  // Never chosen by the number of rows or matrices: bits must not depend on how many others a batch has.
  if (rows_of_k && c.batch_stride == 0 && a.cols >= kLeastDotLength) return by_dots(a, b, c);
  // The sides change places where that leaves fewer lanes idle, or where few rows would meet columns
  // that are turned on the way. Each element's sum is the same either way.
  const bool few_rows = c.rows < c.cols && c.rows <= 48 && b.row_stride == 1;
  if (few_rows || 9 * padded(c.rows, c.cols) > 10 * padded(c.cols, c.rows))
    return by_panels(transposed(b), transposed(a), transposed(c));
  by_panels(a, b, c);
}

}  // namespace

void matmul(Cpu, Matrices<const float> a, Matrices<const float> b, Matrices<float> c) {
  enter_fast_body();
  // Many small matrices are spread over the threads; a large one is cut inside.
  parallel_for(c.batch, c.rows * c.cols * a.cols < (1 << 22) ? 1 : c.batch,
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t i = begin; i < end; ++i) {
                   const auto matrix = [i](auto x) {
                     x.data += i * x.batch_stride;
                     return x;
                   };
                   product(matrix(a), matrix(b), matrix(c));
                 }
               });
}

}  // namespace clearcut::kernels
