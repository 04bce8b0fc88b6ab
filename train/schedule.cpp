#include "train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "train/config.h"

namespace clearcut {

double Schedule::at(std::int64_t step) const {
  if (step < warmup)
    return warmup_start + (rate - warmup_start) * static_cast<double>(step) / static_cast<double>(warmup);
  const double t = static_cast<double>(step - warmup);
  const double T = static_cast<double>(std::max<std::int64_t>(steps - warmup, 1));
  const double done = std::min(t, T) / T;
  switch (decay) {
    case Decay::kPoly:
      return (rate - end) * std::pow(1 - done, power) + end;
    case Decay::kCosine:
      return (rate - end) * (1 + std::cos(std::numbers::pi * done)) / 2 + end;
    case Decay::kStep:
      return rate * std::pow(gamma, std::floor(t / static_cast<double>(every)));
    case Decay::kConstant:
      break;
  }
  return rate;
}

Schedule read_schedule(const Config& config, std::int64_t steps) {
  Schedule s;
  s.steps = steps;
  s.rate = config.number_or("rate", s.rate, {.low = 0});
  const std::string decay = config.choice_or("decay", {"poly", "step", "constant", "cosine"}, "poly");
  s.decay = decay == "poly"       ? Decay::kPoly
            : decay == "step"     ? Decay::kStep
            : decay == "constant" ? Decay::kConstant
                                  : Decay::kCosine;
  if (s.decay == Decay::kPoly || s.decay == Decay::kCosine) s.end = config.number_or("end", 0, {.low = 0});
  if (s.decay == Decay::kPoly) s.power = config.number_or("power", s.power, {.low = 0});
  if (s.decay == Decay::kStep) {
    s.every = config.integer("every", {.low = 1});
    s.gamma = config.number_or("gamma", s.gamma, {.low = 0});
  }
  s.warmup = config.integer_or("warmup", 0, {.low = 0});
  if (s.warmup > 0) s.warmup_start = config.number_or("warmup_start", 0, {.low = 0});
  return s;
}

}  // namespace clearcut
