#include "tensor/cpu/isa/maps.h"

#include "tensor/cpu/isa/math.h"

namespace {

using namespace clearcut::isa;

// With the stride as a constant the compiler shuffles whole vectors instead of picking values one by one.
template <int64_t kStride>
void max_tap_of(const MaxTap& t) {
  const int64_t stride = kStride ? kStride : t.stride;
  const int32_t step = static_cast<int32_t>(stride), first = t.first_index, n = static_cast<int32_t>(t.n);
  const float* __restrict x = t.x;
  float* __restrict best = t.best;
  int32_t* __restrict index = t.index;
  for (int32_t j = 0; j < n; ++j) {
    const float v = x[j * stride], old = best[j];
    const int32_t here = first + j * step, before = index[j];
    const bool take = (v > old) | (v != v) | (before < 0);
    best[j] = take ? v : old;
    index[j] = take ? here : before;
  }
}

void max_tap(const MaxTap& t) {
  if (t.stride == 1) return max_tap_of<1>(t);
  if (t.stride == 2) return max_tap_of<2>(t);
  max_tap_of<0>(t);
}

void expand_row(const float* x, const ColumnTaps& taps, float* __restrict y) {
  for (int64_t j = 0; j < taps.n; ++j) {
    const float a = x[taps.low[j]], b = x[taps.high[j]];
    y[j] = a + taps.weight[j] * (b - a);
  }
}

void blend_rows(const float* a, const float* b, float weight, float* y, int64_t n) {
  for (int64_t j = 0; j < n; ++j) y[j] = a[j] + weight * (b[j] - a[j]);
}

void add_scaled(const float* x, float weight, float* y, int64_t n) {
  for (int64_t j = 0; j < n; ++j) y[j] += weight * x[j];
}

// NaN wins, as it does in the sum.
inline float larger(float a, float b) { return a > b || a != a ? a : b; }

void add_exponentials(const ClassTile& t, float* top, float* sum) {
  constexpr int64_t kBlock =
      64;  // pixels side by side, so that their maxima and sums stay in registers or L1
  for (int64_t first = 0; first < t.n; first += kBlock) {
    const int64_t n = t.n - first < kBlock ? t.n - first : kBlock;
    float high[kBlock], part[kBlock];
    for (int64_t i = 0; i < n; ++i) high[i] = top[first + i];
    for (int64_t k = 0; k < t.classes; ++k) {
      const float* z = t.z + k * t.stride + first;
      for (int64_t i = 0; i < n; ++i) high[i] = larger(z[i], high[i]);
    }
    for (int64_t i = 0; i < n; ++i) part[i] = sum[first + i] * exp(top[first + i] - high[i]);
    for (int64_t k = 0; k < t.classes; ++k) {
      const float* z = t.z + k * t.stride + first;
      for (int64_t i = 0; i < n; ++i) part[i] += exp(z[i] - high[i]);
    }
    for (int64_t i = 0; i < n; ++i) top[first + i] = high[i], sum[first + i] = part[i];
  }
}

inline float gradient_at(const LossRow& row, float z, int64_t i) {
  return row.q[i] * (exp(z - row.log_sum_exp[i]) - (row.labels[i] == row.of_class ? 1.0f : 0.0f));
}

void loss_gradient(const LossRow& r, const float* z, float* __restrict dz) {
  const LossRow row = r;
  for (int64_t i = 0; i < row.n; ++i) dz[i] = row.q[i] == 0 ? 0 : gradient_at(row, z[i], i);
}

void blended_loss_gradient(const LossRow& r, const float* upper, const float* lower, float weight,
                           float* __restrict d_upper, float* __restrict d_lower) {
  const LossRow row = r;
  for (int64_t i = 0; i < row.n; ++i) {
    const float z = upper[i] + weight * (lower[i] - upper[i]);
    const float g = row.q[i] == 0 ? 0 : gradient_at(row, z, i);
    d_upper[i] += (1 - weight) * g;
    d_lower[i] += weight * g;
  }
}

}  // namespace

namespace clearcut::isa::CLEARCUT_ISA {

extern const MapKernels map_kernels = {max_tap,          expand_row,    blend_rows,           add_scaled,
                                       add_exponentials, loss_gradient, blended_loss_gradient};

}  // namespace clearcut::isa::CLEARCUT_ISA
