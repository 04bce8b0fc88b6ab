#include "tensor/cpu/isa/maps.h"

#include "tensor/cpu/isa/math.h"
#include "tensor/cpu/isa/vector.h"

namespace {

using namespace clearcut::isa;

typedef int32_t Index __attribute__((vector_size(kLanes * 4)));
typedef int32_t LooseIndex __attribute__((vector_size(kLanes * 4), aligned(4), may_alias));

// x[0], x[2], ...: whole vectors are shuffled. `last` reads the float before x instead of the one behind.
inline Vec every_other(const float* x, bool last) {
  Index lanes;
  for (int i = 0; i < kLanes; ++i) lanes[i] = 2 * i;
  if (!last) return __builtin_shuffle(load(x), load(x + kLanes), lanes);
  return __builtin_shuffle(load(x - 1), load(x - 1 + kLanes), lanes + 1);
}

// kLanes windows from j on, their maxima in registers; the last ones of a run read nothing behind their taps.
template <int kStride>
inline void max_vector(const MaxWindowRun& r, int64_t j, bool last) {
  const float* x = r.x + j * kStride;
  Index step;
  for (int i = 0; i < kLanes; ++i) step[i] = i * kStride;
  const int32_t first = static_cast<int32_t>(j * kStride);
  Vec best{};
  Index index{};
  for (int64_t t = 0; t < r.tap_count; ++t) {
    const float* at = x + r.taps[t];
    const Vec v = kStride == 1 ? load(at) : every_other(at, last);
    const Index here = step + (first + r.taps[t]);
    const Index take = t == 0 ? ~Index{} : ((v > best) | (v != v));
    best = take ? v : best;
    index = take ? here : index;
  }
  store(r.best + j, best);
  *reinterpret_cast<LooseIndex*>(r.index + j) = index;
}

inline void max_single(const MaxWindowRun& r, int64_t j) {
  int32_t index = r.taps[0] + static_cast<int32_t>(j * r.stride);
  float best = r.x[index];
  for (int64_t t = 1; t < r.tap_count; ++t) {
    const int32_t here = r.taps[t] + static_cast<int32_t>(j * r.stride);
    const float v = r.x[here];
    if (!((v > best) | (v != v))) continue;
    best = v;
    index = here;
  }
  r.best[j] = best;
  r.index[j] = index;
}

// The last vector overlaps the one before it.
template <int kStride>
void max_run(const MaxWindowRun& r) {
  for (int64_t j = 0; j + kLanes < r.n; j += kLanes) max_vector<kStride>(r, j, false);
  max_vector<kStride>(r, r.n - kLanes, true);
}

void max_windows(const MaxWindowRun& r) {
  if (r.n > kLanes && r.stride == 1) return max_run<1>(r);
  if (r.n > kLanes && r.stride == 2) return max_run<2>(r);
  for (int64_t j = 0; j < r.n; ++j) max_single(r, j);
}

inline float expanded(const float* x, const ColumnTaps& taps, int64_t j) {
  const float a = x[taps.low[j]], b = x[taps.high[j]];
  return a + taps.weight[j] * (b - a);
}

// Outputs [j, j + kLanes). Neighbours of an enlarged row read neighbours: two vectors of x hold all that they
// need, and shuffles of those are several times as fast as gathers.
inline void expand_vector(const float* x, const ColumnTaps& taps, int64_t j, float* y) {
  const int32_t from = taps.low[j];
  if (taps.high[j + kLanes - 1] - from >= 2 * kLanes) {
    for (int64_t i = j; i < j + kLanes; ++i) y[i] = expanded(x, taps, i);
    return;
  }
  const Vec near = load(x + from), far = load(x + from + kLanes);
  const Index low = *reinterpret_cast<const LooseIndex*>(taps.low + j) - from;
  const Index high = *reinterpret_cast<const LooseIndex*>(taps.high + j) - from;
  const Vec a = __builtin_shuffle(near, far, low), b = __builtin_shuffle(near, far, high);
  store(y + j, a + load(taps.weight + j) * (b - a));
}

// SSE2 has no such shuffle. The last vector overlaps the one before it.
void expand_row(const float* x, const ColumnTaps& taps, float* __restrict y) {
  if (kLanes == 4 || taps.n < kLanes) {
    for (int64_t j = 0; j < taps.n; ++j) y[j] = expanded(x, taps, j);
    return;
  }
  for (int64_t j = 0; j + kLanes < taps.n; j += kLanes) expand_vector(x, taps, j, y);
  expand_vector(x, taps, taps.n - kLanes, y);
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

extern const MapKernels map_kernels = {max_windows,      expand_row,    blend_rows,           add_scaled,
                                       add_exponentials, loss_gradient, blended_loss_gradient};

}  // namespace clearcut::isa::CLEARCUT_ISA
