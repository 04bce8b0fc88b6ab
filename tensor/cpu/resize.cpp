#include "tensor/ops/resize.h"

#include <algorithm>

#include "tensor/cpu/bilinear.h"
#include "tensor/memory.h"
#include "tensor/parallel.h"

namespace clearcut::kernels {

namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

std::int64_t planes_per_chunk(std::int64_t values) {
  return std::max<std::int64_t>(1, (1 << 14) / std::max<std::int64_t>(1, values));
}

}  // namespace

// Columns first: each input row is expanded once, then output rows are blends of two expanded ones.
void resize_bilinear(Cpu, Nchw<const float> x, const Taps& rows, const Taps& cols, Nchw<float> y) {
  enter_fast_body();
  const FloatTaps columns(cols);
  const auto blend = isa_table().maps->blend_rows;
  parallel_for(y.N * y.C, planes_per_chunk(y.H * y.W), [&](std::int64_t begin, std::int64_t end) {
    ExpandedRows expanded(columns);
    for (std::int64_t p = begin; p < end; ++p) {
      expanded.set_plane(x.data + p * x.H * x.W, x.W);
      for (std::int64_t i = 0; i < y.H; ++i) {
        const float* upper = expanded.row(rows.low[at(i)]);
        const float* lower = expanded.row(rows.high[at(i)]);
        blend(upper, lower, static_cast<float>(rows.weight[at(i)]), y.data + (p * y.H + i) * y.W, y.W);
      }
    }
  });
}

// The same steps backwards: rows of dy are added into one row per input row, then their columns are summed.
void resize_backward(Cpu, Nchw<const float> dy, const Taps& rows, const Taps& cols, Nchw<float> dx) {
  enter_fast_body();
  const FloatTaps columns(cols);
  const auto add = isa_table().maps->add_scaled;
  parallel_for(dx.N * dx.C, planes_per_chunk(dy.H * dy.W), [&](std::int64_t begin, std::int64_t end) {
    const Scratch<float> sums(dx.H * dy.W);
    for (std::int64_t p = begin; p < end; ++p) {
      std::fill(sums.data(), sums.data() + dx.H * dy.W, 0.0f);
      for (std::int64_t i = 0; i < dy.H; ++i) {
        const float* row = dy.data + (p * dy.H + i) * dy.W;
        const auto weight = static_cast<float>(rows.weight[at(i)]);
        add(row, 1 - weight, sums.data() + rows.low[at(i)] * dy.W, dy.W);
        if (weight != 0) add(row, weight, sums.data() + rows.high[at(i)] * dy.W, dy.W);
      }
      for (std::int64_t h = 0; h < dx.H; ++h)
        columns.reduce_row(sums.data() + h * dy.W, dx.data + (p * dx.H + h) * dx.W);
    }
  });
}

}  // namespace clearcut::kernels
