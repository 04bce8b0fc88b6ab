#include "tensor/ops/softmax.h"

#include <algorithm>

#include "tensor/cpu/isa.h"
#include "tensor/parallel.h"

namespace clearcut::kernels {

namespace {

constexpr std::int64_t kGrain = 1 << 14;  // values per chunk

// Calls row(first) for each contiguous row, or columns(first, block) for blocks of neighbouring columns.
template <class Row, class Columns>
void for_each_block(std::int64_t outer, std::int64_t size, std::int64_t inner, const Row& row,
                    const Columns& columns) {
  enter_fast_body();
  const std::int64_t width = inner == 1 ? 1 : isa::kMaxColumns, per_plane = (inner + width - 1) / width;
  const std::int64_t work = std::max<std::int64_t>(1, size * std::min(inner, width));
  const std::int64_t grain = std::max<std::int64_t>(1, kGrain / work);
  parallel_for(outer * per_plane, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t column = i % per_plane * width, first = i / per_plane * size * inner + column;
      if (inner == 1)
        row(first);
      else
        columns(first, isa::ColumnBlock{size, inner, std::min(width, inner - column)});
    }
  });
}

template <class Row, class Columns>
void forward(Lanes<const float> x, Lanes<float> y, Row row, Columns columns) {
  for_each_block(
      x.outer, x.size, x.inner, [=](std::int64_t at) { row(x.data + at, y.data + at, x.size); },
      [=](std::int64_t at, const isa::ColumnBlock& block) { columns(x.data + at, y.data + at, block); });
}

template <class Row, class Columns>
void backward(Lanes<const float> dy, Lanes<const float> y, Lanes<float> dx, Row row, Columns columns) {
  for_each_block(
      y.outer, y.size, y.inner,
      [=](std::int64_t at) { row(dy.data + at, y.data + at, dx.data + at, y.size); },
      [=](std::int64_t at, const isa::ColumnBlock& block) {
        columns(dy.data + at, y.data + at, dx.data + at, block);
      });
}

}  // namespace

void softmax(Cpu, Lanes<const float> x, Lanes<float> y) {
  forward(x, y, isa_table().reduce->softmax_row, isa_table().reduce->softmax_columns);
}
void log_softmax(Cpu, Lanes<const float> x, Lanes<float> y) {
  forward(x, y, isa_table().reduce->log_softmax_row, isa_table().reduce->log_softmax_columns);
}
void softmax_backward(Cpu, Lanes<const float> dy, Lanes<const float> y, Lanes<float> dx) {
  const auto& loops = *isa_table().reduce;
  backward(dy, y, dx, loops.softmax_row_backward, loops.softmax_columns_backward);
}
void log_softmax_backward(Cpu, Lanes<const float> dy, Lanes<const float> y, Lanes<float> dx) {
  const auto& loops = *isa_table().reduce;
  backward(dy, y, dx, loops.log_softmax_row_backward, loops.log_softmax_columns_backward);
}

}  // namespace clearcut::kernels
