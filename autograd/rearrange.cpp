#include "autograd/rearrange.h"

#include <algorithm>
#include <numeric>

#include "autograd/trace.h"
#include "tensor/ops/rearrange.h"

namespace clearcut {

Var reshape(const Var& x, const std::vector<std::int64_t>& sizes) {
  return record("reshape", x.value().reshape(sizes), {x},
                [shape = x.shape()](const Tensor& dy, const Need&) { return Grads{dy.reshape(shape)}; });
}

Var flatten(const Var& x, int first) {
  const int rank = x.value().rank(), from = first < 0 ? first + rank : first;
  check(from >= 0 && from < rank, "flatten", "the first dimension must lie in [-rank, rank) of x ", x.shape(),
        "; got ", first);
  std::vector<std::int64_t> sizes = x.shape().sizes();
  const std::int64_t merged =
      std::accumulate(sizes.begin() + from, sizes.end(), std::int64_t{1}, std::multiplies<>());
  sizes.resize(static_cast<std::size_t>(from));
  sizes.push_back(merged);
  return described(reshape(x, sizes), FlattenCall{from});
}

Var unflatten(const Var& x, const Var& like) {
  check_rank("unflatten", "x", x.value(), 3, "[N, C, H*W]");
  check_rank("unflatten", "like", like.value(), 4, "[N, C, H, W]");
  return described(reshape(x, {x.dim(0), x.dim(1), like.dim(2), like.dim(3)}), UnflattenCall{like.value()});
}

Var permute(const Var& x, const std::vector<int>& order) {
  const Tensor y = ops::permute(x.value(), order);
  std::vector<int> back(order.size());
  for (std::size_t i = 0; i < order.size(); ++i)
    back[static_cast<std::size_t>(order[i] < 0 ? order[i] + y.rank() : order[i])] = static_cast<int>(i);
  return record("permute", y, {x},
                [back](const Tensor& dy, const Need&) { return Grads{ops::permute(dy, back)}; });
}

Var transpose(const Var& x, int a, int b) {
  const int rank = x.value().rank();
  check(a >= -rank && a < rank && b >= -rank && b < rank, "transpose",
        "dimensions must lie in [-rank, rank) of x ", x.shape(), "; got ", a, " and ", b);
  std::vector<int> order(static_cast<std::size_t>(rank));
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[static_cast<std::size_t>(a < 0 ? a + rank : a)],
            order[static_cast<std::size_t>(b < 0 ? b + rank : b)]);
  return permute(x, order);
}

Var slice(const Var& x, int dim, std::int64_t begin, std::int64_t end) {
  return record("slice", ops::slice(x.value(), dim, begin, end), {x},
                [shape = x.shape(), dim, begin](const Tensor& dy, const Need&) {
                  return Grads{ops::slice_backward(dy, shape, dim, begin)};
                });
}

Var concat(const std::vector<Var>& parts, int dim) {
  std::vector<Tensor> values;
  std::vector<std::int64_t> ends;  // of each part along dim
  for (const Var& part : parts) values.push_back(part.value());
  const Tensor y = ops::concat(values, dim);
  for (const Tensor& v : values) ends.push_back((ends.empty() ? 0 : ends.back()) + v.dim(dim));
  return described(record("concat", y, parts,
                          [ends, dim](const Tensor& dy, const Need& need) {
                            Grads grads(ends.size());
                            for (std::size_t i = 0; i < ends.size(); ++i)
                              if (need(i)) grads[i] = ops::slice(dy, dim, i == 0 ? 0 : ends[i - 1], ends[i]);
                            return grads;
                          }),
                   dim);
}

Var pad2d(const Var& x, const Padding2& padding, double value) {
  return described(
      record("pad2d", ops::pad2d(x.value(), padding, value), {x},
             [padding](const Tensor& dy, const Need&) { return Grads{ops::pad2d_backward(dy, padding)}; }),
      padding);
}

}  // namespace clearcut
