// The formulas of tensor/random.cpp in loops that the compiler turns into vector code. Every product that
// feeds a sum is an explicit multiply-add or exact, so contraction cannot change a bit.
#include "tensor/cpu/isa/random.h"

#include "tensor/random_constants.h"

namespace {

using namespace clearcut::isa;
using namespace clearcut::random_constants;

void philox(const PhiloxRun& run) {
  const uint32_t c1 = run.counter[1], c2 = run.counter[2], c3 = run.counter[3];
  for (int64_t i = 0; i < run.blocks; ++i) {
    uint32_t x0 = run.first + static_cast<uint32_t>(i), x1 = c1, x2 = c2, x3 = c3;
    uint32_t key0 = run.key[0], key1 = run.key[1];
#pragma GCC unroll 10
    for (int round = 0; round < 10; ++round) {
      const uint64_t p0 = static_cast<uint64_t>(kMultiplier0) * x0;
      const uint64_t p1 = static_cast<uint64_t>(kMultiplier1) * x2;
      x0 = static_cast<uint32_t>(p1 >> 32) ^ x1 ^ key0;
      x1 = static_cast<uint32_t>(p1);
      x2 = static_cast<uint32_t>(p0 >> 32) ^ x3 ^ key1;
      x3 = static_cast<uint32_t>(p0);
      key0 += kWeyl0;
      key1 += kWeyl1;
    }
    run.words[4 * i] = x0;
    run.words[4 * i + 1] = x1;
    run.words[4 * i + 2] = x2;
    run.words[4 * i + 3] = x3;
  }
}

#ifdef __FMA__

template <int n>
inline double polynomial(const double (&c)[n], double x) {
  double y = c[n - 1];
#pragma GCC unroll 16
  for (int i = n - 2; i >= 0; --i) y = __builtin_fma(y, x, c[i]);
  return y;
}

// exact_log of tensor/random.cpp.
inline double exact_log(double p) {
  const auto bits = __builtin_bit_cast(uint64_t, p);
  const double raw = __builtin_bit_cast(double, (bits & 0x000FFFFFFFFFFFFFULL) | 0x3FF0000000000000ULL);
  const bool large = raw > kSqrt2;
  const double m = large ? raw * 0.5 : raw;
  const double exponent = static_cast<double>(static_cast<int32_t>(bits >> 52) - 1023 + (large ? 1 : 0));
  const double s = (m - 1.0) / (m + 1.0);
  return __builtin_fma(exponent, kLog2, s * polynomial(kAtanhSeries, s * s));
}

constexpr int64_t kBlock = 256;

// The centre formula for all, then the near-tail formula for the 15 % that need it, gathered. The far tail
// begins at p = 1.4e-11, below the smallest p here, 2^-33.
void normal_block(const uint32_t* words, double* y, int64_t n) {
  double q[kBlock], p[kBlock], tail[kBlock];
  int32_t at[kBlock];
  for (int64_t i = 0; i < n; ++i) {
    p[i] = (static_cast<double>(words[i]) + 0.5) * kTwoToMinus32;
    q[i] = p[i] - 0.5;
    const double r = __builtin_fma(-q[i], q[i], 0.180625);
    y[i] = q[i] * polynomial(kCentreTop, r) / polynomial(kCentreBottom, r);
  }
  int64_t tails = 0;
  for (int64_t i = 0; i < n; ++i) {
    at[tails] = static_cast<int32_t>(i);
    tail[tails] = p[i];
    tails += __builtin_fabs(q[i]) > 0.425;
  }
  for (int64_t t = 0; t < tails; ++t) {
    const double low = tail[t] - 0.5 < 0 ? tail[t] : 1.0 - tail[t];
    const double r = __builtin_sqrt(-exact_log(low)) - 1.6;
    const double z = polynomial(kNearTop, r) / polynomial(kNearBottom, r);
    tail[t] = tail[t] - 0.5 < 0 ? -z : z;
  }
  for (int64_t t = 0; t < tails; ++t) y[at[t]] = tail[t];
}

void normal(const uint32_t* words, double* y, int64_t n, double mean, double deviation) {
  for (int64_t i = 0; i < n; i += kBlock) {
    const int64_t size = n - i < kBlock ? n - i : kBlock;
    normal_block(words + i, y + i, size);
    for (int64_t j = i; j < i + size; ++j) y[j] = __builtin_fma(y[j], deviation, mean);
  }
}

void uniform(const uint32_t* words, double* y, int64_t n, double low, double high) {
  const double range = high - low;
  for (int64_t i = 0; i < n; ++i)
    y[i] = __builtin_fma(static_cast<double>(words[i]) * kTwoToMinus32, range, low);
}

#endif

}  // namespace

namespace clearcut::isa::CLEARCUT_ISA {

#ifdef __FMA__
extern const RandomKernels random_kernels = {philox, uniform, normal};
#else
extern const RandomKernels random_kernels = {philox, nullptr, nullptr};
#endif

}  // namespace clearcut::isa::CLEARCUT_ISA
