// Every instruction of every kernel that nvcc built into this program is known, and stands in a test of its
// own.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "cuda/ptxsim/cudart/fat_binary.h"
#include "cuda/ptxsim/decode.h"
#include "tests/ptx/ptx_text.h"

namespace clearcut::test {
namespace {

TEST(PtxCoverage, EveryInstructionOfOurKernelsHasATest) {
  std::map<std::string, std::string> missing;  // opcode: a kernel with it
  std::size_t instructions = 0;
  for (const ptxsim::Module* module : ptxsim::all_modules())
    for (const auto& [name, kernel] : module->kernels)
      for (const ptxsim::Instruction& in : kernel.code) {
        ++instructions;
        if (!tested_opcodes().contains(in.opcode)) missing.emplace(in.opcode, kernel.short_name);
      }
  EXPECT_GT(instructions, 10000u) << "the kernels of this program were not found";
  missing.erase("nanosleep.u32");  // planted_test.cu: unknown on purpose
  for (const auto& [opcode, kernel] : missing)
    ADD_FAILURE() << opcode << ", as in " << kernel << ", has no test";
}

TEST(PtxCoverage, EveryInstructionOfOurKernelsIsKnown) {
  for (const ptxsim::Module* module : ptxsim::all_modules())
    for (const auto& [name, kernel] : module->kernels)
      for (const ptxsim::Instruction& in : kernel.code)
        if (kernel.short_name != "unknown_kernel") {
          EXPECT_TRUE(is_known(in)) << in.text << ", as in " << kernel.short_name;
        }
}

}  // namespace
}  // namespace clearcut::test
