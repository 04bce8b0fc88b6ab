#include "cuda/ptxsim/types.h"

#include <algorithm>
#include <array>

namespace clearcut::ptxsim {

namespace {

enum class Kind : std::uint8_t { kBits, kSigned, kFloat };
struct Row {
  std::string_view word;
  int bits;
  Kind kind;
};
// In the order of Type.
constexpr std::array<Row, 22> kRows = {
    {{"", 32, Kind::kBits},      {"pred", 1, Kind::kBits},    {"b8", 8, Kind::kBits},
     {"s8", 8, Kind::kSigned},   {"u8", 8, Kind::kBits},      {"b16", 16, Kind::kBits},
     {"s16", 16, Kind::kSigned}, {"u16", 16, Kind::kBits},    {"f16", 16, Kind::kFloat},
     {"bf16", 16, Kind::kFloat}, {"b32", 32, Kind::kBits},    {"s32", 32, Kind::kSigned},
     {"u32", 32, Kind::kBits},   {"f32", 32, Kind::kFloat},   {"tf32", 32, Kind::kFloat},
     {"f16x2", 32, Kind::kBits}, {"bf16x2", 32, Kind::kBits}, {"b64", 64, Kind::kBits},
     {"s64", 64, Kind::kSigned}, {"u64", 64, Kind::kBits},    {"f64", 64, Kind::kFloat},
     {"b128", 128, Kind::kBits}}};

const Row& row_of(Type type) { return kRows[static_cast<std::size_t>(type)]; }

}  // namespace

Type type_from(std::string_view word) {
  if (word.empty()) return Type::kNone;
  const auto* found = std::find_if(kRows.begin(), kRows.end(), [&](const Row& r) { return r.word == word; });
  return found == kRows.end() ? Type::kNone : static_cast<Type>(found - kRows.begin());
}

int bits_of(Type type) { return row_of(type).bits; }
unsigned bytes_of(Type type) { return static_cast<unsigned>(std::max(8, row_of(type).bits)) / 8; }
bool is_signed(Type type) { return row_of(type).kind == Kind::kSigned; }
bool is_float(Type type) { return row_of(type).kind == Kind::kFloat; }

std::uint64_t tag_of(Space space) {
  return space == Space::kShared  ? kSharedTag
         : space == Space::kLocal ? kLocalTag
         : space == Space::kParam ? kParamTag
                                  : 0;
}

Space space_of(Space named, std::uint64_t address) {
  if (named != Space::kGeneric) return named;
  const std::uint64_t tag = address & kTagMask;
  return tag == kSharedTag  ? Space::kShared
         : tag == kLocalTag ? Space::kLocal
         : tag == kParamTag ? Space::kParam
                            : Space::kGlobal;
}

}  // namespace clearcut::ptxsim
