// Learning rates over the steps of a run.
#pragma once

#include <cstdint>

namespace clearcut {

class Config;

enum class Decay { kPoly, kStep, kConstant, kCosine };

/// Linear warm-up from warmup_start to `rate` over `warmup` steps, then with t = step - warmup and
/// T = steps - warmup (at least 1):
///
///   poly       (rate - end) * (1 - min(t, T) / T)^power + end
///   cosine     (rate - end) * (1 + cos(pi * min(t, T) / T)) / 2 + end
///   step       rate * gamma^floor(t / every)
///   constant   rate
///
/// Source: PaddleSeg's builder and Paddle's PolynomialDecay, LinearWarmup, StepDecay (behaviour).
struct Schedule {
  Decay decay = Decay::kPoly;
  double rate = 0.01;
  double end = 0;
  double power = 0.9;
  std::int64_t steps = 1;  // of the whole run
  std::int64_t every = 1;  // step: decay interval
  double gamma = 0.1;      // step: factor
  std::int64_t warmup = 0;
  double warmup_start = 0;

  /// The rate of a step counted from 0.
  double at(std::int64_t step) const;
};

/// Keys: rate, decay, end, power, every, gamma, warmup, warmup_start.
Schedule read_schedule(const Config& config, std::int64_t steps);

}  // namespace clearcut
