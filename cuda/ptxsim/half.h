// Handlers of functions of 16-bit floats and of pairs of them, computed in double and rounded once.
#pragma once

#include <cmath>

#include "cuda/ptxsim/lanes.h"

namespace clearcut::ptxsim {

/// The result of an instruction as an H: rounded, then clamped as the instruction says. The canonical NaN has
/// all bits but the sign.
template <class H>
H finished(const Instruction& in, double v) {
  if (in.saturate) v = v > 1 ? 1 : v > 0 ? v : 0;
  if (in.relu && v < 0) v = 0;
  H h = rounded<H>(v);
  constexpr std::uint16_t kLeastNormal = std::is_same_v<H, Half> ? 0x0400 : 0x0080;
  if (in.flush && (h.bits & 0x7fff) < kLeastNormal) h.bits &= 0x8000;
  return h;
}

/// d = f(s[0], s[1], ...) on doubles; kPairs: on the lower and the upper half of registers.
template <class H, bool kPairs, auto f>
struct HalfHandler;
template <class H, bool kPairs, class... A, double (*f)(A...)>
struct HalfHandler<H, kPairs, f> {
  static void run(Warp& warp, const Instruction& in, LaneMask lanes) {
    apply(warp, in, lanes, std::index_sequence_for<A...>{});
  }
  template <std::size_t... i>
  static void apply(Warp& warp, const Instruction& in, LaneMask lanes, std::index_sequence<i...>) {
    const std::array<const std::uint64_t*, sizeof...(A)> s{warp.read(in.s[i]).data()...};
    std::uint64_t* d = warp.write(in.d, lanes, (warp.unset(in.s[i]) | ...)).data();
    for_lanes(lanes, [&](int lane) {
      const auto part = [&](int shift) {
        const double v = f(value(H{static_cast<std::uint16_t>(s[i][lane] >> shift)})...);
        return static_cast<std::uint64_t>(finished<H>(in, v).bits) << shift;
      };
      d[lane] = kPairs ? part(0) | part(16) : part(0);
    });
  }
};

/// The handler of f for f16, bf16 and pairs of them; nullptr for other types.
template <auto f>
Handler half_handler(Type type) {
  switch (type) {
    case Type::kF16:
      return &HalfHandler<Half, false, f>::run;
    case Type::kF16x2:
      return &HalfHandler<Half, true, f>::run;
    case Type::kBf16:
      return &HalfHandler<Bfloat, false, f>::run;
    case Type::kBf16x2:
      return &HalfHandler<Bfloat, true, f>::run;
    default:
      return nullptr;
  }
}

}  // namespace clearcut::ptxsim
