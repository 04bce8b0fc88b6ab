// Flat views that kernels work on: a pointer and sizes, nothing to own or count. Their functions are
// constexpr so that CUDA kernels may call them.
#pragma once

#include "tensor/tensor.h"

namespace clearcut {

/// n values.
template <class T>
struct Flat {
  T* data;
  std::int64_t n;
  constexpr T& operator[](std::int64_t i) const { return data[i]; }
};

/// A matrix [rows, cols].
template <class T>
struct Rows {
  T* data;
  std::int64_t rows, cols;
  constexpr T* operator[](std::int64_t row) const { return data + row * cols; }
};

/// A batch of feature maps [N, C, H, W].
template <class T>
struct Nchw {
  T* data;
  std::int64_t N, C, H, W;
  constexpr T* plane(std::int64_t n, std::int64_t c) const { return data + (n * C + c) * H * W; }
  constexpr T& operator()(std::int64_t n, std::int64_t c, std::int64_t h, std::int64_t w) const {
    return data[((n * C + c) * H + h) * W + w];
  }
};

/// Views of a tensor. Give T as const to read: rows<const T>(x), rows<T>(y).
template <class T>
Flat<T> flat(const Tensor& x) {
  return {x.data<T>(), x.numel()};
}
template <class T>
Rows<T> rows(const Tensor& x) {
  check_rank("rows", "x", x, 2, "[rows, cols]");
  return {x.data<T>(), x.dim(0), x.dim(1)};
}
template <class T>
Nchw<T> nchw(const Tensor& x) {
  check_rank("nchw", "x", x, 4, "[N, C, H, W]");
  return {x.data<T>(), x.dim(0), x.dim(1), x.dim(2), x.dim(3)};
}

}  // namespace clearcut
