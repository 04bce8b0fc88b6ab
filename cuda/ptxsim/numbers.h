// Values in registers: bits of 64 from and to the types that handlers compute with.
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

#include "cuda/ptxsim/program.h"

namespace clearcut::ptxsim {

/// 16-bit floats: IEEE half (5 bits of exponent) and bfloat16 (the upper half of a float).
struct Half {
  std::uint16_t bits;
};
struct Bfloat {
  std::uint16_t bits;
};
/// Two of them in one register, the first in the lower bits.
template <class H>
struct Pair {
  H low, high;
};

/// How many bits a small float has, and its infinity or largest value.
struct FloatFormat {
  int exponent_bits, fraction_bits;
};
constexpr FloatFormat kHalfFormat{5, 10}, kBfloatFormat{8, 7}, kTf32Format{8, 10};

/// v rounded once to the format, as its bits: subnormals are kept, too large values become infinity (rounded
/// towards zero: the largest number), NaN the quiet one with all bits set.
std::uint32_t encode(double v, FloatFormat format, Rounding rounding);
double decode_float(std::uint32_t bits, FloatFormat format);

inline double value(Half h) { return decode_float(h.bits, kHalfFormat); }
inline double value(Bfloat b) { return std::bit_cast<float>(static_cast<std::uint32_t>(b.bits) << 16); }
template <class H>
H rounded(double v, Rounding rounding = Rounding::kNearest) {
  constexpr FloatFormat kFormat = std::is_same_v<H, Half> ? kHalfFormat : kBfloatFormat;
  return {static_cast<std::uint16_t>(encode(v, kFormat, rounding))};
}

template <class T>
constexpr bool is_pair = false;
template <class H>
constexpr bool is_pair<Pair<H>> = true;

template <class T>
T from_bits(std::uint64_t v) {
  if constexpr (std::is_same_v<T, bool>)
    return (v & 1) != 0;
  else if constexpr (std::is_integral_v<T>)
    return static_cast<T>(v);
  else if constexpr (std::is_same_v<T, float>)
    return std::bit_cast<float>(static_cast<std::uint32_t>(v));
  else if constexpr (std::is_same_v<T, double>)
    return std::bit_cast<double>(v);
  else if constexpr (is_pair<T>)
    return {{static_cast<std::uint16_t>(v)}, {static_cast<std::uint16_t>(v >> 16)}};
  else
    return {static_cast<std::uint16_t>(v)};
}

template <class T>
std::uint64_t to_bits(T v) {
  if constexpr (std::is_same_v<T, bool>)
    return v ? 1 : 0;
  else if constexpr (std::is_integral_v<T>)
    return static_cast<std::make_unsigned_t<T>>(v);
  else if constexpr (std::is_same_v<T, float>)
    return std::bit_cast<std::uint32_t>(v);
  else if constexpr (std::is_same_v<T, double>)
    return std::bit_cast<std::uint64_t>(v);
  else if constexpr (is_pair<T>)
    return static_cast<std::uint64_t>(v.low.bits) | static_cast<std::uint64_t>(v.high.bits) << 16;
  else
    return v.bits;
}

constexpr std::uint64_t low_bits(int n) { return n >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << n) - 1; }
constexpr std::int64_t sign_extended(std::uint64_t v, int bits) {
  return bits >= 64 ? static_cast<std::int64_t>(v)
                    : static_cast<std::int64_t>(v << (64 - bits)) >> (64 - bits);
}

}  // namespace clearcut::ptxsim
