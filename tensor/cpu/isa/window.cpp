// Rows are read where they are. The vectors at both ends of a row are shuffled out of what lies inside, zeros
// take the place of the rest; a row of less than a vector is both ends at once.
#include "tensor/cpu/isa/window.h"

#include "tensor/cpu/isa/vector.h"

namespace {

using namespace clearcut::isa;

constexpr int64_t kLine = 16;  // floats of a cache line

// Three vectors of terms at one end of a row: lanes of a stretch from `base` on, where `inside` has ones.
struct End {
  int64_t base[3];
  Index from[3], inside[3];
};

// What all rows of a plane share, ready in vectors.
struct Window {
  Vec w[9], init, low, high;
  Index lane;
  End first, last;
  const float* plane;
  float* to;
  const float* plus;
};

template <int S>
End end_at(const WindowPlanes& p, Index lane, int64_t j) {
  End end;
  const int64_t room = p.W - S * kLanes;
  for (int c = 0; c < 3; ++c) {
    const int64_t at = S * j - p.left + c;
    end.base[c] = at > room ? room : at;
    if (end.base[c] < 0) end.base[c] = 0;
    const Index column = S * lane + static_cast<int>(at);
    end.from[c] = column - static_cast<int>(end.base[c]);
    end.inside[c] = (column >= 0) & (column < static_cast<int>(p.W));
  }
  return end;
}

template <int S>
inline Vec term(const float* line, const End& end, int c) {
  const Vec near = load(line + end.base[c]);
  const Vec x = S == 1 ? __builtin_shuffle(near, end.from[c])
                       : __builtin_shuffle(near, load(line + end.base[c] + kLanes), end.from[c]);
  return reinterpret_cast<Vec>(reinterpret_cast<Index>(x) & end.inside[c]);
}

// Every S-th float from p on.
template <int S>
inline Vec every(const float* p, Index lane) {
  return S == 1 ? load(p) : __builtin_shuffle(load(p), load(p + kLanes), lane + lane);
}

// A vector of R rows below each other: a line is read once for all of them, and the terms of a sum come in
// the order of its taps. end: null between the ends.
template <int S, int R>
__attribute__((always_inline)) inline void sums(const Window& f, const float* const* line, int64_t at,
                                                const End* end, Vec* sum) {
#pragma GCC unroll 7
  for (int r = 0; r < R; ++r) sum[r] = f.init;
#pragma GCC unroll 15
  for (int i = 0; i < S * (R - 1) + 3; ++i) {
    Vec x[3];
#pragma GCC unroll 3
    for (int c = 0; c < 3; ++c) {
      x[c] = end ? term<S>(line[i], *end, c) : every<S>(line[i] + at + c, f.lane);
      keep(x[c]);
    }
#pragma GCC unroll 7
    for (int r = 0; r < R; ++r) {
      const int tap = i - S * r;
      if (tap < 0 || tap > 2) continue;
#pragma GCC unroll 3
      for (int c = 0; c < 3; ++c) sum[r] += f.w[3 * tap + c] * x[c];
    }
  }
}

// Writes the first n < kLanes values as two parts of a power of two that overlap. Both come from registers: a
// part of what was just stored would have to wait for that store.
template <int Part>
inline void store_some(float* to, Vec v, Index lane, int64_t n) {
  if (n >= Part) {
    const Vec behind = __builtin_shuffle(v, lane + static_cast<int>(n - Part));
    __builtin_memcpy(to, &v, Part * sizeof(float));
    __builtin_memcpy(to + n - Part, &behind, Part * sizeof(float));
  } else if constexpr (Part > 1) {
    store_some<Part / 2>(to, v, lane, n);
  }
}

inline Vec load_some(const float* from, int64_t n) {
  float value[kLanes] = {};
  for (int64_t j = 0; j < n; ++j) value[j] = from[j];
  return load(value);
}

// The lines that R rows of outputs from row i on read.
template <int S, int R>
inline void find_lines(const Window& f, const WindowPlanes& p, int64_t i, const float** line) {
  int64_t row = S * i - p.top;
#pragma GCC unroll 15
  for (int k = 0; k < S * (R - 1) + 3; ++k, ++row)
    line[k] = row < 0 || row >= p.H ? p.zeros : f.plane + row * p.W;
}

// Rows of at least a vector; the last vector overlaps the one before it.
template <int S, int R>
__attribute__((noinline)) void wide_rows(const Window& f, const WindowPlanes& p, int64_t i) {
  const float* line[S * (R - 1) + 3];
  find_lines<S, R>(f, p, i, line);
  const int64_t row = p.Q, left = p.left, last = p.Q - kLanes;
  const float* plus = f.plus ? f.plus + i * row : nullptr;
  float* to = f.to + i * row;
  const Vec low = f.low, high = f.high;
  const auto write = [&](Vec* sum, int64_t j) {
#pragma GCC unroll 7
    for (int r = 0; r < R; ++r) {
      if (plus) sum[r] += load(plus + r * row + j);
      store(to + r * row + j, clamp(sum[r], low, high));
    }
  };
  Vec sum[R];
  sums<S, R>(f, line, 0, &f.first, sum);
  write(sum, 0);
  for (int64_t j = kLanes; j < last; j += kLanes) {
    sums<S, R>(f, line, S * j - left, nullptr, sum);
    write(sum, j);
  }
  if (last == 0) return;
  sums<S, R>(f, line, 0, &f.last, sum);
  write(sum, last);
}

// Rows of less than a vector.
template <int S, int R>
__attribute__((noinline)) void narrow_rows(const Window& f, const WindowPlanes& p, int64_t i) {
  const float* line[S * (R - 1) + 3];
  find_lines<S, R>(f, p, i, line);
  const int64_t row = p.Q;
  const float* plus = f.plus ? f.plus + i * row : nullptr;
  float* to = f.to + i * row;
  const Vec low = f.low, high = f.high;
  const Index lane = f.lane;
  Vec sum[R];
  sums<S, R>(f, line, 0, &f.first, sum);
#pragma GCC unroll 7
  for (int r = 0; r < R; ++r) {
    if (plus) sum[r] += load_some(plus + r * row, row);
    store_some<kLanes / 2>(to + r * row, clamp(sum[r], low, high), lane, row);
  }
}

// R rows at a time from row i on, and of the plane behind this one their share into the second cache.
template <int S, int R>
int64_t some_rows(const Window& f, const WindowPlanes& p, int64_t i) {
  const auto rows = p.Q < kLanes ? narrow_rows<S, R> : wide_rows<S, R>;
  const int64_t share = p.H * p.W / p.P;
  const float* next = f.plane + p.H * p.W;
  for (; i + R <= p.P; i += R) {
    for (int64_t j = i * share; j < (i + R) * share; j += kLine) __builtin_prefetch(next + j, 0, 2);
    rows(f, p, i);
  }
  return i;
}

template <int S>
void all_planes(const WindowPlanes& p) {
  Window f;
  f.low = splat(p.low);
  f.high = splat(p.high);
  for (int k = 0; k < kLanes; ++k) f.lane[k] = k;
  f.first = end_at<S>(p, f.lane, 0);
  if (p.Q > kLanes) f.last = end_at<S>(p, f.lane, p.Q - kLanes);
  for (int64_t i = 0; i < p.count; ++i) {
    for (int t = 0; t < 9; ++t) f.w[t] = splat(p.weight[9 * i + (p.turned ? 8 - t : t)]);
    f.init = splat(p.bias ? p.bias[i] : 0);
    f.plane = p.plane + i * p.H * p.W;
    f.to = p.to + i * p.P * p.Q;
    f.plus = p.plus ? p.plus + i * p.P * p.Q : nullptr;
    some_rows<S, 1>(f, p, some_rows<S, 2>(f, p, some_rows<S, 7>(f, p, 0)));
  }
}

void planes(const WindowPlanes& p) { p.stride == 1 ? all_planes<1>(p) : all_planes<2>(p); }

}  // namespace

namespace clearcut::isa::CLEARCUT_ISA {

extern const WindowKernels window_kernels = {planes};

}  // namespace clearcut::isa::CLEARCUT_ISA
