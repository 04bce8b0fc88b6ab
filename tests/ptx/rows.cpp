#include "tests/ptx/rows.h"

namespace clearcut::test {

namespace {

std::string register_of(int width, std::size_t i) {
  return cat(width == 1 ? "%p" : width == 16 ? "%h" : width == 32 ? "%r" : "%q", i + 4);
}

// Thread t reads its sources from a[8 t ...] and writes to b[t], all in 64 bits.
std::string statements(const std::string& opcode, const std::vector<int>& widths) {
  std::string text =
      "mul.wide.u32 %q3, %r0, 64; add.s64 %q0, %q0, %q3; mul.wide.u32 %q3, %r0, 8; add.s64 %q1, %q1, %q3;\n";
  for (std::size_t i = 1; i < widths.size(); ++i) {
    const std::string name = register_of(widths[i], i), at = cat("[%q0+", 8 * (i - 1), "];\n");
    if (widths[i] == 1)
      text += cat("ld.global.u32 %r3, ", at, "setp.ne.s32 ", name, ", %r3, 0;\n");
    else
      text += cat("ld.global.b", widths[i], " ", name, ", ", at);
  }
  text += cat(opcode, " ", register_of(widths[0], 0));
  for (std::size_t i = 1; i < widths.size(); ++i) text += cat(", ", register_of(widths[i], i));
  text += ";\nmov.b64 %q3, 0; st.global.b64 [%q1], %q3;\n";
  if (widths[0] == 1)
    text += cat("selp.b32 %r3, 1, 0, ", register_of(1, 0), "; st.global.b32 [%q1], %r3;");
  else
    text += cat("st.global.b", widths[0], " [%q1], ", register_of(widths[0], 0), ";");
  return text;
}

}  // namespace

InstructionRow::InstructionRow(std::string opcode, std::vector<int> widths,
                               std::vector<std::vector<std::uint64_t>> entries)
    : opcode_(std::move(opcode)),
      widths_(std::move(widths)),
      entries_(std::move(entries)),
      text_(statements(opcode_, widths_)) {}

void InstructionRow::expect_results() const {
  std::vector<std::uint64_t> sources(8 * entries_.size(), 0);
  for (std::size_t t = 0; t < entries_.size(); ++t) {
    ASSERT_EQ(entries_[t].size(), widths_.size()) << opcode_;
    std::copy(entries_[t].begin(), entries_[t].end() - 1, sources.begin() + static_cast<long>(8 * t));
  }
  const PtxBuffer<std::uint64_t> a(sources), b(entries_.size());
  ASSERT_EQ(text_.run(static_cast<unsigned>(entries_.size()), a.data(), b.data()), "") << opcode_;
  const std::vector<std::uint64_t> results = b.values();
  for (std::size_t t = 0; t < results.size(); ++t)
    EXPECT_EQ(results[t], entries_[t].back())
        << opcode_ << ", entry " << t << std::hex << ": got 0x" << results[t];
}

void expect_all(const InstructionRows& rows) {
  for (const InstructionRow& row : rows) {
    SCOPED_TRACE(row.opcode());
    row.expect_results();
  }
}

}  // namespace clearcut::test
