// The host's rounding of floats while an instruction asks for another one than to the nearest.
#pragma once

#include <cfenv>

#include "cuda/ptxsim/program.h"

namespace clearcut::ptxsim {

class RoundingScope {
 public:
  explicit RoundingScope(Rounding rounding) : changed_(mode(rounding) != FE_TONEAREST) {
    if (changed_) std::fesetround(mode(rounding));
  }
  ~RoundingScope() {
    if (changed_) std::fesetround(FE_TONEAREST);
  }
  RoundingScope(const RoundingScope&) = delete;
  RoundingScope& operator=(const RoundingScope&) = delete;

 private:
  static int mode(Rounding rounding) {
    return rounding == Rounding::kZero   ? FE_TOWARDZERO
           : rounding == Rounding::kDown ? FE_DOWNWARD
           : rounding == Rounding::kUp   ? FE_UPWARD
                                         : FE_TONEAREST;
  }
  bool changed_;
};

}  // namespace clearcut::ptxsim
