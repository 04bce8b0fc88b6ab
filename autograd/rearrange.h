// Functions that move numbers and change none: reshape, permute, slice, concat, pad.
#pragma once

#include <vector>

#include "autograd/var.h"
#include "tensor/window.h"

namespace clearcut {

/// Same numbers, other shape; one size may be -1. No copy.
Var reshape(const Var& x, const std::vector<std::int64_t>& sizes);
/// Dimensions `first` and later become one: [N, C, H, W] -> [N, C*H*W].
Var flatten(const Var& x, int first = 1);
/// [N, C, H*W] -> [N, C, H, W] of `like`, undoing flatten(like, 2).
Var unflatten(const Var& x, const Var& like);
/// Dimension i of the result is dimension order[i] of x.
Var permute(const Var& x, const std::vector<int>& order);
Var transpose(const Var& x, int a, int b);
/// Indices [begin, end) of dimension `dim`; negative begin and end count from the end of the dimension.
Var slice(const Var& x, int dim, std::int64_t begin, std::int64_t end);
/// One behind the other along `dim`; the other sizes must be equal.
Var concat(const std::vector<Var>& parts, int dim);
/// A frame of `value` around the last two dimensions.
Var pad2d(const Var& x, const Padding2& padding, double value = 0);

/// What a trace says of flatten and unflatten, which are reshapes.
struct FlattenCall {
  int first = 1;
};
struct UnflattenCall {
  Tensor like;
};

}  // namespace clearcut
