// What the lanes of a warp do together: shfl, vote, redux, match, bar.warp.sync, activemask.
#include <algorithm>

#include "cuda/ptxsim/decode.h"
#include "cuda/ptxsim/lanes.h"
#include "tensor/error.h"

namespace clearcut::ptxsim {

namespace {

LaneMask true_lanes(const Warp& warp, Place place, bool negated, LaneMask lanes) {
  LaneMask yes = 0;
  for_lanes(lanes, [&](int l) {
    yes |= static_cast<LaneMask>(warp.read(place)[static_cast<std::size_t>(l)] & 1) << l;
  });
  return lanes & (negated ? ~yes : yes);
}

LaneMask any_unset(const Warp& warp, Place place, LaneMask lanes) {
  return (warp.unset(place) & lanes) != 0 ? kAllLanes : 0;
}

// The lane that `lane` reads, and whether it lies in the lane's segment (else it reads itself).
struct Source {
  int lane;
  bool inside;
};
// c: bits 0-4 the last lane of a segment, bits 8-12 which bits of a lane's number name its segment.
Source source_of(int mode, int lane, std::uint64_t b, std::uint64_t c) {
  const int shift = static_cast<int>(b & 31), clamp = static_cast<int>(c & 31);
  const int segment = static_cast<int>(c >> 8 & 31);
  const int last = (lane & segment) | (clamp & ~segment), first = lane & segment;
  const int from = mode == 'u'   ? lane - shift
                   : mode == 'd' ? lane + shift
                   : mode == 'b' ? lane ^ shift
                                 : first | (shift & ~segment);
  const bool inside = mode == 'u' ? from >= last : from <= last;
  return {inside ? from : lane, inside};
}

// shfl.sync.mode.b32 d|p, a, b, c, mask.
void shfl(Warp& warp, const Instruction& in, LaneMask lanes) {
  const Lanes a = warp.read(in.s[0]), b = warp.read(in.s[1]), c = warp.read(in.s[2]);
  const LaneMask unset = warp.unset(in.s[0]), index_unset = warp.unset(in.s[1]) | warp.unset(in.s[2]);
  const std::vector<Place>& targets = in.operands[0].parts;
  for_lanes(lanes, [&](int l) {
    const auto lane = static_cast<std::size_t>(l);
    const Source from = source_of(in.variant, l, b[lane], c[lane]);
    if ((lanes >> from.lane & 1) == 0)
      warp.fail(l, cat("reads lane ", from.lane, ", which is not in the mask 0x", std::hex, lanes));
    const LaneMask no_value = ((unset >> from.lane | index_unset >> l) & 1) != 0 ? kAllLanes : 0;
    warp.write(targets[0], 1u << l, no_value)[lane] = a[static_cast<std::size_t>(from.lane)];
    if (targets.size() > 1) warp.write(targets[1], 1u << l, 0)[lane] = from.inside ? 1 : 0;
  });
}

// vote.sync.mode d, p, mask.  variant: a(ll), o (any), u(ni), b(allot)
void vote(Warp& warp, const Instruction& in, LaneMask lanes) {
  const LaneMask yes = true_lanes(warp, in.s[0], in.operands[1].negated, lanes);
  const std::uint64_t result = in.variant == 'b'   ? yes
                               : in.variant == 'a' ? yes == lanes
                               : in.variant == 'o' ? yes != 0
                                                   : yes == lanes || yes == 0;
  Lanes& d = warp.write(in.d, lanes, any_unset(warp, in.s[0], lanes));
  for_lanes(lanes, [&](int l) { d[static_cast<std::size_t>(l)] = result; });
}

std::uint32_t join(const Instruction& in, std::uint32_t a, std::uint32_t b) {
  const bool less =
      in.type == Type::kS32 ? static_cast<std::int32_t>(a) < static_cast<std::int32_t>(b) : a < b;
  switch (in.variant) {
    case '+':
      return a + b;
    case '&':
      return a & b;
    case '|':
      return a | b;
    case '^':
      return a ^ b;
    case '<':
      return less ? a : b;
    default:
      return less ? b : a;
  }
}

// redux.sync.op.type d, a, mask.
void redux(Warp& warp, const Instruction& in, LaneMask lanes) {
  const Lanes& a = warp.read(in.s[0]);
  const int first = std::countr_zero(lanes);
  auto result = static_cast<std::uint32_t>(a[static_cast<std::size_t>(first)]);
  for_lanes(lanes & (lanes - 1), [&](int l) {
    result = join(in, result, static_cast<std::uint32_t>(a[static_cast<std::size_t>(l)]));
  });
  Lanes& d = warp.write(in.d, lanes, any_unset(warp, in.s[0], lanes));
  for_lanes(lanes, [&](int l) { d[static_cast<std::size_t>(l)] = result; });
}

// match.any: the lanes with the same value. match.all d|p: all lanes and true if all have one value, else 0.
template <class T>
void match(Warp& warp, const Instruction& in, LaneMask lanes) {
  const Lanes a = warp.read(in.s[0]);
  const LaneMask unset = any_unset(warp, in.s[0], lanes);
  const std::vector<Place>& targets = in.operands[0].parts;
  for_lanes(lanes, [&](int l) {
    const auto lane = static_cast<std::size_t>(l);
    LaneMask same = 0;
    for_lanes(lanes, [&](int other) {
      if (from_bits<T>(a[static_cast<std::size_t>(other)]) == from_bits<T>(a[lane])) same |= 1u << other;
    });
    if (in.variant == 'a') same = same == lanes ? lanes : 0;
    warp.write(targets[0], 1u << l, unset)[lane] = same;
    if (targets.size() > 1) warp.write(targets[1], 1u << l, unset)[lane] = same != 0 ? 1 : 0;
  });
}

// A mask of some lanes counts for the whole warp here.
void warp_barrier(Warp& warp, const Instruction&, LaneMask) { ++warp.sync_epoch; }

void activemask(Warp& warp, const Instruction& in, LaneMask lanes) {
  Lanes& d = warp.write(in.d, lanes, 0);
  for_lanes(lanes, [&](int l) { d[static_cast<std::size_t>(l)] = lanes; });
}

// d, then `sources` values, the last of them the mask.
bool take_masked(Instruction& in, std::size_t sources) {
  if (in.operands.size() != sources + 1) return false;
  in.flow = Flow::kTogether;
  in.d = in.operands[0].place();
  for (std::size_t i = 0; i + 1 < sources; ++i) in.s[i] = in.operands[i + 1].place();
  in.s[3] = in.operands[sources].place();
  return true;
}

bool decode_shfl(Words& words, Instruction& in) {
  in.variant = words.take_one<char>({{"up", 'u'}, {"down", 'd'}, {"bfly", 'b'}, {"idx", 'i'}}).value_or(0);
  in.run = shfl;
  return in.variant != 0 && words.take("b32") && take_masked(in, 4);
}
bool decode_vote(Words& words, Instruction& in) {
  in.variant = words.take_one<char>({{"all", 'a'}, {"any", 'o'}, {"uni", 'u'}, {"ballot", 'b'}}).value_or(0);
  in.run = vote;
  return in.variant != 0 && words.take(in.variant == 'b' ? "b32" : "pred") && take_masked(in, 2);
}
bool decode_redux(Words& words, Instruction& in) {
  in.variant =
      words
          .take_one<char>({{"add", '+'}, {"and", '&'}, {"or", '|'}, {"xor", '^'}, {"min", '<'}, {"max", '>'}})
          .value_or(0);
  in.type = words.take_type();
  in.run = redux;
  return in.variant != 0 && bits_of(in.type) == 32 && !is_float(in.type) && take_masked(in, 2);
}
bool decode_match(Words& words, Instruction& in) {
  in.variant = words.take_one<char>({{"any", 'o'}, {"all", 'a'}}).value_or(0);
  in.run = words.take("b32") ? match<std::uint32_t> : words.take("b64") ? match<std::uint64_t> : nullptr;
  return in.variant != 0 && in.run != nullptr && take_masked(in, 2);
}

}  // namespace

bool decode_warp(Words& words, Instruction& in, Kernel&) {
  const std::string& name = words.name();
  if (name == "activemask") {
    in.run = activemask;
    return words.take("b32") && take_values(in, 0);
  }
  if (!words.take(name == "bar" ? "warp" : "sync")) return false;
  if (name == "shfl") return decode_shfl(words, in);
  if (name == "vote") return decode_vote(words, in);
  if (name == "redux") return decode_redux(words, in);
  if (name == "match") return decode_match(words, in);
  if (!words.take("sync") || in.operands.size() != 1) return false;
  in.flow = Flow::kTogether;
  in.s[3] = in.operands[0].place();
  in.run = warp_barrier;
  return true;
}

}  // namespace clearcut::ptxsim
