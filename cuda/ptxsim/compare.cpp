// Comparisons and choices: setp, set, testp, selp.
#include <cmath>

#include "cuda/ptxsim/decode.h"
#include "cuda/ptxsim/float_modes.h"
#include "cuda/ptxsim/lanes.h"

namespace clearcut::ptxsim {

namespace {

// Bit 0: less, 1: equal, 2: greater, 3: one is NaN. A comparison is the set of outcomes that make it true.
enum Outcome : int { kLess = 1, kEqual = 2, kGreater = 4, kUnordered = 8 };

template <class T>
int outcome(T a, T b) {
  return a < b ? kLess : a == b ? kEqual : a > b ? kGreater : kUnordered;
}

std::optional<int> take_comparison(Words& words) {
  return words.take_one<int>({{"eq", kEqual},
                              {"ne", kLess | kGreater},
                              {"lt", kLess},
                              {"le", kLess | kEqual},
                              {"gt", kGreater},
                              {"ge", kGreater | kEqual},
                              {"lo", kLess},
                              {"ls", kLess | kEqual},
                              {"hi", kGreater},
                              {"hs", kGreater | kEqual},
                              {"equ", kEqual | kUnordered},
                              {"neu", kLess | kGreater | kUnordered},
                              {"ltu", kLess | kUnordered},
                              {"leu", kLess | kEqual | kUnordered},
                              {"gtu", kGreater | kUnordered},
                              {"geu", kGreater | kEqual | kUnordered},
                              {"num", kLess | kEqual | kGreater},
                              {"nan", kUnordered}});
}

// How a comparison joins the predicate behind it.
enum Join : int { kAlone = 0, kAnd = 1, kOr = 2, kXor = 3 };
bool joined(bool compared, bool with, int join) {
  return join == kAnd   ? compared && with
         : join == kOr  ? compared || with
         : join == kXor ? compared != with
                        : compared;
}

template <class T>
T operand_of(std::uint64_t bits, bool flush) {
  const T v = from_bits<T>(bits);
  if constexpr (std::is_same_v<T, float>) return flush ? flushed(v) : v;
  return v;
}
template <class T>
int compare(std::uint64_t a, std::uint64_t b, bool flush) {
  if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, Bfloat>)
    return outcome(value(from_bits<T>(a)), value(from_bits<T>(b)));
  else
    return outcome(operand_of<T>(a, flush), operand_of<T>(b, flush));
}

// variant: outcomes that are true, and in the bits above them the way of joining s[2].
template <class T>
void setp(Warp& warp, const Instruction& in, LaneMask lanes) {
  const Lanes &a = warp.read(in.s[0]), &b = warp.read(in.s[1]);
  const int truth = in.variant & 15, join = in.variant >> 4;
  const Lanes& with = warp.read(join == kAlone ? in.s[0] : in.s[2]);
  const bool negated = join != kAlone && in.operands[3].negated;
  const LaneMask unset =
      warp.unset(in.s[0]) | warp.unset(in.s[1]) | (join == kAlone ? 0 : warp.unset(in.s[2]));
  const std::vector<Place>& targets = in.operands[0].parts;
  Lanes& d = warp.write(targets[0], lanes, unset);
  Lanes& opposite = warp.write(targets.size() > 1 ? targets[1] : kSink, lanes, unset);
  for_lanes(lanes, [&](int l) {
    const auto lane = static_cast<std::size_t>(l);
    const bool compared = (compare<T>(a[lane], b[lane], in.flush) & truth) != 0;
    const bool p = ((with[lane] & 1) != 0) != negated;
    opposite[lane] = joined(!compared, p, join);
    d[lane] = joined(compared, p, join);
  });
}

// set: all ones or 1.0 where the comparison is true.
template <class T>
void set(Warp& warp, const Instruction& in, LaneMask lanes) {
  const Lanes &a = warp.read(in.s[0]), &b = warp.read(in.s[1]);
  Lanes& d = warp.write(in.d, lanes, warp.unset(in.s[0]) | warp.unset(in.s[1]));
  const std::uint64_t yes = in.type == Type::kF32 ? to_bits(1.0f) : low_bits(bits_of(in.type));
  for_lanes(lanes, [&](int l) {
    const auto lane = static_cast<std::size_t>(l);
    d[lane] = (compare<T>(a[lane], b[lane], in.flush) & in.variant) != 0 ? yes : 0;
  });
}

template <class T>
void selp(Warp& warp, const Instruction& in, LaneMask lanes) {
  const Lanes &a = warp.read(in.s[0]), &b = warp.read(in.s[1]), &p = warp.read(in.s[2]);
  LaneMask chose_a = 0;
  for_lanes(lanes, [&](int l) { chose_a |= static_cast<LaneMask>(p[static_cast<std::size_t>(l)] & 1) << l; });
  const LaneMask unset =
      warp.unset(in.s[2]) | (chose_a & warp.unset(in.s[0])) | (~chose_a & warp.unset(in.s[1]));
  Lanes& d = warp.write(in.d, lanes, unset);
  for_lanes(lanes, [&](int l) {
    const auto lane = static_cast<std::size_t>(l);
    d[lane] = to_bits(from_bits<T>((p[lane] & 1) != 0 ? a[lane] : b[lane]));
  });
}

// FP_NAN and so on; a kind of number is a set of them.
template <int... kinds>
struct IsOf {
  template <class T>
  static bool test(T v) {
    const int kind = std::fpclassify(v);
    return ((kind == kinds) || ...);
  }
};

template <class T>
Handler testp(Words& words) {
  using Finite = IsOf<FP_ZERO, FP_SUBNORMAL, FP_NORMAL>;
  using Number = IsOf<FP_ZERO, FP_SUBNORMAL, FP_NORMAL, FP_INFINITE>;
  return words
      .take_one<Handler>({{"finite", lanewise<Finite::test<T>>},
                          {"number", lanewise<Number::test<T>>},
                          {"infinite", lanewise<IsOf<FP_INFINITE>::test<T>>},
                          {"notanumber", lanewise<IsOf<FP_NAN>::test<T>>},
                          {"normal", lanewise<IsOf<FP_NORMAL>::test<T>>},
                          {"subnormal", lanewise<IsOf<FP_SUBNORMAL>::test<T>>}})
      .value_or(nullptr);
}

template <class Pick>
Handler for_numbers(Type type, const Pick& pick) {
  if (type == Type::kF32) return pick.template operator()<float>();
  if (type == Type::kF64) return pick.template operator()<double>();
  if (type == Type::kF16) return pick.template operator()<Half>();
  if (type == Type::kBf16) return pick.template operator()<Bfloat>();
  return for_integers(type, pick);
}

bool decode_setp(Words& words, Instruction& in) {
  in.variant |= words.take_one<int>({{"and", kAnd}, {"or", kOr}, {"xor", kXor}}).value_or(kAlone) << 4;
  const std::size_t sources = in.variant >> 4 == kAlone ? 2 : 3;
  if (in.operands.size() != sources + 1) return false;
  for (std::size_t i = 0; i < sources; ++i) in.s[i] = in.operands[i + 1].place();
  in.run = for_numbers(words.take_type(), []<class T>() -> Handler { return setp<T>; });
  return in.run != nullptr;
}

}  // namespace

bool decode_compare(Words& words, Instruction& in, Kernel&) {
  if (words.name() == "testp") {
    const Type type = words.take_type();
    in.run = type == Type::kF32 ? testp<float>(words) : type == Type::kF64 ? testp<double>(words) : nullptr;
    return in.run != nullptr && take_values(in, 1);
  }
  const std::optional<int> truth = take_comparison(words);
  if (!truth) return false;
  in.variant = *truth;
  in.flush = words.take("ftz");
  if (words.name() == "setp") return decode_setp(words, in);
  in.type = words.take_type();
  in.run = for_numbers(words.take_type(), []<class T>() -> Handler { return set<T>; });
  return in.run != nullptr && take_values(in, 2);
}

bool decode_select(Words& words, Instruction& in, Kernel&) {
  const Type type = words.take_type();
  in.run = type == Type::kF32   ? selp<std::uint32_t>
           : type == Type::kF64 ? selp<std::uint64_t>
                                : for_integers(type, []<class T>() -> Handler { return selp<T>; });
  return in.run != nullptr && take_values(in, 3);
}

}  // namespace clearcut::ptxsim
