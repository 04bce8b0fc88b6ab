#include "tensor/cpu/isa/norm.h"

#include "tensor/cpu/isa/vector.h"

namespace {

using namespace clearcut::isa;

// Every formula is written once, for a vector V = Vec and for the single values V = float at the end of a
// row. Results may stand where an input does: each value depends on its own place only.
template <class V>
inline V get(const float* p) {
  return *p;
}
template <>
inline Vec get<Vec>(const float* p) {
  return load(p);
}
inline void put(float* p, float v) { *p = v; }
inline void put(float* p, Vec v) { store(p, v); }

template <class V>
inline V clamp(V v, const NormLine& l) {
  const V low = V{} + l.low, high = V{} + l.high;
  return v < low ? low : v > high ? high : v;
}
template <class V>
inline V line(V x, const NormLine& l) {
  return (x - l.mean) * l.scale + l.bias;
}
template <class V>
inline V masked_by(V y, V dy, const NormLine& l) {
  const V low = V{} + l.low, high = V{} + l.high;
  return y <= low ? V{} : y >= high ? V{} : dy;
}

// Calls body(V, offset) for the vectors and then the single values of a row.
template <class Body>
inline void each(int64_t n, const Body& body) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) body(Vec{}, i);
  for (; i < n; ++i) body(float{}, i);
}

template <class V>
struct Two {
  V first, second;
};

// to[k] += the value of lane k.
inline void add_lanes(Vec v, double* to) {
  float lane[kLanes];
  store(lane, v);
  for (int64_t k = 0; k < kLanes; ++k) to[k] += static_cast<double>(lane[k]);
}

// Sums of term(V, offset): kBlock times four vectors in float, their sums in double.
constexpr int64_t kBlock = 8;

template <class Term>
inline void add_two(int64_t n, TwoSums& sums, const Term& term) {
  int64_t i = 0;
  while (i + kLanes <= n) {
    Vec a0{}, a1{}, a2{}, a3{}, b0{}, b1{}, b2{}, b3{};
    int64_t used = 0;
    for (; used < kBlock && i + 4 * kLanes <= n; ++used, i += 4 * kLanes) {
      const Two<Vec> t0 = term(Vec{}, i), t1 = term(Vec{}, i + kLanes), t2 = term(Vec{}, i + 2 * kLanes),
                     t3 = term(Vec{}, i + 3 * kLanes);
      a0 += t0.first, a1 += t1.first, a2 += t2.first, a3 += t3.first;
      b0 += t0.second, b1 += t1.second, b2 += t2.second, b3 += t3.second;
    }
    for (; used < kBlock && i + kLanes <= n && i + 4 * kLanes > n; i += kLanes) {
      const Two<Vec> t = term(Vec{}, i);
      a0 += t.first, b0 += t.second;
    }
    add_lanes((a0 + a1) + (a2 + a3), sums.first);
    add_lanes((b0 + b1) + (b2 + b3), sums.second);
  }
  for (; i < n; ++i) {
    const Two<float> t = term(float{}, i);
    sums.first[0] += static_cast<double>(t.first), sums.second[0] += static_cast<double>(t.second);
  }
}

// Calls body(g) with the function (V, offset) -> g that fits the mask, so that the loops in it have no
// branches.
template <class Body>
inline void with_mask(const NormMask& m, const float* x, const Body& body) {
  const float *dy = m.dy, *y = m.y;
  const NormLine l = m.line;
  if (!m.clamps)
    body([=]<class V>(V, int64_t i) { return get<V>(dy + i); });
  else if (y != nullptr)
    body([=]<class V>(V, int64_t i) { return masked_by(get<V>(y + i), get<V>(dy + i), l); });
  else
    body([=]<class V>(V, int64_t i) { return masked_by(line(get<V>(x + i), l), get<V>(dy + i), l); });
}

void moments(const float* x, int64_t n, float shift, TwoSums& sums) {
  add_two(n, sums, [=]<class V>(V, int64_t i) {
    const V d = get<V>(x + i) - shift;
    return Two<V>{d, d * d};
  });
}

void normalise(const float* x, const float* residual, float* y, int64_t n, NormLine l) {
  if (residual == nullptr)
    each(n, [=]<class V>(V, int64_t i) { put(y + i, clamp(line(get<V>(x + i), l), l)); });
  else
    each(n,
         [=]<class V>(V, int64_t i) { put(y + i, clamp(line(get<V>(x + i), l) + get<V>(residual + i), l)); });
}

void products(const NormMask& mask, const float* x, float* masked, int64_t n, TwoSums& sums) {
  const float mean = mask.line.mean;
  with_mask(mask, x, [&](const auto& g) {
    if (masked == nullptr)
      add_two(n, sums, [=]<class V>(V, int64_t i) {
        const V v = g(V{}, i);
        return Two<V>{v, v * (get<V>(x + i) - mean)};
      });
    else
      add_two(n, sums, [=]<class V>(V, int64_t i) {
        const V v = g(V{}, i);
        put(masked + i, v);
        return Two<V>{v, v * (get<V>(x + i) - mean)};
      });
  });
}

void gradient(const NormMask& mask, const float* x, float* dx, int64_t n, NormSlope s) {
  const float mean = mask.line.mean;
  with_mask(mask, x, [&](const auto& g) {
    each(n,
         [=]<class V>(V, int64_t i) { put(dx + i, s.a * g(V{}, i) + (s.b * (get<V>(x + i) - mean) + s.c)); });
  });
}

void scaled(const NormMask& mask, float* masked, float* dx, int64_t n, float scale) {
  with_mask(mask, nullptr, [&](const auto& g) {
    each(n, [=]<class V>(V, int64_t i) {
      const V v = g(V{}, i);
      if (masked != nullptr) put(masked + i, v);
      if (dx != nullptr) put(dx + i, scale * v);
    });
  });
}

}  // namespace

namespace clearcut::isa::CLEARCUT_ISA {

extern const NormKernels norm_kernels = {moments, normalise, products, gradient, scaled};

}  // namespace clearcut::isa::CLEARCUT_ISA
