// Counters of small kernels whose numbers can be worked out by hand.
#include "cuda/ptxsim/counters.h"

#include <sstream>

#include "tests/ptx/rows.h"

namespace clearcut::test {
namespace {

using ptxsim::Counted;

// Thread t reads the float at `stride` t and writes the one at t.
PtxText strided(int stride) {
  return PtxText(cat("mul.wide.u32 %q3, %r0, ", 4 * stride,
                     "; add.s64 %q3, %q0, %q3; ld.global.f32 %f1, [%q3];\n",
                     "mul.wide.u32 %q3, %r0, 4; add.s64 %q3, %q1, %q3; st.global.f32 [%q3], %f1;"));
}
const PtxText kDense = strided(1), kEverySecond = strided(2), kScattered = strided(32), kOne = strided(0);

ptxsim::Counters counted(const PtxText& text, unsigned threads, unsigned blocks = 1) {
  const PtxBuffer<float> a(std::vector<float>(32 * 64, 1.0f)), b(64);
  ptxsim::reset_counters();
  EXPECT_EQ(text.run(threads, a.data(), b.data(), nullptr, {blocks, 1, 1}), "");
  return ptxsim::counters().at("k");
}

TEST(PtxCounters, SectorsOfGlobalMemory) {
  // 32 floats: 128 bytes, 4 sectors. With a stride of 2, 8 sectors where 4 would do; of 32, one for each
  // lane.
  const auto load = [](const PtxText& text) { return counted(text, 32).global(Counted::kLoad); };
  EXPECT_EQ(load(kDense).units, 4u);
  EXPECT_EQ(load(kDense).least_units, 4u);
  EXPECT_EQ(load(kEverySecond).units, 8u);
  EXPECT_EQ(load(kEverySecond).least_units, 4u);
  EXPECT_EQ(load(kScattered).units, 32u);
  EXPECT_EQ(load(kOne).units, 1u);
  EXPECT_EQ(load(kOne).requests, 1u);
  EXPECT_EQ(counted(kScattered, 32).global(Counted::kStore).units, 4u);
}

TEST(PtxCounters, InstructionsAndLanes) {
  const ptxsim::Counters c = counted(kDense, 40);  // two warps, the second with 8 lanes
  const std::size_t length = kDense.kernel().code.size();
  EXPECT_EQ(c.launches, 1u);
  EXPECT_EQ(c.blocks, 1u);
  EXPECT_EQ(c.warps(), 2 * length);
  EXPECT_EQ(c.lanes(), 40 * length);
}

// Thread t writes the word `stride` t of shared memory.
PtxText banked(int stride, const std::string& type, const std::string& value) {
  return PtxText(cat(".shared .align 16 .b8 tile[16384]; mov.u32 %r1, tile; mul.lo.s32 %r2, %r0, ",
                     4 * stride,
                     "; add.s32 %r1, %r1, %r2; mov.f32 %f1, 0f00000000; mov.b64 %q3, 0;\nst.shared.", type,
                     " [%r1], ", value, ";"));
}
const PtxText kOwnBanks = banked(1, "f32", "%f1"), kTwoInABank = banked(2, "f32", "%f1"),
              kOneBank = banked(32, "f32", "%f1"), kPadded = banked(33, "f32", "%f1"),
              kPairs = banked(2, "b64", "%q3"), kFours = banked(4, "v4.f32", "{%f1, %f1, %f1, %f1}"),
              kFoursApart = banked(32, "v4.f32", "{%f1, %f1, %f1, %f1}");

TEST(PtxCounters, PassesOverBanks) {
  const auto passes = [](const PtxText& text) { return counted(text, 32).shared(); };
  EXPECT_EQ(passes(kOwnBanks).units, 1u);
  EXPECT_EQ(passes(kTwoInABank).units, 2u);
  EXPECT_EQ(passes(kOneBank).units, 32u);
  EXPECT_EQ(passes(kPadded).units, 1u);
  EXPECT_EQ(passes(kPairs).units, 2u);  // 16 lanes of 8 bytes at a time
  EXPECT_EQ(passes(kPairs).least_units, 2u);
  EXPECT_EQ(passes(kFours).units, 4u);  // 8 lanes of 16 bytes at a time
  EXPECT_EQ(passes(kFours).least_units, 4u);
  EXPECT_EQ(passes(kFoursApart).units, 32u);
}

const PtxText kLoop(R"(
  mov.u32 %r1, 0; mov.f32 %f1, 0f00000000;
$LOOP:
  fma.rn.f32 %f1, %f1, %f1, %f1; add.s32 %r1, %r1, 1; setp.lt.u32 %p1, %r1, 10; @%p1 bra $LOOP;
  bar.sync 0;
)");
TEST(PtxCounters, MainLoop) {
  const ptxsim::Counters c = counted(kLoop, 64);
  EXPECT_EQ(c.count(Counted::kMultiplyAdd), 20u);
  EXPECT_EQ(c.count(Counted::kBarrier), 2u);
  EXPECT_EQ(c.main_loop().warps(), 80u);
  EXPECT_EQ(c.main_loop().count(Counted::kMultiplyAdd), 20u);
}

TEST(PtxCounters, BlocksAndLaunchesAddUp) {
  const PtxBuffer<float> a(std::vector<float>(64, 1.0f));
  ptxsim::reset_counters();
  ASSERT_EQ(kLoop.run(32, a.data(), nullptr, nullptr, {100, 1, 1}), "");
  ASSERT_EQ(kLoop.run(32, a.data(), nullptr, nullptr, {50, 1, 1}), "");
  const ptxsim::Counters c = ptxsim::counters().at("k");
  EXPECT_EQ(c.launches, 2u);
  EXPECT_EQ(c.blocks, 150u);
  EXPECT_EQ(c.count(Counted::kMultiplyAdd), 1500u);
  std::ostringstream table;
  ptxsim::print_counters(table);
  EXPECT_NE(table.str().find("k | 2 | "), std::string::npos) << table.str();
}

}  // namespace
}  // namespace clearcut::test
