// Fields and counts of bits: popc, clz, bfind, brev, bfe, bfi, prmt, shf, lop3.
#include <algorithm>
#include <bit>

#include "cuda/ptxsim/decode.h"
#include "cuda/ptxsim/lanes.h"

namespace clearcut::ptxsim {

namespace {

template <class T>
std::uint32_t popc(T a) {
  return static_cast<std::uint32_t>(std::popcount(a));
}
template <class T>
std::uint32_t clz(T a) {
  return static_cast<std::uint32_t>(std::countl_zero(a));
}
// Place of the highest bit that differs from the sign; all ones if there is none.
template <class T>
std::uint32_t bfind(T a) {
  using U = std::make_unsigned_t<T>;
  const auto u = static_cast<U>(a < 0 ? ~a : a);
  return static_cast<std::uint32_t>(static_cast<int>(8 * sizeof(T)) - 1 - std::countl_zero(u));
}
// The same as a distance from the top.
template <class T>
std::uint32_t bfind_shift(T a) {
  const std::uint32_t at = bfind(a);
  return at == ~0u ? at : static_cast<std::uint32_t>(8 * sizeof(T)) - 1 - at;
}
template <class T>
T brev(T a) {
  T reversed = 0;
  for (std::size_t i = 0; i < 8 * sizeof(T); ++i) reversed |= (a >> i & 1) << (8 * sizeof(T) - 1 - i);
  return reversed;
}
// `length` bits from `start` on; above them, and above the number, copies of the sign.
template <class T>
T bfe(T a, std::uint32_t start, std::uint32_t length) {
  const auto width = static_cast<unsigned>(8 * sizeof(T));
  start &= 255;
  length &= 255;
  T field = 0;
  const bool sign =
      std::is_signed_v<T> && length > 0 && (a >> std::min(start + length - 1, width - 1) & 1) != 0;
  for (unsigned i = 0; i < width; ++i) {
    const bool bit = i < length && start + i < width ? (a >> (start + i) & 1) != 0 : sign;
    field = static_cast<T>(field | static_cast<T>(T(bit) << i));
  }
  return field;
}
// The low `length` bits of a, put into b from `start` on.
template <class T>
T bfi(T a, T b, std::uint32_t start, std::uint32_t length) {
  const auto width = static_cast<unsigned>(8 * sizeof(T));
  start &= 255;
  length &= 255;
  for (unsigned i = 0; i < length && start + i < width; ++i) {
    const T bit = T(1) << (start + i);
    b = (a >> i & 1) != 0 ? b | bit : b & ~bit;
  }
  return b;
}
// Four bytes of b:a, each chosen by four bits of `selector`; the highest of those copies the byte's sign.
std::uint32_t prmt(std::uint32_t a, std::uint32_t b, std::uint32_t selector) {
  const std::uint64_t bytes = a | static_cast<std::uint64_t>(b) << 32;
  std::uint32_t chosen = 0;
  for (unsigned i = 0; i < 4; ++i) {
    const std::uint32_t select = selector >> 4 * i & 15;
    std::uint32_t byte = static_cast<std::uint32_t>(bytes >> 8 * (select & 7)) & 255;
    if ((select & 8) != 0) byte = (byte & 128) != 0 ? 255 : 0;
    chosen |= byte << 8 * i;
  }
  return chosen;
}
// The upper half of hi:lo << n, the lower half of hi:lo >> n.
template <bool left, bool clamp>
std::uint32_t shf(std::uint32_t lo, std::uint32_t hi, std::uint32_t n) {
  const std::uint64_t both = lo | static_cast<std::uint64_t>(hi) << 32;
  n = clamp ? std::min(n, 32u) : n & 31;
  return static_cast<std::uint32_t>(left ? both << n >> 32 : both >> n);
}
// Bit by bit, the entry of the table that the three bits number.
std::uint32_t lop3(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t table) {
  std::uint32_t result = 0;
  for (unsigned i = 0; i < 8; ++i)
    if ((table >> i & 1) != 0)
      result |= ((i & 4) != 0 ? a : ~a) & ((i & 2) != 0 ? b : ~b) & ((i & 1) != 0 ? c : ~c);
  return result;
}

template <class T>
Handler of_unsigned(const std::string& name) {
  return name == "popc"   ? lanewise<popc<T>>
         : name == "clz"  ? lanewise<clz<T>>
         : name == "brev" ? lanewise<brev<T>>
         : name == "bfi"  ? lanewise<bfi<T>>
                          : Handler{nullptr};
}

Handler shift(Words& words) {
  const bool left = words.take("l"), right = !left && words.take("r");
  const bool clamp = words.take("clamp"), wrap = !clamp && words.take("wrap");
  if (left == right || clamp == wrap) return nullptr;
  if (left) return clamp ? lanewise<shf<true, true>> : lanewise<shf<true, false>>;
  return clamp ? lanewise<shf<false, true>> : lanewise<shf<false, false>>;
}

Handler find(Words& words, const std::string& name, Type type) {
  const bool from_top = words.take("shiftamt");
  return for_integers(type, [&]<class T>() -> Handler {
    if constexpr (sizeof(T) < 4)
      return nullptr;
    else if (name == "bfe")
      return lanewise<bfe<T>>;
    else
      return from_top ? lanewise<bfind_shift<T>> : lanewise<bfind<T>>;
  });
}

}  // namespace

bool decode_bits(Words& words, Instruction& in, Kernel&) {
  const std::string& name = words.name();
  const Type type = words.take_type();
  std::size_t sources = 1;
  if (name == "shf" || name == "prmt" || name == "lop3") {
    in.run = type != Type::kB32 ? nullptr
             : name == "shf"    ? shift(words)
             : name == "prmt"   ? lanewise<prmt>
                                : lanewise<lop3>;
    sources = name == "lop3" ? 4 : 3;
  } else if (name == "bfind" || name == "bfe") {
    in.run = find(words, name, type);
    sources = name == "bfe" ? 3 : 1;
  } else {
    in.run = type == Type::kB32   ? of_unsigned<std::uint32_t>(name)
             : type == Type::kB64 ? of_unsigned<std::uint64_t>(name)
                                  : nullptr;
    sources = name == "bfi" ? 4 : 1;
  }
  return in.run != nullptr && take_values(in, sources);
}

}  // namespace clearcut::ptxsim
