// Philox blocks and normal numbers, one table per instruction set; the same bits as tensor/random.cpp.
#pragma once

#include <stdint.h>

namespace clearcut::isa {

/// The words of `blocks` Philox4x32-10 blocks: words[4 * i + k] is word k of block (first + i,
/// counter[1..3]).
struct PhiloxRun {
  uint32_t key[2];
  uint32_t counter[4];  // word 0 is not used
  uint32_t first;
  int64_t blocks;
  uint32_t* words;
};

struct RandomKernels {
  void (*philox)(const PhiloxRun& run);
  /// y[i] = words[i] 2^-32 (high - low) + low, with one rounding, for i < n. This and `normal` are null where
  /// there is no hardware multiply-add: the plain code runs then.
  void (*uniform)(const uint32_t* words, double* y, int64_t n, double low, double high);
  /// y[i] = inverse_normal((words[i] + 0.5) 2^-32) * deviation + mean, the last two steps with one rounding.
  void (*normal)(const uint32_t* words, double* y, int64_t n, double mean, double deviation);
};

namespace baseline {
extern const RandomKernels random_kernels;
}
namespace avx2 {
extern const RandomKernels random_kernels;
}
namespace avx512 {
extern const RandomKernels random_kernels;
}

}  // namespace clearcut::isa
