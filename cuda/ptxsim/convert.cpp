// cvt: between integers, between floats, and from one to the other.
#include <algorithm>
#include <cmath>

#include "cuda/ptxsim/decode.h"
#include "cuda/ptxsim/float_modes.h"

namespace clearcut::ptxsim {

namespace {

constexpr int kTf32Shift = 13;  // bits of a float that tf32 does not have

double read_float(Type type, std::uint64_t bits, bool flush) {
  switch (type) {
    case Type::kF16:
      return value(from_bits<Half>(bits));
    case Type::kBf16:
      return value(from_bits<Bfloat>(bits));
    case Type::kF64:
      return from_bits<double>(bits);
    default: {
      const auto v = from_bits<float>(bits);
      return flush ? flushed(v) : v;
    }
  }
}

// Called under the RoundingScope of the instruction.
std::uint64_t write_float(const Instruction& in, double v) {
  if (in.saturate) v = clamped(v);
  if (in.relu && v < 0) v = 0;
  switch (in.type) {
    case Type::kF16:
      return encode(v, kHalfFormat, in.rounding);
    case Type::kBf16:
      return encode(v, kBfloatFormat, in.rounding);
    case Type::kTf32:
      return encode(v, kTf32Format, in.rounding) << kTf32Shift;
    case Type::kF64:
      return to_bits(v);
    default: {
      const auto f = static_cast<float>(v);
      return to_bits(in.flush ? flushed(f) : f);
    }
  }
}

double to_integral(double v, char how) {
  switch (how) {
    case 'n':
      return std::nearbyint(v);
    case 'm':
      return std::floor(v);
    case 'p':
      return std::ceil(v);
    default:
      return std::trunc(v);
  }
}

// Too large and too small numbers become the nearest integer of the type; NaN 0, of 64 bits the top bit
// alone.
std::uint64_t float_to_integer(const Instruction& in, double v) {
  const int bits = bits_of(in.type);
  v = to_integral(v, in.integral);
  if (std::isnan(v)) return bits == 64 ? std::uint64_t{1} << 63 : 0;
  const double limit = std::ldexp(1.0, is_signed(in.type) ? bits - 1 : bits);
  if (v >= limit) return low_bits(is_signed(in.type) ? bits - 1 : bits);
  if (!is_signed(in.type)) return v < 0 ? 0 : static_cast<std::uint64_t>(v);
  return v < -limit ? std::uint64_t{1} << (bits - 1)
                    : static_cast<std::uint64_t>(static_cast<std::int64_t>(v));
}

// Called under the RoundingScope of the instruction: one rounding.
template <class Integer>
std::uint64_t integer_to_float(const Instruction& in, Integer v) {
  if (in.type == Type::kF32) return to_bits(static_cast<float>(v));
  if (in.type == Type::kF64) return to_bits(static_cast<double>(v));
  return write_float(in, static_cast<double>(v));
}

std::uint64_t integer_to_integer(const Instruction& in, std::uint64_t bits) {
  const __int128 v = is_signed(in.from) ? static_cast<__int128>(static_cast<std::int64_t>(bits)) : bits;
  if (!in.saturate) return static_cast<std::uint64_t>(v);
  const int to = bits_of(in.type);
  const __int128 top = is_signed(in.type) ? low_bits(to - 1) : low_bits(to);
  const __int128 bottom = is_signed(in.type) ? -top - 1 : 0;
  return static_cast<std::uint64_t>(std::clamp(v, bottom, top));
}

std::uint64_t converted(const Instruction& in, std::uint64_t source) {
  if (is_float(in.from)) {
    const double v = read_float(in.from, source, in.flush);
    if (!is_float(in.type)) return float_to_integer(in, v);
    return write_float(in, in.integral != 0 ? to_integral(v, in.integral) : v);
  }
  const int bits = bits_of(in.from);
  const std::uint64_t v =
      is_signed(in.from) ? static_cast<std::uint64_t>(sign_extended(source, bits)) : source & low_bits(bits);
  if (!is_float(in.type)) return integer_to_integer(in, v);
  return is_signed(in.from) ? integer_to_float(in, static_cast<std::int64_t>(v)) : integer_to_float(in, v);
}

// A result narrower than its register is extended to it, by its sign if it has one.
std::uint64_t extended(const Instruction& in, std::uint64_t bits, int register_bits) {
  const int width = bits_of(in.type);
  if (is_signed(in.type) && width < register_bits)
    bits = static_cast<std::uint64_t>(sign_extended(bits, width)) & low_bits(register_bits);
  else
    bits &= low_bits(width);
  return bits;
}

void cvt(Warp& warp, const Instruction& in, LaneMask lanes) {
  const RoundingScope scope(in.rounding);
  const Lanes& a = warp.read(in.s[0]);
  Lanes& d = warp.write(in.d, lanes, warp.unset(in.s[0]));
  const int register_bits = warp.register_bits(in.d);
  for_lanes(lanes, [&](int l) {
    const auto lane = static_cast<std::size_t>(l);
    d[lane] = extended(in, converted(in, a[lane]), register_bits);
  });
}

// cvt.rn.f16x2.f32 d, a, b: a in the upper half.
template <class H>
void cvt_pair(Warp& warp, const Instruction& in, LaneMask lanes) {
  const Lanes &a = warp.read(in.s[0]), &b = warp.read(in.s[1]);
  Lanes& d = warp.write(in.d, lanes, warp.unset(in.s[0]) | warp.unset(in.s[1]));
  const auto half = [&](std::uint64_t bits) -> std::uint64_t {
    double v = from_bits<float>(bits);
    if (in.relu && v < 0) v = 0;
    return rounded<H>(v, in.rounding).bits;
  };
  for_lanes(lanes, [&](int l) {
    const auto lane = static_cast<std::size_t>(l);
    d[lane] = half(a[lane]) << 16 | half(b[lane]);
  });
}

// Between integers without clamping: the common case.
template <class To, class From>
To cast(From v) {
  return static_cast<To>(v);
}
Handler plain_cast(const Instruction& in, const Kernel& kernel) {
  if (in.saturate || kernel.register_bits[static_cast<std::size_t>(in.d)] != bits_of(in.type)) return nullptr;
  return for_integers(in.type, [&]<class To>() -> Handler {
    return for_integers(in.from, []<class From>() -> Handler { return lanewise<cast<To, From>>; });
  });
}

}  // namespace

bool decode_convert(Words& words, Instruction& in, Kernel& kernel) {
  take_float_modes(words, in);
  in.integral = words.take_one<char>({{"rni", 'n'}, {"rzi", 'z'}, {"rmi", 'm'}, {"rpi", 'p'}}).value_or(0);
  in.type = words.take_type();
  in.from = words.take_type();
  if (in.type == Type::kF16x2 || in.type == Type::kBf16x2) {
    in.run = in.type == Type::kF16x2 ? cvt_pair<Half> : cvt_pair<Bfloat>;
    return in.from == Type::kF32 && take_values(in, 2);
  }
  const auto number = [](Type t) { return bits_of(t) >= 8 && bits_of(t) <= 64 && t != Type::kNone; };
  if (!number(in.type) || !number(in.from) || in.from == Type::kTf32 || !take_values(in, 1)) return false;
  if (in.type == Type::kTf32 && in.from != Type::kF32) return false;
  const Handler plain = plain_cast(in, kernel);
  in.run = plain != nullptr ? plain : cvt;
  return true;
}

}  // namespace clearcut::ptxsim
