// Walks through broadcast operands in straight runs; shared by the plain and the fast bodies.
#pragma once

#include <algorithm>

#include "tensor/ops/arithmetic.h"
#include "tensor/parallel.h"

namespace clearcut::kernels {

/// Elements y .. y + n - 1 of the result; operand elements start at a and b and step by their strides.
struct Run {
  std::int64_t n, y, a, b, stride_a, stride_b;
};

/// Calls body(run) for pieces of the innermost dimension of the plan, in parallel.
template <class Body>
void for_each_run(const BroadcastPlan& plan, const Body& body) {
  const std::int64_t inner = plan.sizes.back();
  const std::size_t outer_dims = plan.sizes.size() - 1;
  parallel_for(plan.numel, 1 << 15, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t at = begin; at < end;) {
      const std::int64_t column = at % inner;
      Run run{.n = std::min(inner - column, end - at),
              .y = at,
              .a = column * plan.a.back(),
              .b = column * plan.b.back(),
              .stride_a = plan.a.back(),
              .stride_b = plan.b.back()};
      std::int64_t row = at / inner;
      for (std::size_t d = outer_dims; d-- > 0; row /= plan.sizes[d]) {
        run.a += row % plan.sizes[d] * plan.a[d];
        run.b += row % plan.sizes[d] * plan.b[d];
      }
      body(run);
      at += run.n;
    }
  });
}

}  // namespace clearcut::kernels
