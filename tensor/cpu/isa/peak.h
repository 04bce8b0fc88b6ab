// Loops that do nothing but keep the multiply-add units or the memory busy: the limits against which all
// other loops are measured. One table per instruction set; tensor/machine.h times them.
#pragma once

#include <stdint.h>

namespace clearcut::isa {

struct PeakKernels {
  /// Multiply-adds of one round of multiply_add().
  int64_t round;
  /// `rounds` rounds of x[i] = x[i] * factor + term over independent chains that stay in registers; returns
  /// a value that depends on all of them.
  float (*multiply_add)(int64_t rounds, float factor, float term);
  /// Passes over n floats (a multiple of 64): the sum of a; b = a; c = a + factor * b.
  float (*read)(const float* a, int64_t n);
  void (*copy)(const float* a, float* b, int64_t n);
  void (*triad)(const float* a, const float* b, float factor, float* c, int64_t n);
};

namespace baseline {
extern const PeakKernels peak_kernels;
}
namespace avx2 {
extern const PeakKernels peak_kernels;
}
namespace avx512 {
extern const PeakKernels peak_kernels;
}

}  // namespace clearcut::isa
