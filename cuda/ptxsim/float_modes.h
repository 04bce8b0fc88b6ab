// Handlers of float functions that heed an instruction's modes: rounding, flushing of subnormals, clamping to
// [0, 1].
#pragma once

#include <cmath>
#include <limits>

#include "cuda/ptxsim/lanes.h"
#include "cuda/ptxsim/rounding.h"

namespace clearcut::ptxsim {

/// .ftz: subnormal floats are zeros with their sign; doubles stay.
inline float flushed(float v) {
  return std::fabs(v) < std::numeric_limits<float>::min() ? std::copysign(0.0f, v) : v;
}
inline double flushed(double v) { return v; }

/// .sat: NaN is 0.
template <class T>
T clamped(T v) {
  return v > 1 ? T(1) : v > 0 ? v : T(0);
}

template <auto f>
struct WithModes;
template <class T, class... A, T (*f)(A...)>
struct WithModes<f> {
  static void run(Warp& warp, const Instruction& in, LaneMask lanes) {
    const RoundingScope scope(in.rounding);
    apply(warp, in, lanes, std::index_sequence_for<A...>{});
  }
  template <std::size_t... i>
  static void apply(Warp& warp, const Instruction& in, LaneMask lanes, std::index_sequence<i...>) {
    const std::array<const std::uint64_t*, sizeof...(A)> s{warp.read(in.s[i]).data()...};
    std::uint64_t* d = warp.write(in.d, lanes, (warp.unset(in.s[i]) | ...)).data();
    const auto source = [&](std::uint64_t bits) {
      const T v = from_bits<T>(bits);
      return in.flush ? flushed(v) : v;
    };
    for_lanes(lanes, [&](int lane) {
      T v = f(source(s[i][lane])...);
      if (in.flush) v = flushed(v);
      if (in.saturate) v = clamped(v);
      d[lane] = to_bits(v);
    });
  }
};

/// The plain handler where nothing but rounding to the nearest is asked for.
template <auto f>
Handler float_handler(const Instruction& in) {
  const bool plain = in.rounding == Rounding::kNearest && !in.flush && !in.saturate;
  return plain ? lanewise<f> : &WithModes<f>::run;
}

}  // namespace clearcut::ptxsim
