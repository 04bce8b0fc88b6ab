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
  /// Sums over (channel, r, s).
  __device__ Term term(int k) const {
    const auto [channel, tap] = taps.divide(k);
    const auto [r, s] = columns.divide(tap);
    return {channel, r * dilation_h, s * dilation_w};
  }
};

/// The corner of one window in a map: what its taps read.
template <class T>
struct Corner {
  const T* data;  // at the corner itself, which may lie outside the map
  int h, w, H, W;

  struct Read {
    const T* at;
    bool inside;
  };
  __device__ Read reads(const ConvTap& tap) const {
    const int row = h + tap.down, col = w + tap.across;
    return {data + tap.offset, static_cast<unsigned>(row) < static_cast<unsigned>(H) &&
                                   static_cast<unsigned>(col) < static_cast<unsigned>(W)};
  }
};

/// Forward: side = output pixel, k = (c, r, s), element = the x that the tap reads. Packed for 1 x 1 kernels
/// without stride and padding, where the pixel that is read is the one that is made.
template <class T>
struct Patches {
  static constexpr Along kAlong = Along::kSide;
  static constexpr TapsOf kTaps = TapsOf::kDepth;
  const T* data;
  std::int64_t sides;
  bool packed;
  Maps<const T> x, y;
  ConvWindow window;
  Corner<T> corner = {};  // of this thread's pixel

  __device__ void begin(std::int64_t side) {
    const auto [n, p, q] = y.pixel(side < sides ? side : 0);
    const int h = p * window.stride_h - window.top, w = q * window.stride_w - window.left;
    corner = {data + x.picture(n) + std::int64_t{h} * x.W + w, side < sides ? h : kNowhere, w, x.H, x.W};
  }
  __device__ const T* at(std::int64_t, int k) const { return corner.data + k * row_stride(); }
  __device__ std::int64_t row_stride() const { return std::int64_t{x.H} * x.W; }
  __device__ ConvTap tap(int k, int k_end) const {
    if (k >= k_end) return {0, kNowhere, 0};
    const auto [channel, down, across] = window.term(k);
    return {(channel * x.H + down) * x.W + across, down, across};
  }
  template <class Use>
  __device__ void with_corner(int, int, const Use& use) const {
    use(corner);
  }
};

/// Input gradient: side = pixel of x, k = (output channel, r, s), element = the dy whose tap read it. With a
/// stride most taps read nothing: those whose distance is no multiple of it.
template <class T>
struct Readers {
  static constexpr Along kAlong = Along::kSide;
  static constexpr TapsOf kTaps = TapsOf::kDepth;
  const T* data;
  std::int64_t sides;
  bool packed, strided;
  Maps<const T> x, dy;
  ConvWindow window;
  Divisor stride_h, stride_w;
  Corner<T> corner = {};  // the pixel of this thread in the padded map, from which taps go back

  struct Strided {
    const Readers& of;
    __device__ typename Corner<T>::Read reads(const ConvTap& tap) const {
      const Corner<T>& c = of.corner;
      const int down = c.h + tap.down, across = c.w + tap.across;
      const auto [p, rows_left] = of.stride_h.divide(max(down, 0));
      const auto [q, cols_left] = of.stride_w.divide(max(across, 0));
      return {of.data + tap.offset + p * c.W + q,
              down >= 0 && across >= 0 && rows_left == 0 && cols_left == 0 && p < c.H && q < c.W};
    }
  };

  __device__ void begin(std::int64_t side) {
    const auto [n, row, col] = x.pixel(side < sides ? side : 0);
    data += dy.picture(n);
    const int h = row + window.top, w = col + window.left;
    corner = {data + std::int64_t{h} * dy.W + w, side < sides ? h : kNowhere, w, dy.H, dy.W};
  }
  __device__ const T* at(std::int64_t, int k) const { return corner.data + k * row_stride(); }
  __device__ std::int64_t row_stride() const { return std::int64_t{dy.H} * dy.W; }
  __device__ ConvTap tap(int k, int k_end) const {
    if (k >= k_end) return {0, kNowhere, 0};
    const auto [channel, down, across] = window.term(k);
    const int map = channel * dy.H * dy.W;
    return {strided ? map : map - down * dy.W - across, -down, -across};
  }
  template <class Use>
  __device__ void with_corner(int, int, const Use& use) const {
    if (strided)
      use(Strided{*this});
    else
      use(corner);
  }
};

/// Input gradient: side = channel of the group, k = (output channel, r, s), element = w there.
template <class T>
struct TurnedWeights {
  static constexpr Along kAlong = Along::kDepth;
  static constexpr TapsOf kTaps = TapsOf::kNone;
  const T* data;
  std::int64_t sides;
  Divisor taps;
  int taps_n;
  static constexpr bool packed = false;

  __device__ void begin(std::int64_t) {}
  __device__ std::int64_t row_stride() const { return taps_n; }
  __device__ const T* at(std::int64_t side, int k) const {
    const auto [channel, tap] = taps.divide(k);
    return data + (channel * sides + side) * taps_n + tap;
  }
};

/// Weight gradient: side = output channel of the group, k = output pixel, element = dy there. Packed where a
/// plane is whole chunks.
template <class T>
struct PixelsOfChannels {
  static constexpr Along kAlong = Along::kDepth;
  static constexpr TapsOf kTaps = TapsOf::kNone;
  const T* data;
  std::int64_t sides;
  bool packed;
  Maps<const T> dy;

  __device__ void begin(std::int64_t) {}
  __device__ std::int64_t row_stride() const { return std::int64_t{dy.H} * dy.W; }
  __device__ const T* at(std::int64_t side, int k) const {
    const auto [n, at] = dy.plane.divide(k);
    return data + dy.picture(n) + side * row_stride() + at;
  }
};

/// Weight gradient: side = (c, r, s), k = output pixel, element = the x that the tap read.
template <class T>
struct PixelsOfTaps {
  static constexpr Along kAlong = Along::kDepth;
  static constexpr TapsOf kTaps = TapsOf::kSide;
  const T* data;
  std::int64_t sides;
  Maps<const T> x, dy;
  ConvWindow window;
  static constexpr bool packed = false;

  __device__ void begin(std::int64_t) {}
  __device__ std::int64_t row_stride() const { return 0; }
  __device__ const T* at(std::int64_t, int) const { return data; }
  __device__ ConvTap tap(int side, int end) const {
    if (side >= end) return {0, kNowhere, 0};
    const auto [channel, down, across] = window.term(side);
    return {(channel * x.H + down) * x.W + across, down, across};
  }
  template <class Use>
  __device__ void with_corner(int k, int k_end, const Use& use) const {
    const auto [n, p, q] = dy.pixel(k < k_end ? k : 0);
    const int h = p * window.stride_h - window.top, w = q * window.stride_w - window.left;
    use(Corner<T>{data + x.picture(n) + std::int64_t{h} * x.W + w, k < k_end ? h : kNowhere, w, x.H, x.W});
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
  bool packed;  // a plane is whole packs, y and what is added lie at multiples of 16 bytes

  __device__ std::int64_t at(std::int64_t col, std::int64_t row) const {
    const auto [n, at] = y.plane.divide(static_cast<int>(col));
    return y.picture(n) + (first_channel + row) * y.H * y.W + at;
  }
  __device__ void store(std::int64_t col, std::int64_t row, T value) const {
    const std::int64_t to = at(col, row);
    y.data[to] = finished(finish, first_channel + row, to, value);
  }
  __device__ void store(std::int64_t col, std::int64_t row, Pack<T> pack) const {
    const std::int64_t to = at(col, row);
    for (int e = 0; e < Pack<T>::kSize; ++e)
      pack.v[e] = finished(finish, first_channel + row, to + e, pack.v[e]);
    store_pack(y.data + to, pack);
  }
};

}  // namespace clearcut::cuda
