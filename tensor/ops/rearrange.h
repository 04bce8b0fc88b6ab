// Operators that move numbers and change none: permute, slice, concat, pad. All dtypes.
#pragma once

#include <vector>

#include "tensor/views.h"
#include "tensor/window.h"

namespace clearcut::ops {

/// y[i0, i1, ...] = x with its dimensions reordered: dimension k of y is dimension order[k] of x.
/// Throws Error unless order is a permutation of the dimensions (negative ones count from the end).
Tensor permute(const Tensor& x, const std::vector<int>& order);

/// Indices [begin, end) of dimension `dim`; negative begin and end count from the end of the dimension.
/// Throws Error unless 0 <= begin <= end <= size. A slice of dimension 0 shares storage with x.
Tensor slice(const Tensor& x, int dim, std::int64_t begin, std::int64_t end);
/// dx = dy at [begin, begin + size of dy), 0 elsewhere; `shape` is that of x.
Tensor slice_backward(const Tensor& dy, const Shape& shape, int dim, std::int64_t begin);

/// The parts one behind the other along `dim`. Throws Error unless there is a part and all other sizes,
/// dtypes and devices are equal.
Tensor concat(const std::vector<Tensor>& parts, int dim);

/// x [..., H, W] with a frame of `value`: [..., top + H + bottom, left + W + right].
/// Throws Error if the rank is below 2 or a side is negative.
Tensor pad2d(const Tensor& x, const Padding2& padding, double value = 0);
/// dx = the inner part of dy.
Tensor pad2d_backward(const Tensor& dy, const Padding2& padding);

/// to[..., at.h + i, at.w + j] = from[..., begin.h + i, begin.w + j] for 0 <= i < size.h and 0 <= j < size.w;
/// the rest of `to` stays. Both are [..., H, W] with the same leading sizes and may differ in H and W.
/// Throws Error if the box leaves one of them, or dtypes or devices differ.
void copy_box(const Tensor& from, Size2 begin, const Tensor& to, Size2 at, Size2 size);

}  // namespace clearcut::ops

namespace clearcut::kernels {

/// `planes` times `rows` runs of `run` neighbours; where they start is counted in elements.
struct BlockCopy {
  std::int64_t planes = 1, rows = 1, run = 0;
  std::int64_t from = 0, from_plane = 0, from_row = 0;
  std::int64_t to = 0, to_plane = 0, to_row = 0;
};
template <class T>
void copy_block(Reference, const BlockCopy& block, const T* from, T* to);
template <class T>
void copy_block(Cuda, const BlockCopy& block, const T* from, T* to);

/// y, dense of `sizes`, from x with one stride per dimension.
template <class T>
void copy_strided(Reference, const std::vector<std::int64_t>& sizes, const std::vector<std::int64_t>& strides,
                  const T* x, T* y);
template <class T>
void copy_strided(Cuda, const std::vector<std::int64_t>& sizes, const std::vector<std::int64_t>& strides,
                  const T* x, T* y);

}  // namespace clearcut::kernels
