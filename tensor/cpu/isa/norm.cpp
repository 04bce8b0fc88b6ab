#include "tensor/cpu/isa/norm.h"

namespace {

using namespace clearcut::isa;

// Results may stand where an input does: ivdep says that each value depends on its own place only.

// Calls body(offset of the row) for each row.
template <class Body>
inline void each_row(ChannelRows rows, const Body& body) {
  for (int64_t r = 0; r < rows.count; ++r) body(r * rows.stride);
}

// first[k] += a(i), second[k] += b(i) with k = i mod kNormWays, for each row.
template <class A, class B>
inline void add_two(ChannelRows rows, TwoSums& sums, const A& a, const B& b) {
  double first[kNormWays], second[kNormWays];
  for (int64_t k = 0; k < kNormWays; ++k) first[k] = sums.first[k], second[k] = sums.second[k];
  for (int64_t r = 0; r < rows.count; ++r) {
    const int64_t end = r * rows.stride + rows.n;
    int64_t i = r * rows.stride;
    for (; i + kNormWays <= end; i += kNormWays)
      for (int64_t k = 0; k < kNormWays; ++k) {
        first[k] += static_cast<double>(a(i + k));
        second[k] += static_cast<double>(b(i + k));
      }
    for (int64_t k = 0; i < end; ++i, ++k) {
      first[k] += static_cast<double>(a(i));
      second[k] += static_cast<double>(b(i));
    }
  }
  for (int64_t k = 0; k < kNormWays; ++k) sums.first[k] = first[k], sums.second[k] = second[k];
}

inline float clamp(float v, const NormLine& l) { return v < l.low ? l.low : v > l.high ? l.high : v; }
inline float line(float x, const NormLine& l) { return (x - l.mean) * l.scale + l.bias; }
inline float masked_by(float y, float dy, const NormLine& l) { return y <= l.low || y >= l.high ? 0 : dy; }

// Calls body(g) with the function i -> g[i] that fits the mask, so that the loops in it have no branches.
template <class Body>
inline void with_mask(const NormMask& m, const float* x, const Body& body) {
  const float *dy = m.dy, *y = m.y;
  const NormLine l = m.line;
  if (!m.clamps)
    body([=](int64_t i) { return dy[i]; });
  else if (y != nullptr)
    body([=](int64_t i) { return masked_by(y[i], dy[i], l); });
  else
    body([=](int64_t i) { return masked_by(line(x[i], l), dy[i], l); });
}

void moments(const float* x, ChannelRows rows, float shift, TwoSums& sums) {
  add_two(
      rows, sums, [=](int64_t i) { return x[i] - shift; },
      [=](int64_t i) {
        const double d = static_cast<double>(x[i] - shift);
        return d * d;
      });
}

void normalise(const float* x, const float* residual, float* y, ChannelRows rows, NormLine l) {
  each_row(rows, [&](int64_t at) {
    if (residual == nullptr) {
#pragma GCC ivdep
      for (int64_t i = at; i < at + rows.n; ++i) y[i] = clamp(line(x[i], l), l);
    } else {
#pragma GCC ivdep
      for (int64_t i = at; i < at + rows.n; ++i) y[i] = clamp(line(x[i], l) + residual[i], l);
    }
  });
}

void products(const NormMask& mask, const float* x, float* masked, ChannelRows rows, TwoSums& sums) {
  const float mean = mask.line.mean;
  with_mask(mask, x, [&](const auto& g) {
    const auto product = [=](int64_t i, float v) {
      return static_cast<double>(v) * static_cast<double>(x[i] - mean);
    };
    if (masked == nullptr) {
      add_two(rows, sums, g, [=](int64_t i) { return product(i, g(i)); });
      return;
    }
    each_row(rows, [&](int64_t at) {
#pragma GCC ivdep
      for (int64_t i = at; i < at + rows.n; ++i) masked[i] = g(i);
    });
    add_two(
        rows, sums, [=](int64_t i) { return masked[i]; }, [=](int64_t i) { return product(i, masked[i]); });
  });
}

void gradient(const NormMask& mask, const float* x, float* dx, ChannelRows rows, NormSlope s) {
  const float mean = mask.line.mean;
  with_mask(mask, x, [&](const auto& g) {
    each_row(rows, [&](int64_t at) {
#pragma GCC ivdep
      for (int64_t i = at; i < at + rows.n; ++i) dx[i] = s.a * g(i) + (s.b * (x[i] - mean) + s.c);
    });
  });
}

// Masking twice is masking once, so g may be read again where `masked` is dy.
void scaled(const NormMask& mask, float* masked, float* dx, ChannelRows rows, float scale) {
  with_mask(mask, nullptr, [&](const auto& g) {
    each_row(rows, [&](int64_t at) {
      if (masked != nullptr) {
#pragma GCC ivdep
        for (int64_t i = at; i < at + rows.n; ++i) masked[i] = g(i);
      }
      if (dx != nullptr) {
#pragma GCC ivdep
        for (int64_t i = at; i < at + rows.n; ++i) dx[i] = scale * g(i);
      }
    });
  });
}

}  // namespace

namespace clearcut::isa::CLEARCUT_ISA {

extern const NormKernels norm_kernels = {moments, normalise, products, gradient, scaled};

}  // namespace clearcut::isa::CLEARCUT_ISA
