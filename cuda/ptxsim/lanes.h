// Loops over the lanes of a mask, and handlers made of a function of one lane's values.
#pragma once

#include <bit>
#include <tuple>
#include <utility>

#include "cuda/ptxsim/numbers.h"
#include "cuda/ptxsim/warp.h"

namespace clearcut::ptxsim {

/// body(lane) for each lane of the mask, from the lowest on.
template <class Body>
inline void for_lanes(LaneMask lanes, const Body& body) {
  if (lanes == kAllLanes) {
    for (int lane = 0; lane < kLanes; ++lane) body(lane);
  } else {
    for (; lanes != 0; lanes &= lanes - 1) body(std::countr_zero(lanes));
  }
}

/// d = f(s[0], s[1], ...) in each lane; d is unset where one of them is.
template <auto f>
struct Lanewise;
template <class R, class... A, R (*f)(A...)>
struct Lanewise<f> {
  static void run(Warp& warp, const Instruction& in, LaneMask lanes) {
    apply(warp, in, lanes, std::index_sequence_for<A...>{});
  }
  template <std::size_t... i>
  static void apply(Warp& warp, const Instruction& in, LaneMask lanes, std::index_sequence<i...>) {
    const std::array<const std::uint64_t*, sizeof...(A)> s{warp.read(in.s[i]).data()...};
    std::uint64_t* d = warp.write(in.d, lanes, (warp.unset(in.s[i]) | ...)).data();
    for_lanes(lanes, [&](int lane) { d[lane] = to_bits<R>(f(from_bits<A>(s[i][lane])...)); });
  }
};
template <auto f>
constexpr Handler lanewise = &Lanewise<f>::run;

}  // namespace clearcut::ptxsim
