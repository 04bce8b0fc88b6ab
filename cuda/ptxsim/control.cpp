// bra, brx, ret, exit, bar, barrier, fences, trap.
#include <bit>

#include "cuda/ptxsim/decode.h"
#include "cuda/ptxsim/warp.h"

namespace clearcut::ptxsim {

namespace {

void nothing(Warp&, const Instruction&, LaneMask) {}
void trap(Warp& warp, const Instruction&, LaneMask lanes) {
  warp.fail(std::countr_zero(lanes), "the kernel came to a trap");
}

// Barrier 0 of all threads: "bar.sync 0", "barrier.sync.aligned 0", "bar.red.popc.u32 d, 0, p".
bool decode_barrier(Words& words, Instruction& in, const Kernel& kernel) {
  words.take("cta");
  words.take("aligned");
  const auto is_zero = [&](const Operand& o) {
    return o.place() < 0 && kernel.constants[static_cast<std::size_t>(~o.place())][0] == 0;
  };
  in.flow = Flow::kBarrier;
  in.counted = Counted::kBarrier;
  in.run = nothing;
  if (words.take("sync")) return in.operands.size() == 1 && is_zero(in.operands[0]);
  if (!words.take("red") || in.operands.size() != 3 || !is_zero(in.operands[1])) return false;
  in.variant = words.take_one<char>({{"popc", 'p'}, {"and", 'a'}, {"or", 'o'}}).value_or(0);
  in.d = in.operands[0].place();
  in.s[0] = in.operands[2].place();
  return in.variant != 0 && words.take(in.variant == 'p' ? "u32" : "pred");
}

bool decode_fence(Words& words, Instruction& in) {
  for (const char* word : {"sc", "acq_rel", "acquire", "release", "cta", "gpu", "sys", "gl"})
    words.take(word);
  in.run = nothing;
  return in.operands.empty();
}

}  // namespace

bool decode_control(Words& words, Instruction& in, Kernel& kernel) {
  const std::string& name = words.name();
  if (name == "bar" || name == "barrier") return decode_barrier(words, in, kernel);
  if (name == "fence" || name == "membar") return decode_fence(words, in);
  if (name == "trap") {
    in.run = trap;
    return in.operands.empty();
  }
  words.take("uni");
  in.run = nothing;
  in.flow = name == "bra" ? Flow::kBranch : name == "brx" ? Flow::kTable : Flow::kExit;
  if (in.flow == Flow::kExit) return in.operands.empty();
  if (in.flow == Flow::kBranch) return in.operands.size() == 1 && in.operands[0].kind == Operand::Kind::kName;
  return words.take("idx") && in.operands.size() == 2 && in.operands[1].kind == Operand::Kind::kName;
}

}  // namespace clearcut::ptxsim
