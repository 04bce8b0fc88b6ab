#include "tests/ptx/ptx_text.h"

namespace clearcut::test {

namespace {

std::set<std::string>& opcodes() {
  static std::set<std::string> all;
  return all;
}

}  // namespace

const std::set<std::string>& tested_opcodes() { return opcodes(); }

PtxText::PtxText(const std::string& statements, const std::string& declarations) {
  const std::string text = cat(".version 9.0\n.target sm_80\n.address_size 64\n", declarations,
                               "\n.visible .entry k(.param .u64 a, .param .u64 b, .param .u64 c)\n{\n",
                               ".reg .pred %p<10>; .reg .b16 %h<10>; .reg .b32 %r<10>; .reg .f32 %f<10>;\n",
                               ".reg .b64 %q<10>; .reg .f64 %d<10>;\n",
                               "ld.param.u64 %q0, [a]; ld.param.u64 %q1, [b]; ld.param.u64 %q2, [c];\n",
                               "mov.u32 %r0, %tid.x;\n", statements, "\nret;\n}\n");
  module_ = ptxsim::parse(text);
  for (const ptxsim::Instruction& in : kernel().code) opcodes().insert(in.opcode);
}

std::string PtxText::run(unsigned threads, const void* a, const void* b, const void* c,
                         ptxsim::Size3 grid) const {
  std::array<const void*, 3> parameters = {a, b, c};
  std::array<void*, 3> addresses = {&parameters[0], &parameters[1], &parameters[2]};
  return ptxsim::launch(kernel(), grid, {threads, 1, 1}, 0, ptxsim::kMaxShared, addresses.data()).text;
}

}  // namespace clearcut::test
