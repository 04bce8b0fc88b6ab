// Integer arithmetic and logic: add, sub, mul, mad, div, rem, min, max, neg, abs, and, or, xor, not, shl,
// shr.
#include <algorithm>

#include "cuda/ptxsim/decode.h"
#include "cuda/ptxsim/lanes.h"

namespace clearcut::ptxsim {

namespace {

// Sums and products in 64 bits, where nothing can overflow that the result would keep.
template <class T>
std::uint64_t wide(T v) {
  return static_cast<std::uint64_t>(v);
}
template <class T>
using Twice = std::conditional_t<
    sizeof(T) == 8, std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>,
    std::conditional_t<sizeof(T) == 4, std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>,
                       std::conditional_t<std::is_signed_v<T>, std::int32_t, std::uint32_t>>>;

template <class T>
T add(T a, T b) {
  return static_cast<T>(wide(a) + wide(b));
}
template <class T>
T sub(T a, T b) {
  return static_cast<T>(wide(a) - wide(b));
}
template <class T>
T mul_lo(T a, T b) {
  return static_cast<T>(wide(a) * wide(b));
}
template <class T>
T mul_hi(T a, T b) {
  return static_cast<T>(static_cast<Twice<T>>(a) * static_cast<Twice<T>>(b) >> 8 * sizeof(T));
}
template <class T>
Twice<T> mul_wide(T a, T b) {
  return static_cast<Twice<T>>(static_cast<Twice<T>>(a) * static_cast<Twice<T>>(b));
}
template <class T>
T mad_lo(T a, T b, T c) {
  return add(mul_lo(a, b), c);
}
template <class T>
T mad_hi(T a, T b, T c) {
  return add(mul_hi(a, b), c);
}
template <class T>
Twice<T> mad_wide(T a, T b, Twice<T> c) {
  return add(mul_wide(a, b), c);
}
// The least number divided by -1 is itself; by 0, all bits are ones (the ISA leaves it open).
template <class T>
T div(T a, T b) {
  if (b == 0) return static_cast<T>(~T(0));
  if constexpr (std::is_signed_v<T>)
    if (b == -1) return sub(T(0), a);
  return static_cast<T>(a / b);
}
template <class T>
T rem(T a, T b) {
  if (b == 0) return a;
  if constexpr (std::is_signed_v<T>)
    if (b == -1) return 0;
  return static_cast<T>(a % b);
}
template <class T>
T min(T a, T b) {
  return std::min(a, b);
}
template <class T>
T max(T a, T b) {
  return std::max(a, b);
}
template <class T>
T neg(T a) {
  return sub(T(0), a);
}
template <class T>
T abs(T a) {
  return a < 0 ? neg(a) : a;
}
template <class T>
T bit_and(T a, T b) {
  return static_cast<T>(a & b);
}
template <class T>
T bit_or(T a, T b) {
  return static_cast<T>(a | b);
}
template <class T>
T bit_xor(T a, T b) {
  return static_cast<T>(a ^ b);
}
template <class T>
T bit_not(T a) {
  return static_cast<T>(~a);
}
// Shifts by the width and more leave nothing but copies of the sign.
template <class T>
T shl(T a, std::uint32_t n) {
  return n >= 8 * sizeof(T) ? T(0) : static_cast<T>(wide(a) << n);
}
template <class T>
T shr(T a, std::uint32_t n) {
  const auto most = static_cast<std::uint32_t>(8 * sizeof(T) - 1);
  if (!std::is_signed_v<T> && n > most) return 0;
  return static_cast<T>(a >> std::min(n, most));
}
bool xor_predicates(bool a, bool b) { return a != b; }
bool not_predicate(bool a) { return !a; }

LaneMask true_lanes(const Lanes& values) {
  LaneMask lanes = 0;
  for (int lane = 0; lane < kLanes; ++lane)
    lanes |= static_cast<LaneMask>(values[static_cast<std::size_t>(lane)] & 1) << lane;
  return lanes;
}

// `and` and `or` of predicates: one that decides the result makes up for another without a value.
template <bool conjunction>
void join_predicates(Warp& warp, const Instruction& in, LaneMask lanes) {
  const LaneMask a = true_lanes(warp.read(in.s[0])), b = true_lanes(warp.read(in.s[1]));
  const LaneMask no_a = warp.unset(in.s[0]), no_b = warp.unset(in.s[1]);
  const LaneMask open_a = conjunction ? a : ~a, open_b = conjunction ? b : ~b;  // leave it to the other
  const LaneMask unset = (no_a & no_b) | (no_a & open_b) | (no_b & open_a);
  const LaneMask value = conjunction ? a & b : a | b;
  Lanes& d = warp.write(in.d, lanes, unset);
  for_lanes(lanes, [&](int lane) { d[static_cast<std::size_t>(lane)] = value >> lane & 1; });
}

Handler product(Words& words, Type type, bool with_sum) {
  const char kind = words.take_one<char>({{"lo", 'l'}, {"hi", 'h'}, {"wide", 'w'}}).value_or(0);
  return for_integers(type, [&]<class T>() -> Handler {
    if (kind == 'l') return with_sum ? lanewise<mad_lo<T>> : lanewise<mul_lo<T>>;
    if (kind == 'h') return with_sum ? lanewise<mad_hi<T>> : lanewise<mul_hi<T>>;
    if constexpr (sizeof(T) < 8)
      if (kind == 'w') return with_sum ? lanewise<mad_wide<T>> : lanewise<mul_wide<T>>;
    return nullptr;
  });
}

Handler of_two(std::string_view name, Type type) {
  return for_integers(type, [&]<class T>() -> Handler {
    if (name == "add") return lanewise<add<T>>;
    if (name == "sub") return lanewise<sub<T>>;
    if (name == "div") return lanewise<div<T>>;
    if (name == "rem") return lanewise<rem<T>>;
    if (name == "min") return lanewise<min<T>>;
    if (name == "max") return lanewise<max<T>>;
    if (name == "and") return lanewise<bit_and<T>>;
    if (name == "or") return lanewise<bit_or<T>>;
    if (name == "xor") return lanewise<bit_xor<T>>;
    if (name == "shl") return lanewise<shl<T>>;
    if (name == "shr") return lanewise<shr<T>>;
    return nullptr;
  });
}

Handler of_one(std::string_view name, Type type) {
  return for_integers(type, [&]<class T>() -> Handler {
    if (name == "not") return lanewise<bit_not<T>>;
    if constexpr (std::is_signed_v<T>) {
      if (name == "neg") return lanewise<neg<T>>;
      if (name == "abs") return lanewise<abs<T>>;
    }
    return nullptr;
  });
}

Handler of_predicates(std::string_view name) {
  return name == "and"   ? join_predicates<true>
         : name == "or"  ? join_predicates<false>
         : name == "xor" ? lanewise<xor_predicates>
         : name == "not" ? lanewise<not_predicate>
                         : Handler{nullptr};
}

}  // namespace

bool decode_integer(Words& words, Instruction& in, Kernel&) {
  const std::string& name = words.name();
  const Type type = words.take_type();
  const bool one = name == "neg" || name == "abs" || name == "not";
  const bool three = name == "mad";
  if (type == Type::kPred)
    in.run = of_predicates(name);
  else if (name == "mul" || name == "mad")
    in.run = product(words, type, three);
  else
    in.run = one ? of_one(name, type) : of_two(name, type);
  return in.run != nullptr && take_values(in, one ? 1 : three ? 3 : 2);
}

}  // namespace clearcut::ptxsim
