// Rows of tests: one instruction, values of its operands, and what it must give.
#pragma once

#include <bit>
#include <string>
#include <vector>

#include "tests/ptx/ptx_text.h"

namespace clearcut::test {

/// Bits of numbers, as registers hold them.
inline std::uint64_t f32(float v) { return std::bit_cast<std::uint32_t>(v); }
inline std::uint64_t f64(double v) { return std::bit_cast<std::uint64_t>(v); }
inline std::uint64_t s32(std::int32_t v) { return static_cast<std::uint32_t>(v); }
inline std::uint64_t s64(std::int64_t v) { return static_cast<std::uint64_t>(v); }
inline std::uint64_t s16(std::int16_t v) { return static_cast<std::uint16_t>(v); }

/// One instruction over several values: "add.f32" with the widths {32, 32, 32} of its destination and sources
/// (1: a predicate) is run once per entry, which has the sources and then the result.
class InstructionRow {
 public:
  InstructionRow(std::string opcode, std::vector<int> widths,
                 std::vector<std::vector<std::uint64_t>> entries);
  void expect_results() const;
  const std::string& opcode() const { return opcode_; }

 private:
  std::string opcode_;
  std::vector<int> widths_;
  std::vector<std::vector<std::uint64_t>> entries_;
  PtxText text_;
};

using InstructionRows = std::vector<InstructionRow>;
/// Runs every row, each under its opcode's name.
void expect_all(const InstructionRows& rows);

}  // namespace clearcut::test
