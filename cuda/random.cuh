// Philox and what is made of its words, bit by bit as tensor/random.cpp makes it: whole numbers, products
// that are exact, and explicit multiply-adds, so that nvcc's contraction of a * b + c changes nothing.
#pragma once

#include <bit>
#include <cmath>

#include "cuda/gpu.cuh"
#include "tensor/random.h"
#include "tensor/random_constants.h"

namespace clearcut::cuda {

struct PhiloxWords {
  std::uint32_t a, b, c, d;
  __device__ std::uint32_t operator[](std::int64_t i) const {
    return i < 2 ? (i == 0 ? a : b) : (i == 2 ? c : d);
  }
};

/// Words 4 block .. 4 block + 3 of the stream.
__device__ inline PhiloxWords philox_words(const PhiloxStart& start, std::int64_t block) {
  using namespace random_constants;
  PhiloxWords x{static_cast<std::uint32_t>(block), start.counter[1], start.counter[2], start.counter[3]};
  std::uint32_t key0 = start.key[0], key1 = start.key[1];
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{kMultiplier0} * x.a, p1 = std::uint64_t{kMultiplier1} * x.c;
    x = {static_cast<std::uint32_t>(p1 >> 32) ^ x.b ^ key0, static_cast<std::uint32_t>(p1),
         static_cast<std::uint32_t>(p0 >> 32) ^ x.d ^ key1, static_cast<std::uint32_t>(p0)};
    key0 += kWeyl0;
    key1 += kWeyl1;
  }
  return x;
}

/// c[i] + c[i + 1] x + ... with one rounding per term. c is known to the compiler only: its address means
/// nothing on the device.
template <const auto& c, std::size_t i = 0>
__device__ double polynomial(double x) {
  constexpr double term = c[i];
  if constexpr (i + 1 < std::size(c))
    return std::fma(polynomial<c, i + 1>(x), x, term);
  else
    return term;
}

/// exact_log of tensor/random.cpp.
__device__ inline double exact_log(double p) {
  using namespace random_constants;
  const auto bits = std::bit_cast<std::uint64_t>(p);
  int exponent = static_cast<int>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & 0x000FFFFFFFFFFFFFULL) | 0x3FF0000000000000ULL);
  if (m > kSqrt2) {
    m *= 0.5;
    ++exponent;
  }
  const double s = (m - 1.0) / (m + 1.0);
  return std::fma(static_cast<double>(exponent), kLog2, s * polynomial<kAtanhSeries>(s * s));
}

/// N(0, 1) from one word. p lies between 2^-33 and 1 - 2^-33, where the far tail's formula is not needed.
__device__ inline double normal_of(std::uint32_t word) {
  using namespace random_constants;
  const double p = (word + 0.5) * kTwoToMinus32, q = p - 0.5;
  if (q >= -0.425 && q <= 0.425) {
    const double r = std::fma(-q, q, 0.180625);
    return q * polynomial<kCentreTop>(r) / polynomial<kCentreBottom>(r);
  }
  const double r = std::sqrt(-exact_log(q < 0 ? p : 1.0 - p)) - 1.6;
  const double z = polynomial<kNearTop>(r) / polynomial<kNearBottom>(r);
  return q < 0 ? -z : z;
}

}  // namespace clearcut::cuda
