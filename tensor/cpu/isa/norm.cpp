#include "tensor/cpu/isa/norm.h"

namespace {

using namespace clearcut::isa;

// first[k] += a(i), second[k] += b(i) with k = i mod kNormWays.
template <class A, class B>
inline void add_two(int64_t n, TwoSums& sums, const A& a, const B& b) {
  double first[kNormWays], second[kNormWays];
  for (int64_t k = 0; k < kNormWays; ++k) first[k] = sums.first[k], second[k] = sums.second[k];
  int64_t i = 0;
  for (; i + kNormWays <= n; i += kNormWays)
    for (int64_t k = 0; k < kNormWays; ++k) {
      first[k] += static_cast<double>(a(i + k));
      second[k] += static_cast<double>(b(i + k));
    }
  for (int64_t k = 0; i < n; ++i, ++k) {
    first[k] += static_cast<double>(a(i));
    second[k] += static_cast<double>(b(i));
  }
  for (int64_t k = 0; k < kNormWays; ++k) sums.first[k] = first[k], sums.second[k] = second[k];
}

void moments(const float* x, int64_t n, float shift, TwoSums& sums) {
  add_two(
      n, sums, [=](int64_t i) { return x[i] - shift; },
      [=](int64_t i) {
        const double d = static_cast<double>(x[i] - shift);
        return d * d;
      });
}

void products(const float* dy, const float* x, int64_t n, float mean, TwoSums& sums) {
  add_two(
      n, sums, [=](int64_t i) { return dy[i]; },
      [=](int64_t i) { return static_cast<double>(dy[i]) * static_cast<double>(x[i] - mean); });
}

void normalise(const float* x, float* y, int64_t n, float mean, float scale, float bias) {
  for (int64_t i = 0; i < n; ++i) y[i] = (x[i] - mean) * scale + bias;
}

void gradient(const float* dy, const float* x, float* dx, int64_t n, float mean, float a, float b, float c) {
  for (int64_t i = 0; i < n; ++i) dx[i] = a * dy[i] + (b * (x[i] - mean) + c);
}

}  // namespace

namespace clearcut::isa::CLEARCUT_ISA {

extern const NormKernels norm_kernels = {moments, products, normalise, gradient};

}  // namespace clearcut::isa::CLEARCUT_ISA
