// The one-dimensional transforms of F(4, 3) and their transposes, for vectors of any length. Included by
// tensor/cpu/isa/winograd*.cpp only; a two-dimensional one is two of them.
#pragma once

#include "tensor/cpu/isa/vector.h"

namespace {

typedef int Index __attribute__((vector_size(kLanes * 4)));

// The points are +-a and +-b.
constexpr float kA = 0.70710678118654752f, kB = 1.4142135623730950f;
// One over the product of the distances from +-a, from +-b, to the other points.
constexpr float kInA = -2.0f / 3.0f, kInB = 1.0f / 6.0f;

// v = B^T d: the rows are the products of x - p over the other points p.
template <class V>
inline void transform_input(const V* d, V* v) {
  const V even_a = d[4] - 2.0f * d[2], odd_a = d[3] - 2.0f * d[1];
  const V even_b = d[4] - 0.5f * d[2], odd_b = d[3] - 0.5f * d[1];
  v[0] = d[0] + d[4] - 2.5f * d[2];
  v[1] = even_a + kA * odd_a;
  v[2] = even_a - kA * odd_a;
  v[3] = even_b + kB * odd_b;
  v[4] = even_b - kB * odd_b;
  v[5] = d[1] + d[5] - 2.5f * d[3];
}

// u = G g: the values of the polynomial g at the points, each divided by the product of its distances.
template <class V>
inline void transform_weights(const V* g, V* u) {
  const V even_a = kInA * g[0] + (kInA * 0.5f) * g[2], odd_a = (kInA * kA) * g[1];
  const V even_b = kInB * g[0] + (kInB * 2.0f) * g[2], odd_b = (kInB * kB) * g[1];
  u[0] = g[0];
  u[1] = even_a + odd_a;
  u[2] = even_a - odd_a;
  u[3] = even_b + odd_b;
  u[4] = even_b - odd_b;
  u[5] = g[2];
}

// y = A^T m: the four sums of m over the powers of the points.
template <class V>
inline void transform_output(const V* m, V* y) {
  const V even_a = m[1] + m[2], odd_a = m[1] - m[2];
  const V even_b = m[3] + m[4], odd_b = m[3] - m[4];
  y[0] = m[0] + even_a + even_b;
  y[1] = kA * odd_a + kB * odd_b;
  y[2] = 0.5f * even_a + 2.0f * even_b;
  y[3] = (kA / 2) * odd_a + ((2 * kB) * odd_b + m[5]);
}

// m = A y, the transpose of the above.
template <class V>
inline void transform_gradient(const V* y, V* m) {
  const V even_a = y[0] + 0.5f * y[2], odd_a = kA * y[1] + (kA / 2) * y[3];
  const V even_b = y[0] + 2.0f * y[2], odd_b = kB * y[1] + (2 * kB) * y[3];
  m[0] = y[0];
  m[1] = even_a + odd_a;
  m[2] = even_a - odd_a;
  m[3] = even_b + odd_b;
  m[4] = even_b - odd_b;
  m[5] = y[3];
}

// g = G^T u, the transpose of the weights'.
template <class V>
inline void transform_sums(const V* u, V* g) {
  const V even_a = kInA * (u[1] + u[2]), odd_a = (kInA * kA) * (u[1] - u[2]);
  const V even_b = kInB * (u[3] + u[4]), odd_b = (kInB * kB) * (u[3] - u[4]);
  g[0] = u[0] + (even_a + even_b);
  g[1] = odd_a + odd_b;
  g[2] = u[5] + (0.5f * even_a + 2.0f * even_b);
}

// rows[i][j] to rows[j][i] for N x N values: blocks of N / 2, N / 4 ... 1 across the diagonal change places.
template <class V, class I, int N, int block = N / 2>
inline void transpose(V* rows) {
  I upper, lower;
  for (int i = 0; i < N; ++i) {
    upper[i] = i & block ? N + i - block : i;
    lower[i] = i & block ? N + i : i + block;
  }
#pragma GCC unroll 16
  for (int i = 0; i < N; ++i) {
    if (i & block) continue;
    const V above = rows[i], below = rows[i + block];
    rows[i] = __builtin_shuffle(above, below, upper);
    rows[i + block] = __builtin_shuffle(above, below, lower);
  }
  if constexpr (block > 1) transpose<V, I, N, block / 2>(rows);
}

}  // namespace
