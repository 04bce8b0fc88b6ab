// Sums over broadcast dimensions by straight runs: if the innermost dimension is summed, one run gives one
// partial sum; if it stays, runs are added column by column. Pieces depend on the shapes only.
#include "tensor/ops/sum_to.h"

#include <algorithm>

#include "tensor/cpu/isa.h"
#include "tensor/parallel.h"

namespace clearcut::kernels {

namespace {

// All dimensions but the innermost, split into those that stay and those that are summed.
struct Outer {
  std::vector<std::int64_t> sizes, x_strides;
  std::int64_t count = 1;

  void push(std::int64_t size, std::int64_t x_stride) {
    sizes.push_back(size);
    x_strides.push_back(x_stride);
    count *= size;
  }
  // Where combination i of the indices stands in x.
  std::int64_t offset(std::int64_t i) const {
    std::int64_t at = 0;
    for (std::size_t d = sizes.size(); d-- > 0; i /= sizes[d]) at += i % sizes[d] * x_strides[d];
    return at;
  }
};

constexpr std::int64_t kPiece = 1 << 15;  // most values of one partial sum
constexpr std::int64_t kChunk = 1 << 15;  // values per chunk of parallel work
constexpr std::int64_t kColumns = 512;    // columns that are summed side by side

// y[i] = sum over all summed dimensions, the innermost (of size `inner`) among them.
void sum_runs(const Outer& kept, const Outer& summed, std::int64_t inner, const float* x, float* y) {
  const auto sum = isa_table().reduce->sum;
  const std::int64_t per_run = (inner + kPiece - 1) / kPiece, pieces = summed.count * per_run;
  const Scratch<double> part(kept.count * pieces);
  const std::int64_t grain = std::max<std::int64_t>(1, kChunk / std::min(inner, kPiece));
  parallel_for(kept.count * pieces, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t piece = i % pieces, from = piece % per_run * kPiece;
      const std::int64_t at = kept.offset(i / pieces) + summed.offset(piece / per_run) + from;
      part[i] = sum(x + at, std::min(kPiece, inner - from));
    }
  });
  for (std::int64_t i = 0; i < kept.count; ++i) {
    double total = 0;
    for (std::int64_t p = 0; p < pieces; ++p) total += part[i * pieces + p];
    y[i] = static_cast<float>(total);
  }
}

// y[i, j] = sum over the summed dimensions; the innermost, j, stays.
void sum_columns(const Outer& kept, const Outer& summed, std::int64_t inner, const float* x, float* y) {
  const auto add_to = isa_table().reduce->add_to;
  const std::int64_t per_row = (inner + kColumns - 1) / kColumns;
  const std::int64_t work = summed.count * std::min(inner, kColumns);
  parallel_for(kept.count * per_row, std::max<std::int64_t>(1, kChunk / work),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t i = begin; i < end; ++i) {
                   const std::int64_t from = i % per_row * kColumns, n = std::min(kColumns, inner - from);
                   const std::int64_t at = kept.offset(i / per_row) + from;
                   double total[kColumns] = {};
                   for (std::int64_t s = 0; s < summed.count; ++s)
                     add_to(total, x + at + summed.offset(s), n);
                   std::transform(total, total + n, y + i / per_row * inner + from,
                                  [](double v) { return static_cast<float>(v); });
                 }
               });
}

}  // namespace

void sum_to(Cpu, const BroadcastPlan& plan, const float* x, float* y, std::int64_t y_n) {
  enter_fast_body();
  if (plan.numel == 0) {
    std::fill_n(y, y_n, 0.0f);
    return;
  }
  Outer kept, summed;
  for (std::size_t d = 0; d + 1 < plan.sizes.size(); ++d)
    (plan.b[d] == 0 ? summed : kept).push(plan.sizes[d], plan.a[d]);
  if (plan.b.back() == 0)
    sum_runs(kept, summed, plan.sizes.back(), x, y);
  else
    sum_columns(kept, summed, plan.sizes.back(), x, y);
}

}  // namespace clearcut::kernels
