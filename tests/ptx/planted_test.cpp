// Planted defects in PTX text: the interpreter must say what is wrong and where. tests/ptx/built has more, as
// nvcc builds them.
#include "tests/ptx/rows.h"

namespace clearcut::test {
namespace {

using Words32 = std::vector<std::uint32_t>;

/// Runs the kernel on 64 words of zeros (a) and 64 that nobody wrote (b); the report must have `text` in it.
void expect_report(const PtxText& kernel, const std::string& text, unsigned threads = 64,
                   unsigned blocks = 1) {
  const PtxBuffer<std::uint32_t> a(Words32(64, 0)), b(64);
  const std::string report = kernel.run(threads, a.data(), b.data(), nullptr, {blocks, 1, 1});
  EXPECT_NE(report.find(text), std::string::npos) << "said: " << report;
}

const std::string kOwnWord = "mul.wide.u32 %q3, %r0, 4; add.s64 %q4, %q0, %q3; add.s64 %q5, %q1, %q3;\n";
const std::string kTile =
    ".shared .align 4 .b8 tile[256]; mov.u32 %r1, tile; shl.b32 %r2, %r0, 2; add.s32 %r3, %r1, %r2;\n";

// ---- memcheck

const PtxText kBehindTheEnd(kOwnWord + "st.global.u32 [%q4+4], %r0;");
const PtxText kBeforeTheStart(kOwnWord + "ld.global.u32 %r1, [%q4-4];");
const PtxText kNowhere("mov.u64 %q3, 4096; ld.global.u32 %r1, [%q3];");
const PtxText kSharedEnd(kTile + "st.shared.u32 [%r3+4], %r0;");
const PtxText kOwnEnd(".local .align 4 .b8 own[8]; ld.local.u32 %r1, [own+8];");
const PtxText kParameterEnd("ld.param.u64 %q3, [a+24];");
const PtxText kOddAddress("ld.global.u32 %r1, [%q0+2];");
const PtxText kOddVector("ld.global.v2.u32 {%r1, %r2}, [%q0+4];");
const PtxText kOddCopy(
    ".shared .align 16 .b8 t[16]; cp.async.cg.shared.global [t], [%q0+4], 16; cp.async.wait_all;");
const PtxText kWrongWindow("cvta.to.shared.u64 %q3, %q0;");
const PtxText kConstant("mov.u64 %q3, fixed; st.const.u32 [%q3], %r0;", ".const .align 4 .b32 fixed = 3;");

TEST(PtxPlantedText, Memcheck) {
  expect_report(kBehindTheEnd,
                "thread 63: 4-byte write of global memory at byte 256 of a buffer of 256 bytes");
  expect_report(kBehindTheEnd, "st.global.u32 [%q4+4], %r0)");
  expect_report(kBeforeTheStart, "thread 0: 4-byte read of global memory");
  expect_report(kNowhere, "4-byte read of global memory at 0x1000, which is in no buffer");
  expect_report(kSharedEnd, "a 4-byte write at byte 256 of 256 bytes of shared memory");
  expect_report(kOwnEnd, "at byte 8 of 8 bytes of the thread's own memory");
  expect_report(kParameterEnd, "at byte 24 of 24 bytes of parameters");
  expect_report(kOddAddress, "which is no multiple of its size");
  expect_report(kOddVector, "a 8-byte read at 0x");
  expect_report(kOddCopy, "a 16-byte read at 0x");
  expect_report(kWrongWindow, "the address is not in that space");
  expect_report(kConstant, "a write to constant memory");
}

// ---- initcheck: only what reaches memory, an address or a branch counts

const std::string kFresh = kOwnWord + "ld.global.u32 %r1, [%q5];\n";
const PtxText kToMemory(kFresh + "add.s32 %r2, %r1, 1; st.global.u32 [%q4], %r2;");
const PtxText kToBranch(kFresh + "setp.eq.s32 %p1, %r1, 0; @%p1 bra $END; st.global.u32 [%q4], %r0;\n$END:");
const PtxText kToAddress(kFresh +
                         "mul.wide.u32 %q6, %r1, 4; add.s64 %q6, %q0, %q6; ld.global.u32 %r2, [%q6];");
const PtxText kToAtomic(kFresh + "red.global.add.u32 [%q0], %r1;");
const PtxText kThroughShared(kTile + kFresh +
                             "st.shared.u32 [%r3], %r1; ld.shared.u32 %r4, [%r3]; st.global.u32 [%q4], %r4;");
const PtxText kOwn(".local .align 4 .b8 own[8];\n" + kOwnWord +
                   "ld.local.u32 %r1, [own]; st.global.u32 [%q4], %r1;");
const PtxText kNoValue(kOwnWord + "st.global.u32 [%q4], %r9;");
const PtxText kThroughWarp(kFresh + "shfl.sync.idx.b32 %r2, %r1, 0, 31, -1; st.global.u32 [%q4], %r2;");
const PtxText kUnused(kFresh +
                      "setp.lt.u32 %p1, %r0, 99; setp.eq.s32 %p2, %r1, 0; or.pred %p3, %p1, %p2;\n"
                      "selp.b32 %r2, %r0, %r1, %p3; @%p3 st.global.u32 [%q4], %r2;");

TEST(PtxPlantedText, Initcheck) {
  const std::string nobody = "depends on memory that nobody wrote";
  expect_report(kToMemory, "the value written " + nobody);
  expect_report(kToBranch, "a branch or condition " + nobody);
  expect_report(kToAddress, "the address " + nobody);
  expect_report(kToAtomic, "the value of an atomic access " + nobody);
  expect_report(kThroughShared, "the value written " + nobody);
  expect_report(kOwn, "the value written " + nobody);
  expect_report(kNoValue, "the value written " + nobody);
  expect_report(kThroughWarp, "the value written " + nobody);
  const PtxBuffer<std::uint32_t> a(Words32(64, 0)), b(64);
  EXPECT_EQ(kUnused.run(64, a.data(), b.data()), "") << "a value that nothing depends on";
}

// ---- racecheck

const PtxText kReadAfterWrite(kTile +
                              "st.shared.u32 [%r3], %r0; xor.b32 %r4, %r2, 128; add.s32 %r4, %r1, %r4;\n"
                              "ld.shared.u32 %r5, [%r4];");
const PtxText kWriteAfterRead(
    kTile +
    "st.shared.u32 [%r3], %r0; bar.sync 0; xor.b32 %r4, %r2, 128; add.s32 %r4, %r1, %r4;\n"
    "ld.shared.u32 %r5, [%r4]; st.shared.u32 [%r3], %r5;");
const PtxText kWriteAfterWrite(kTile + "st.shared.u32 [tile], %r0;");
const PtxText kOneFlag(kTile + "st.shared.u32 [tile], 1; bar.sync 0;");
const PtxText kBlocks(kOwnWord +
                      "ld.global.u32 %r1, [%q0]; setp.eq.s32 %p1, %r0, 0; @%p1 st.global.u32 [%q0], %r1;");
const PtxText kAtomicAndPlain("red.global.add.u32 [%q0], 1; ld.global.u32 %r1, [%q0];");
const PtxText kBytesBeside(kOwnWord +
                           "cvt.u64.u32 %q3, %r0; add.s64 %q3, %q0, %q3; st.global.u8 [%q3], %r0;");

TEST(PtxPlantedText, Racecheck) {
  // Warps run one after another: the first reads a word that the second writes later, and the other way
  // round.
  expect_report(
      kReadAfterWrite,
      "thread 32: race in shared memory: a write of byte 128 after a read of thread 0, and no barrier");
  expect_report(
      kWriteAfterRead,
      "thread 32: race in shared memory: a read of byte 0 after a write of thread 0, and no barrier");
  expect_report(kWriteAfterWrite, "a write of byte 0 after a write of thread 0", 64);
  expect_report(kBlocks, "race in global memory", 1, 2);
  expect_report(kAtomicAndPlain, "race in global memory: a read of byte 0", 64);
  const PtxBuffer<std::uint32_t> a(Words32(64, 0));
  EXPECT_EQ(kOneFlag.run(32, a.data()), "") << "one warp, one value";
  EXPECT_EQ(kBytesBeside.run(64, a.data()), "") << "bytes beside each other";
}

// ---- synccheck

const PtxText kTwoBarriers(
    "setp.lt.u32 %p1, %r0, 16; @%p1 bra $A; bar.sync 0; bra.uni $END;\n$A: bar.sync 0;\n$END:");
const PtxText kGuarded("setp.lt.u32 %p1, %r0, 16; @%p1 bar.sync 0;");
const PtxText kLeft("setp.ge.u32 %p1, %r0, 40; @%p1 ret; bar.sync 0;");
const PtxText kLanesLeft("setp.ge.u32 %p1, %r0, 16; @%p1 ret; shfl.sync.idx.b32 %r1, %r0, 0, 31, -1;");
const PtxText kNeverComes(
    "setp.ge.u32 %p1, %r0, 16; @%p1 bra $A; shfl.sync.idx.b32 %r1, %r0, 0, 31, -1;\n$A: bar.sync 0;");
const PtxText kNotInMask("shfl.sync.idx.b32 %r1, %r0, 0, 31, 0xffff;");
const PtxText kSourceOutside(
    "setp.ge.u32 %p1, %r0, 16; @%p1 bra $A; shfl.sync.idx.b32 %r1, %r0, 20, 31, 0xffff;\n$A:");
const PtxText kNoWait(
    ".shared .align 16 .b8 t[16]; cp.async.cg.shared.global [t], [%q0], 16; cp.async.commit_group;");
const PtxText kTrap("trap;");

TEST(PtxPlantedText, Synccheck) {
  expect_report(kTwoBarriers, "divergent barrier: thread");
  expect_report(kGuarded, "a barrier under a condition that some lanes miss");
  expect_report(kLeft, "but thread 40 has exited");
  expect_report(kLanesLeft, "names lanes ffff0000 that have exited");
  expect_report(kNeverComes,
                "deadlock: lanes ffff wait for lanes that never come; at a barrier of the block: ffff0000");
  expect_report(kNotInMask, "the lane is not in the mask 0xffff");
  expect_report(kSourceOutside, "reads lane 20, which is not in the mask 0xffff");
  expect_report(kNoWait, "the thread exits with cp.async copies that it never waited for", 1);
  expect_report(kTrap, "the kernel came to a trap");
}

// ---- instructions and text that are not known. (Programs of their own: these opcodes count as tested by
// nobody.)

std::string report_of(const std::string& statement) {
  const auto module = ptxsim::parse(
      ".version 9.0\n.target sm_80\n.address_size 64\n.entry k()\n{\n.reg .b32 %r<4>; .reg .f32 %f<4>; "
      ".reg .pred %p<3>; .reg .b64 %q<4>;\n" +
      statement + "\nret;\n}\n");
  return ptxsim::launch(module->kernels.at("k"), {}, {}, 0, ptxsim::kMaxShared, nullptr).text;
}

TEST(PtxPlantedText, UnknownInstructionsAreNamed) {
  for (const std::string opcode :
       {"add.f128", "add.rx.f32", "frobnicate", "ld.texture.u32", "bar.sync.odd", "cvt.rn.e4m3x2.f32",
        "mma.sync.aligned.m8n8k4.row.col.f32.f16.f16.f32", "wgmma.fence.sync.aligned"})
    EXPECT_NE(report_of(opcode + " %r1, %r2, %r3;").find("does not know the instruction " + opcode),
              std::string::npos)
        << report_of(opcode + " %r1, %r2, %r3;");
  EXPECT_NE(report_of("bar.sync 1;").find("does not know"), std::string::npos) << "named barriers";
  EXPECT_NE(report_of("call.uni f;").find("does not know the instruction call.uni"), std::string::npos);
}

TEST(PtxPlantedText, BrokenTextIsRefusedWithItsLine) {
  const auto refusal = [](const std::string& text) {
    try {
      ptxsim::parse(text);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_EQ(refusal(".version 9.0\n.entry k() {\n bra $NOWHERE;\n}"), "ptx: line 3: no label '$NOWHERE'");
  EXPECT_EQ(refusal(".version 9.0\n.entry k() {\n @%p1 ret;\n}"), "ptx: line 3: no predicate '%p1'");
  EXPECT_NE(refusal(".entry k() {\n ret"), "accepted");
  EXPECT_NE(refusal(".entry k(.param .u64 a"), "accepted");
  EXPECT_NE(refusal(".global .b32 x = 0q;"), "accepted");
  EXPECT_NE(refusal(".nonsense"), "accepted");
}

}  // namespace
}  // namespace clearcut::test
