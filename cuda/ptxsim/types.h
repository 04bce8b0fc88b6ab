// The words of PTX for types and state spaces.
#pragma once

#include <cstdint>
#include <string_view>

namespace clearcut::ptxsim {

enum class Type : std::uint8_t {
  kNone,
  kPred,
  kB8,
  kS8,
  kU8,
  kB16,
  kS16,
  kU16,
  kF16,
  kBf16,
  kB32,
  kS32,
  kU32,
  kF32,
  kTf32,
  kF16x2,
  kBf16x2,
  kB64,
  kS64,
  kU64,
  kF64,
  kB128
};

/// "f32" and the like, without the point; kNone if the word names no type.
Type type_from(std::string_view word);
int bits_of(Type type);        // a predicate has 1
unsigned bytes_of(Type type);  // at least 1
bool is_signed(Type type);     // signed integers only
bool is_float(Type type);      // single numbers: not f16x2

enum class Space : std::uint8_t { kGeneric, kGlobal, kShared, kLocal, kConst, kParam };

// Generic addresses of global memory are addresses of the host. The others carry a tag that no host address
// has.
constexpr std::uint64_t kTagMask = 0xffff000000000000;
constexpr std::uint64_t kSharedTag = 0x7e00000000000000, kLocalTag = 0x7e01000000000000,
                        kParamTag = 0x7e02000000000000;
std::uint64_t tag_of(Space space);                   // 0 for global and const
Space space_of(Space named, std::uint64_t address);  // kGeneric becomes what the address says

}  // namespace clearcut::ptxsim
