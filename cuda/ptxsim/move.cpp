// mov, with packing and unpacking; cvta; isspacep.
#include "cuda/ptxsim/decode.h"
#include "cuda/ptxsim/lanes.h"

namespace clearcut::ptxsim {

namespace {

template <class T>
T same(T v) {
  return v;
}

// mov.b32 {lo, hi}, a.  variant: bits of each part
void unpack(Warp& warp, const Instruction& in, LaneMask lanes) {
  const Lanes a = warp.read(in.s[0]);
  const LaneMask unset = warp.unset(in.s[0]);
  int shift = 0;
  for (const Place part : in.operands[0].parts) {
    Lanes& d = warp.write(part, lanes, unset);
    for_lanes(lanes, [&](int l) {
      d[static_cast<std::size_t>(l)] = a[static_cast<std::size_t>(l)] >> shift & low_bits(in.variant);
    });
    shift += in.variant;
  }
}

// mov.b32 d, {lo, hi}.
void pack(Warp& warp, const Instruction& in, LaneMask lanes) {
  Lanes whole = {};
  LaneMask unset = 0;
  int shift = 0;
  for (const Place part : in.operands[1].parts) {
    const Lanes& a = warp.read(part);
    unset |= warp.unset(part);
    for_lanes(lanes, [&](int l) {
      whole[static_cast<std::size_t>(l)] |= (a[static_cast<std::size_t>(l)] & low_bits(in.variant)) << shift;
    });
    shift += in.variant;
  }
  Lanes& d = warp.write(in.d, lanes, unset);
  for_lanes(lanes, [&](int l) { d[static_cast<std::size_t>(l)] = whole[static_cast<std::size_t>(l)]; });
}

// From a generic address to one of in.space, or back (variant 1: to).
void cvta(Warp& warp, const Instruction& in, LaneMask lanes) {
  const Lanes& a = warp.read(in.s[0]);
  Lanes& d = warp.write(in.d, lanes, warp.unset(in.s[0]));
  const std::uint64_t tag = tag_of(in.space);
  for_lanes(lanes, [&](int l) {
    const auto lane = static_cast<std::size_t>(l);
    if (in.variant == 1 && (a[lane] & kTagMask) != tag)
      warp.fail(l, "cvta.to: the address is not in that space");
    // Only addresses of shared memory come without their tag: they fit into 32 bits.
    d[lane] = in.variant == 1 && in.space == Space::kShared ? a[lane] & ~kTagMask : a[lane] | tag;
  });
}

void isspacep(Warp& warp, const Instruction& in, LaneMask lanes) {
  const Lanes& a = warp.read(in.s[0]);
  Lanes& d = warp.write(in.d, lanes, warp.unset(in.s[0]));
  for_lanes(lanes, [&](int l) {
    const auto lane = static_cast<std::size_t>(l);
    d[lane] = space_of(Space::kGeneric, a[lane]) == in.space ? 1 : 0;
  });
}

bool decode_mov(Words& words, Instruction& in) {
  const Type type = words.take_type();
  if (in.operands.size() != 2 || type == Type::kNone) return false;
  const Operand &to = in.operands[0], &from = in.operands[1];
  const bool unpacks = to.kind == Operand::Kind::kVector, packs = from.kind == Operand::Kind::kVector;
  if (!unpacks && !packs) {
    in.run = type == Type::kPred   ? lanewise<same<bool>>
             : bits_of(type) == 16 ? lanewise<same<std::uint16_t>>
             : bits_of(type) == 32 ? lanewise<same<std::uint32_t>>
             : bits_of(type) == 64 ? lanewise<same<std::uint64_t>>
                                   : nullptr;
    return in.run != nullptr && take_values(in, 1);
  }
  const Operand& vector = unpacks ? to : from;
  if (unpacks == packs || vector.parts.empty() || bits_of(type) > 64) return false;
  in.variant = bits_of(type) / static_cast<int>(vector.parts.size());
  in.d = to.place();
  in.s[0] = from.place();
  in.run = unpacks ? unpack : pack;
  return true;
}

}  // namespace

bool decode_move(Words& words, Instruction& in, Kernel&) {
  if (words.name() == "mov") return decode_mov(words, in);
  in.variant = words.take("to") ? 1 : 0;
  const std::optional<Space> space = words.take_space();
  if (!space) return false;
  in.space = *space;
  if (words.name() == "isspacep") {
    in.run = isspacep;
    return in.variant == 0 && take_values(in, 1);
  }
  in.run = cvta;
  return words.take_type() == Type::kU64 && take_values(in, 1);
}

}  // namespace clearcut::ptxsim
