// From the words of an instruction to the handler that runs it.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cuda/ptxsim/program.h"

namespace clearcut::ptxsim {

/// Finds the handler of an instruction that has opcode and operands. One that is not known gets a handler
/// that ends the kernel with its text.
void decode(Instruction& in, Kernel& kernel);
bool is_known(const Instruction& in);

/// An opcode split at its points: "fma.rn.ftz.f32" is fma, rn, ftz, f32. Decoders take words away; an
/// instruction with words left over is not known.
class Words {
 public:
  explicit Words(std::string_view opcode);
  const std::string& name() const { return name_; }
  /// Removes the word; false if it is not there.
  bool take(std::string_view word);
  /// Removes the first word of the pairs that is there and returns what it stands for.
  template <class T>
  std::optional<T> take_one(std::initializer_list<std::pair<std::string_view, T>> choices) {
    for (const auto& [word, meaning] : choices)
      if (take(word)) return meaning;
    return std::nullopt;
  }
  Type take_type();  // the first word that is a type; kNone if there is none
  std::optional<Space> take_space();
  bool done() const { return words_.empty(); }

 private:
  std::string name_;
  std::vector<std::string> words_;
};

/// Operand 0 becomes in.d, the `sources` behind it in.s. False if there are more or less, or none of them is
/// a plain value.
bool take_values(Instruction& in, std::size_t sources);
/// The words of rounding, flushing and clamping, as far as they are there.
void take_float_modes(Words& words, Instruction& in);

// Each returns false unless it knows the instruction, and then has set in.run and what the handler needs.
using Decoder = bool (*)(Words& words, Instruction& in, Kernel& kernel);
bool decode_integer(Words& words, Instruction& in, Kernel& kernel);
bool decode_bits(Words& words, Instruction& in, Kernel& kernel);
bool decode_float(Words& words, Instruction& in, Kernel& kernel);
bool decode_half(Words& words, Instruction& in, Kernel& kernel);
bool decode_approximate(Words& words, Instruction& in, Kernel& kernel);
bool decode_compare(Words& words, Instruction& in, Kernel& kernel);
bool decode_select(Words& words, Instruction& in, Kernel& kernel);
bool decode_convert(Words& words, Instruction& in, Kernel& kernel);
bool decode_move(Words& words, Instruction& in, Kernel& kernel);
bool decode_access(Words& words, Instruction& in, Kernel& kernel);
bool decode_atomic(Words& words, Instruction& in, Kernel& kernel);
bool decode_async_copy(Words& words, Instruction& in, Kernel& kernel);
bool decode_control(Words& words, Instruction& in, Kernel& kernel);
bool decode_warp(Words& words, Instruction& in, Kernel& kernel);
bool decode_matrix(Words& words, Instruction& in, Kernel& kernel);

/// A handler for the type of an integer: pick.operator()<std::int32_t>() and so on; nullptr for other types.
template <class Pick>
Handler for_integers(Type type, const Pick& pick) {
  switch (type) {
    case Type::kB16:
    case Type::kU16:
      return pick.template operator()<std::uint16_t>();
    case Type::kS16:
      return pick.template operator()<std::int16_t>();
    case Type::kB32:
    case Type::kU32:
      return pick.template operator()<std::uint32_t>();
    case Type::kS32:
      return pick.template operator()<std::int32_t>();
    case Type::kB64:
    case Type::kU64:
      return pick.template operator()<std::uint64_t>();
    case Type::kS64:
      return pick.template operator()<std::int64_t>();
    default:
      return nullptr;
  }
}

}  // namespace clearcut::ptxsim
