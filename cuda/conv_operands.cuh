// Operands and results of the products that convolutions are (implicit GEMM): nothing is unfolded in memory;
// each thread works out where the elements that it copies lie.
//
// Pixels are numbered over all pictures: (n, p, q), the last one fastest. Terms of a sum are numbered (c, r,
// s) or (k, r, s): channel, then row and column of the tap.
#pragma once

#include "cuda/divide.cuh"
#include "cuda/tile_product.cuh"
#include "tensor/ops/conv2d.h"

namespace clearcut::cuda {

/// Feature maps, whole or of one group, and how to take their pixel numbers apart.
template <class T>
struct Maps {
  T* data;
  int C, H, W;  // C: all channels
  Divisor plane, row;

  explicit Maps(const Nchw<T>& x)
      : data(x.data),
        C(static_cast<int>(x.C)),
        H(static_cast<int>(x.H)),
        W(static_cast<int>(x.W)),
        plane(x.H * x.W),
        row(x.W) {}
  struct Pixel {
    int n, h, w;
  };
  __device__ Pixel pixel(std::int64_t number) const {
    const auto [n, at] = plane.divide(static_cast<int>(number));
    const auto [h, w] = row.divide(at);
    return {n, h, w};
  }
  __device__ std::int64_t picture(int n) const { return std::int64_t{n} * C * H * W; }
};

struct ConvWindow {
  int stride_h, stride_w, dilation_h, dilation_w, top, left;
  Divisor taps, columns;  // of one channel, of one row

  ConvWindow(const ConvOptions& o, std::int64_t R, std::int64_t S)
      : stride_h(static_cast<int>(o.stride.h)),
        stride_w(static_cast<int>(o.stride.w)),
        dilation_h(static_cast<int>(o.dilation.h)),
        dilation_w(static_cast<int>(o.dilation.w)),
        top(static_cast<int>(o.padding.top)),
        left(static_cast<int>(o.padding.left)),
        taps(R * S),
        columns(S) {}
  struct Term {
    int channel, down, across;  // down and across: how far the tap lies from the window's corner
  };
  __device__ Term term(int k) const {
    const auto [channel, tap] = taps.divide(k);
    const auto [r, s] = columns.divide(tap);
    return {channel, r * dilation_h, s * dilation_w};
  }
};

/// Forward: side = output pixel, k = (c, r, s), element = the x that the tap reads. Packed for 1 x 1 kernels
/// without stride and padding, where the pixel that is read is the one that is made.
template <class T>
struct Patches {
  static constexpr Along kAlong = Along::kSide;
  const T* data;
  std::int64_t sides;
  bool packed;
  Maps<const T> x, y;
  ConvWindow window;
  std::int64_t first = 0;  // where this thread's picture begins in data
  int h = 0, w = 0;        // the window's corner, or packed the pixel

  __device__ void begin(std::int64_t side0) {
    using Place = tile::Layout<T, kAlong>;
    const std::int64_t side = side0 + (packed ? Place::chunk().side : Place::element(0).side);
    const auto [n, p, q] = y.pixel(side < sides ? side : 0);
    first = x.picture(n);
    h = p * window.stride_h - window.top;
    w = q * window.stride_w - window.left;
  }
  __device__ const T* chunk(std::int64_t, int k) const {
    return data + first + (std::int64_t{k} * x.H + h) * x.W + w;
  }
  __device__ const T* element(int, std::int64_t, int k) const {
    const auto [channel, down, across] = window.term(k);
    const int row = h + down, col = w + across;
    const bool inside = row >= 0 && row < x.H && col >= 0 && col < x.W;
    return inside ? data + first + (std::int64_t{channel} * x.H + row) * x.W + col : nullptr;
  }
};

/// Input gradient: side = pixel of x, k = (output channel, r, s), element = the dy whose tap read it.
template <class T>
struct Readers {
  static constexpr Along kAlong = Along::kSide;
  const T* data;
  std::int64_t sides;
  bool packed;
  Maps<const T> x, dy;
  ConvWindow window;
  Divisor stride_h, stride_w;
  std::int64_t first = 0;
  int h = 0, w = 0;  // in the padded map

  __device__ void begin(std::int64_t side0) {
    using Place = tile::Layout<T, kAlong>;
    const std::int64_t side = side0 + (packed ? Place::chunk().side : Place::element(0).side);
    const auto [n, row, col] = x.pixel(side < sides ? side : 0);
    first = dy.picture(n);
    h = row + window.top;
    w = col + window.left;
  }
  __device__ const T* chunk(std::int64_t, int k) const {
    return data + first + (std::int64_t{k} * dy.H + h) * dy.W + w;
  }
  __device__ const T* element(int, std::int64_t, int k) const {
    const auto [channel, down, across] = window.term(k);
    if (h < down || w < across) return nullptr;
    const auto [p, rows_left] = stride_h.divide(h - down);
    const auto [q, cols_left] = stride_w.divide(w - across);
    const bool inside = rows_left == 0 && cols_left == 0 && p < dy.H && q < dy.W;
    return inside ? data + first + (std::int64_t{channel} * dy.H + p) * dy.W + q : nullptr;
  }
};

/// Input gradient: side = channel of the group, k = (output channel, r, s), element = w there.
template <class T>
struct TurnedWeights {
  static constexpr Along kAlong = Along::kDepth;
  const T* data;
  std::int64_t sides;
  Divisor taps;
  int taps_n;
  static constexpr bool packed = false;

  __device__ void begin(std::int64_t) {}
  __device__ const T* chunk(std::int64_t, int) const { return data; }
  __device__ const T* element(int, std::int64_t side, int k) const {
    const auto [channel, tap] = taps.divide(k);
    return data + (channel * sides + side) * taps_n + tap;
  }
};

/// Weight gradient: side = output channel of the group, k = output pixel, element = dy there. Packed where a
/// plane is whole chunks.
template <class T>
struct PixelsOfChannels {
  static constexpr Along kAlong = Along::kDepth;
  const T* data;
  std::int64_t sides;
  bool packed;
  Maps<const T> dy;

  __device__ void begin(std::int64_t) {}
  __device__ const T* chunk(std::int64_t side, int k) const {
    const auto [n, at] = dy.plane.divide(k);
    return data + dy.picture(n) + side * dy.H * dy.W + at;
  }
  __device__ const T* element(int, std::int64_t side, int k) const { return chunk(side, k); }
};

/// Weight gradient: side = (c, r, s), k = output pixel, element = the x that the tap read.
template <class T>
struct PixelsOfTaps {
  static constexpr Along kAlong = Along::kDepth;
  using Place = tile::Layout<T, kAlong>;
  const T* data;
  std::int64_t sides;
  Maps<const T> x, dy;
  ConvWindow window;
  static constexpr bool packed = false;
  ConvWindow::Term terms[Place::kChunk] = {};  // of the elements of this thread

  __device__ void begin(std::int64_t side0) {
    for (int i = 0; i < Place::kChunk; ++i) {
      const std::int64_t side = side0 + Place::element(i).side;
      terms[i] = window.term(static_cast<int>(side < sides ? side : 0));
    }
  }
  __device__ const T* chunk(std::int64_t, int) const { return data; }
  __device__ const T* element(int i, std::int64_t, int k) const {
    const auto [n, p, q] = dy.pixel(k);
    const int row = p * window.stride_h - window.top + terms[i].down,
              col = q * window.stride_w - window.left + terms[i].across;
    const bool inside = row >= 0 && row < x.H && col >= 0 && col < x.W;
    return inside ? data + x.picture(n) + (std::int64_t{terms[i].channel} * x.H + row) * x.W + col : nullptr;
  }
};

/// What is written in place of the sum of channel k at y.data[at].
template <class T>
__device__ T finished(const Finish<T>& finish, std::int64_t k, std::int64_t at, T value) {
  if (finish.bias) value += finish.bias[k];
  if (finish.add) value += finish.add[at];
  return value < finish.low ? finish.low : value > finish.high ? finish.high : value;  // NaN stays NaN
}

/// Results in maps: row = channel of the group, column = pixel. The finish is done on each value.
template <class T>
struct MapsOut {
  Maps<T> y;
  std::int64_t rows, cols, first_channel;
  Finish<T> finish;

  __device__ std::int64_t column(std::int64_t col) const {
    const auto [n, at] = y.plane.divide(static_cast<int>(col));
    return y.picture(n) + first_channel * y.H * y.W + at;
  }
  __device__ void store(std::int64_t offset, std::int64_t row, T value) const {
    const std::int64_t at = offset + row * y.H * y.W;
    y.data[at] = finished(finish, first_channel + row, at, value);
  }
};

}  // namespace clearcut::cuda
