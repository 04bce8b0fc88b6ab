// Loops over one plane. All taps of a stretch of four vectors are summed in registers, so each output is
// written once; the plane itself is small enough for the first or second cache.
#include "tensor/cpu/isa/depthwise.h"

#include "tensor/cpu/isa/vector.h"

namespace {

using namespace clearcut::isa;

template <int C>
inline void sum_stretch(const TapSum& s, int64_t j) {
  Vec sum[C];
#pragma GCC unroll 4
  for (int c = 0; c < C; ++c) sum[c] = splat(s.init);
  for (int64_t t = 0; t < s.taps; ++t) {
    const Vec w = splat(s.weight[t]);
    const float* from = s.plane + s.offset[t] + j;
#pragma GCC unroll 4
    for (int c = 0; c < C; ++c) sum[c] += w * load(from + c * kLanes);
  }
#pragma GCC unroll 4
  for (int c = 0; c < C; ++c) store(s.to + j + c * kLanes, sum[c]);
}

void tap_sum(const TapSum& s) {
  int64_t j = 0;
  for (; j + 3 * kLanes < s.n; j += 4 * kLanes) sum_stretch<4>(s, j);
  for (; j < s.n; j += kLanes) sum_stretch<1>(s, j);
}

// A vector of R rows below each other.
template <int R>
inline void sum_rows(const TapRows& s, int64_t i, int64_t j) {
  Vec sum[R];
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) sum[r] = splat(s.init);
  for (int64_t t = 0; t < s.taps; ++t) {
    const Vec w = splat(s.weight[t]);
    const float* from = s.plane + s.offset[t] + i * s.plane_row + j;
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) sum[r] += w * load(from + r * s.plane_row);
  }
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
    const int64_t at = (i + r) * s.row + j;
    if (s.plus) sum[r] += load(s.plus + at);
    store(s.to + at, clamp(sum[r], splat(s.low), splat(s.high)));
  }
}

template <int R>
inline void sum_whole_rows(const TapRows& s, int64_t i) {
  int64_t j = 0;
  for (; j + kLanes < s.cols; j += kLanes) sum_rows<R>(s, i, j);
  sum_rows<R>(s, i, s.cols - kLanes);
}

void tap_rows(const TapRows& s) {
  constexpr int64_t kLine = 16;  // floats of a cache line
  int64_t i = 0;
  for (; i + 4 <= s.rows; i += 4) {
    for (int64_t j = i * s.next_row; j < (i + 4) * s.next_row; j += kLine)
      __builtin_prefetch(s.next + j, 0, 2);
    sum_whole_rows<4>(s, i);
  }
  for (; i < s.rows; ++i) sum_whole_rows<1>(s, i);
}

template <int T>
void dots(const TapDots& d, int64_t first) {
  Vec sum[T];
#pragma GCC unroll 9
  for (int t = 0; t < T; ++t) sum[t] = Vec{};
  const float* from[T];
#pragma GCC unroll 9
  for (int t = 0; t < T; ++t) from[t] = d.plane + d.offset[first + t];
  for (int64_t j = 0; j < d.n; j += kLanes) {
    const Vec dy = load(d.dy + j);
#pragma GCC unroll 9
    for (int t = 0; t < T; ++t) sum[t] += dy * load(from[t] + j);
  }
  for (int t = 0; t < T; ++t) {
    double total = 0;
    for (int c = 0; c < kLanes; ++c) total += static_cast<double>(sum[t][c]);
    d.sum[first + t] += total;
  }
}

void tap_dots(const TapDots& d) {
  int64_t t = 0;
  for (; t + 9 <= d.taps; t += 9) dots<9>(d, t);
  for (; t + 3 <= d.taps; t += 3) dots<3>(d, t);
  for (; t < d.taps; ++t) dots<1>(d, t);
}

}  // namespace

namespace clearcut::isa::CLEARCUT_ISA {

extern const DepthwiseKernels depthwise_kernels = {tap_sum, tap_rows, tap_dots};

}  // namespace clearcut::isa::CLEARCUT_ISA
