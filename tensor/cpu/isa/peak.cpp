#include "tensor/cpu/isa/peak.h"

#include "tensor/cpu/isa/vector.h"

namespace {

// Two units with a latency of four or five cycles need ten chains; SSE's 16 registers hold twelve, the two
// factors and the product.
constexpr int kChains = 12;
constexpr int kStep = 4;  // vectors per turn of the memory loops

float multiply_add(int64_t rounds, float factor, float term) {
  const Vec f = splat(factor), t = splat(term);
  Vec chain[kChains];
#pragma GCC unroll 12
  for (int c = 0; c < kChains; ++c) chain[c] = splat(static_cast<float>(c));
  for (int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 12
    for (int c = 0; c < kChains; ++c) chain[c] = chain[c] * f + t;
  }
  Vec sum{};
#pragma GCC unroll 12
  for (int c = 0; c < kChains; ++c) sum += chain[c];
  float total = 0;
  for (int l = 0; l < kLanes; ++l) total += sum[l];
  return total;
}

float read(const float* a, int64_t n) {
  Vec sum[kStep] = {};
  for (int64_t i = 0; i < n; i += kStep * kLanes)
#pragma GCC unroll 4
    for (int s = 0; s < kStep; ++s) sum[s] += load(a + i + s * kLanes);
  const Vec all = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  float total = 0;
  for (int l = 0; l < kLanes; ++l) total += all[l];
  return total;
}

// Loops over whole vectors, not over floats: GCC would call memcpy, which goes round the caches.
void copy(const float* a, float* b, int64_t n) {
  for (int64_t i = 0; i < n; i += kStep * kLanes)
#pragma GCC unroll 4
    for (int s = 0; s < kStep; ++s) store(b + i + s * kLanes, load(a + i + s * kLanes));
}

void triad(const float* a, const float* b, float factor, float* c, int64_t n) {
  const Vec f = splat(factor);
  for (int64_t i = 0; i < n; i += kStep * kLanes)
#pragma GCC unroll 4
    for (int s = 0; s < kStep; ++s) {
      const int64_t at = i + s * kLanes;
      store(c + at, load(a + at) + f * load(b + at));
    }
}

}  // namespace

namespace clearcut::isa::CLEARCUT_ISA {

extern const PeakKernels peak_kernels = {kChains * kLanes, multiply_add, read, copy, triad};

}  // namespace clearcut::isa::CLEARCUT_ISA
