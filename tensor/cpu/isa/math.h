// exp, log, log1p, tanh and erf of a float without branches, so that loops over them become vector code.
// Included by tensor/cpu/isa/*.cpp only; everything stands in an anonymous namespace, as in vector.h.
#pragma once

#include <stdint.h>

namespace {

inline float float_of_bits(int32_t bits) { return __builtin_bit_cast(float, bits); }
inline int32_t bits_of_float(float x) { return __builtin_bit_cast(int32_t, x); }

/// exp(x) = 2^n (1 + m) with n an integer and |log(1 + m)| <= log(2) / 2; relative error of m near 1e-7.
struct ExpParts {
  float n, m;
};
inline ExpParts exp_parts(float x) {
  constexpr float kLog2E = 1.44269504f, kShift = 0x1.8p23f;            // adding kShift rounds to an integer
  constexpr float kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;  // their sum is log(2)
  const float n = (x * kLog2E + kShift) - kShift;
  const float r = (x - n * kLn2High) - n * kLn2Low;
  // Taylor: r^8 / 8! is 4e-9 of r at the ends.
  float m = 1.0f / 5040;
  m = m * r + 1.0f / 720;
  m = m * r + 1.0f / 120;
  m = m * r + 1.0f / 24;
  m = m * r + 1.0f / 6;
  m = m * r + 0.5f;
  return {n, r + r * r * m};
}

/// 2^n for an integer -126 <= n <= 127.
inline float power_of_two(float n) { return float_of_bits((static_cast<int32_t>(n) + 127) << 23); }

/// 0 below -87.3 (where results would be subnormal), infinity above 88.73; NaN stays NaN.
inline float exp(float x) {
  const float low = x < -87.3f ? -87.3f : x;
  const ExpParts e = exp_parts(low > 88.8f ? 88.8f : low);
  const float n = e.n > 0 ? e.n : e.n < 0 ? e.n : 0.0f;  // 0 for NaN: its integer would be undefined
  // 2^128 is not a float: two factors.
  const float half = n > 126 ? 126.0f : n;
  const float y = (1 + e.m) * power_of_two(half) * power_of_two(n - half);
  return x < -87.3f ? 0.0f : x > 88.7229f ? __builtin_inff() : y;
}

/// -infinity at 0, NaN below; subnormal numbers included.
inline float log(float x) {
  const bool tiny = x < 0x1p-126f;
  const float scaled = tiny ? x * 0x1p23f : x;
  const auto bits = static_cast<uint32_t>(bits_of_float(scaled));
  // x = 2^e m with m in [0.707, 1.414): 0x3F3504F3 are the bits of sqrt(0.5).
  // Unsigned: the bits of negative numbers, whose result is NaN anyway, would overflow.
  const int32_t e = static_cast<int32_t>(bits - 0x3F3504F3u) >> 23;
  const float m = float_of_bits(static_cast<int32_t>(bits - (static_cast<uint32_t>(e) << 23)));
  // log m = 2 atanh(s), s = (m - 1) / (m + 1), |s| < 0.172: s^13 / 13 is 5e-11 of s.
  const float s = (m - 1) / (m + 1), s2 = s * s;
  float p = 2.0f / 11;
  p = p * s2 + 2.0f / 9;
  p = p * s2 + 2.0f / 7;
  p = p * s2 + 2.0f / 5;
  p = p * s2 + 2.0f / 3;
  p = p * s2 + 2.0f;
  const float power = static_cast<float>(e) - (tiny ? 23.0f : 0.0f);
  const float y = power * 0.693359375f + (power * -2.12194440e-4f + s * p);
  return x > 0 ? (x == __builtin_inff() ? x : y) : x == 0 ? -__builtin_inff() : __builtin_nanf("");
}

/// For finite x >= 0: log of the rounded 1 + x, times what the rounding lost.
/// Source of the correction: Goldberg, "What every computer scientist should know about floating-point
/// arithmetic", theorem 4, ACM Computing Surveys 23, 1991.
inline float log1p(float x) {
  const float w = 1 + x;
  return w == 1 ? x : log(w) * (x / (w - 1));
}

/// tanh x = t / (t + 2) with t = exp(2 |x|) - 1: exact to a few ulp near 0 too; 1 beyond 10.
inline float tanh(float x) {
  const float size = __builtin_fabsf(x), bounded = size > 10 ? 10.0f : size;
  const ExpParts e = exp_parts(2 * bounded);
  const float n = e.n > 0 ? e.n : 0.0f;
  const float power = power_of_two(n), t = power * e.m + (power - 1);
  return __builtin_copysignf(t / (t + 2), x);
}

/// Below 1 the Taylor series, whose next term is 1e-9 of the sum; above, 1 - (a1 t + ... + a5 t^5) exp(-x^2)
/// with t = 1 / (1 + p |x|), error at most 1.5e-7. Source: Abramowitz and Stegun, Handbook of Mathematical
/// Functions, 1964, 7.1.26.
inline float erf(float x) {
  const float size = __builtin_fabsf(x), s = x * x;
  float small = 1.48071928e-8f;  // 2 / sqrt(pi) (-1)^n / (n! (2 n + 1)) for n = 10, 9, ..., 0
  small = small * s - 1.63658447e-7f;
  small = small * s + 1.64621144e-6f;
  small = small * s - 1.49256508e-5f;
  small = small * s + 1.20553334e-4f;
  small = small * s - 8.54832702e-4f;
  small = small * s + 5.22397763e-3f;
  small = small * s - 2.68661706e-2f;
  small = small * s + 1.12837917e-1f;
  small = small * s - 3.76126389e-1f;
  small = small * s + 1.12837917f;
  const float t = 1 / (1 + 0.3275911f * size);
  float tail = 1.061405429f;
  tail = tail * t - 1.453152027f;
  tail = tail * t + 1.421413741f;
  tail = tail * t - 0.284496736f;
  tail = tail * t + 0.254829592f;
  return size < 1 ? x * small : __builtin_copysignf(1 - tail * t * exp(-s), x);
}

inline float sqrt(float x) { return __builtin_sqrtf(x); }
inline float abs(float x) { return __builtin_fabsf(x); }

}  // namespace
