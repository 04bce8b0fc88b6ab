// Lanes together, apart and together again: shuffles, votes, branches, loops, barriers.
#include "tests/ptx/rows.h"

namespace clearcut::test {
namespace {

using Words32 = std::vector<std::uint32_t>;

// The PTX ISA's pseudo code of shfl: the lane that `lane` reads, or its own if that is outside its segment.
std::uint32_t source(char mode, int lane, int b, int c) {
  const int segment = c >> 8 & 31, clamp = c & 31, most = (lane & segment) | (clamp & ~segment & 31);
  const int j = mode == 'u'   ? lane - b
                : mode == 'd' ? lane + b
                : mode == 'b' ? lane ^ b
                              : ((lane & segment) | (b & ~segment & 31));
  const bool inside = mode == 'u' ? j >= most : j <= most;
  return static_cast<std::uint32_t>(inside ? j + 100 : 1000 + lane);
}

struct Shuffle {
  char mode;
  std::string name;
  int b, c;
  PtxText text;
  Shuffle(char mode_, const std::string& name_, int b_, int c_)
      : mode(mode_),
        name(name_),
        b(b_),
        c(c_),
        text(cat("add.s32 %r1, %r0, 100; shfl.sync.", name, ".b32 %r2|%p1, %r1, ", b, ", ", c,
                 ", -1;\nadd.s32 %r3, %r0, 1000; selp.b32 %r2, %r2, %r3, %p1;\n",
                 "mul.wide.u32 %q3, %r0, 4; add.s64 %q0, %q0, %q3; st.global.u32 [%q0], %r2;")) {}
};
// c as __shfl_*_sync passes it for a width of 32, 16 and 8: (32 - width) << 8, with 31 below but for `up`.
const std::vector<Shuffle> kShuffles = [] {
  std::vector<Shuffle> all;
  for (const int width : {32, 16, 8})
    for (const int b : {0, 1, 5, 15, 31}) {
      const int segment = (32 - width) << 8;
      all.emplace_back('u', "up", b, segment);
      all.emplace_back('d', "down", b, segment | 31);
      all.emplace_back('b', "bfly", b, segment | 31);
      all.emplace_back('i', "idx", b, segment | 31);
    }
  return all;
}();

TEST(PtxWarp, Shuffles) {
  for (const Shuffle& s : kShuffles) {
    Words32 expected;
    for (int lane = 0; lane < 32; ++lane) expected.push_back(source(s.mode, lane, s.b, s.c));
    const PtxBuffer<std::uint32_t> y(32);
    ASSERT_EQ(s.text.run(32, y.data()), "");
    EXPECT_EQ(y.values(), expected) << s.name << " " << s.b << " " << s.c;
  }
}

const PtxText kVotes(R"(
  and.b32 %r1, %r0, 1; setp.eq.u32 %p1, %r1, 0; setp.lt.u32 %p2, %r0, 99; setp.lt.u32 %p3, %r0, 31;
  vote.sync.ballot.b32 %r2, %p1, -1; vote.sync.ballot.b32 %r3, !%p1, -1; vote.sync.all.pred %p4, %p2, -1;
  vote.sync.any.pred %p5, !%p3, -1; vote.sync.uni.pred %p6, %p3, -1; vote.sync.all.pred %p7, %p3, -1;
  selp.u32 %r4, 1, 0, %p4; selp.u32 %r5, 2, 0, %p5; selp.u32 %r6, 4, 0, %p6; selp.u32 %r7, 8, 0, %p7;
  or.b32 %r4, %r4, %r5; or.b32 %r4, %r4, %r6; or.b32 %r4, %r4, %r7;
  mul.wide.u32 %q3, %r0, 12; add.s64 %q0, %q0, %q3; st.global.u32 [%q0], %r2; st.global.u32 [%q0+4], %r3; st.global.u32 [%q0+8], %r4;
)");
TEST(PtxWarp, Votes) {
  const PtxBuffer<std::uint32_t> y(96);
  ASSERT_EQ(kVotes.run(32, y.data()), "");
  for (std::size_t lane = 0; lane < 32; ++lane) {
    EXPECT_EQ(y.values()[3 * lane], 0x55555555u);
    EXPECT_EQ(y.values()[3 * lane + 1], 0xaaaaaaaau);
    EXPECT_EQ(y.values()[3 * lane + 2], 3u);
  }
}

const PtxText kReductions(R"(
  sub.s32 %r1, %r0, 3; redux.sync.add.s32 %r2, %r1, -1; redux.sync.min.s32 %r3, %r1, -1; redux.sync.max.s32 %r4, %r1, -1;
  redux.sync.min.u32 %r5, %r1, -1; redux.sync.max.u32 %r6, %r1, -1; redux.sync.and.b32 %r7, %r1, -1;
  redux.sync.or.b32 %r8, %r0, -1; redux.sync.xor.b32 %r9, %r0, -1; redux.sync.add.u32 %r2, %r1, -1;
  st.global.u32 [%q0], %r2; st.global.u32 [%q0+4], %r3; st.global.u32 [%q0+8], %r4; st.global.u32 [%q0+12], %r5;
  st.global.u32 [%q0+16], %r6; st.global.u32 [%q0+20], %r7; st.global.u32 [%q0+24], %r8; st.global.u32 [%q0+28], %r9;
)");
TEST(PtxWarp, Reductions) {
  const PtxBuffer<std::uint32_t> y(8);
  ASSERT_EQ(kReductions.run(32, y.data()), "");
  EXPECT_EQ(y.values(), (Words32{400, 0xfffffffd, 28, 0, 0xffffffff, 0, 31, 0}));
}

const PtxText kMatches(R"(
  and.b32 %r1, %r0, 3; match.any.sync.b32 %r2, %r1, -1; match.all.sync.b32 %r3|%p1, %r1, -1; mov.u32 %r4, 7;
  match.all.sync.b32 %r5|%p2, %r4, -1; activemask.b32 %r6; selp.u32 %r7, 1, 0, %p1; selp.u32 %r8, 2, 0, %p2; or.b32 %r7, %r7, %r8;
  mul.wide.u32 %q3, %r0, 20; add.s64 %q0, %q0, %q3; st.global.u32 [%q0], %r2; st.global.u32 [%q0+4], %r3;
  st.global.u32 [%q0+8], %r5; st.global.u32 [%q0+12], %r6; st.global.u32 [%q0+16], %r7;
)");
TEST(PtxWarp, Matches) {
  const PtxBuffer<std::uint32_t> y(5 * 32);
  ASSERT_EQ(kMatches.run(32, y.data()), "");
  Words32 expected;
  for (std::uint32_t lane = 0; lane < 32; ++lane)
    expected.insert(expected.end(), {0x11111111u << lane % 4, 0, 0xffffffff, 0xffffffff, 2});
  EXPECT_EQ(y.values(), expected);
}

// Lane n goes round n times; odd lanes take another way through the loop; a predicate and a table choose too.
const PtxText kPaths(R"(
  mov.u32 %r1, 0; mov.u32 %r2, 0;
$LOOP:
  setp.ge.u32 %p1, %r1, %r0; @%p1 bra $DONE;
  and.b32 %r3, %r1, 1; setp.eq.s32 %p2, %r3, 0; @!%p2 bra $ODD;
  add.s32 %r2, %r2, 10; bra.uni $NEXT;
$ODD:
  add.s32 %r2, %r2, 1;
$NEXT:
  add.s32 %r1, %r1, 1; bra $LOOP;
$DONE:
  @%p1 add.s32 %r2, %r2, 100; @!%p1 add.s32 %r2, %r2, 500;
  and.b32 %r4, %r0, 3;
$TABLE: .branchtargets $A, $B, $C, $B;
  brx.idx %r4, $TABLE;
$A: add.s32 %r2, %r2, 1000; bra.uni $END;
$B: add.s32 %r2, %r2, 2000; bra.uni $END;
$C: add.s32 %r2, %r2, 3000;
$END:
  mul.wide.u32 %q3, %r0, 4; add.s64 %q0, %q0, %q3; st.global.u32 [%q0], %r2; setp.lt.u32 %p3, %r0, 5; @%p3 exit;
)");
TEST(PtxWarp, BranchesLoopsAndTables) {
  const PtxBuffer<std::uint32_t> y(64);
  ASSERT_EQ(kPaths.run(64, y.data()), "");
  Words32 expected;
  for (std::uint32_t t = 0; t < 64; ++t)
    expected.push_back((t + 1) / 2 * 10 + t / 2 + 100 + Words32{1000, 2000, 3000, 2000}[t % 4]);
  EXPECT_EQ(y.values(), expected);
}

// Halves of a warp shuffle on their own, each under its mask, in branches and side by side.
const PtxText kHalves(R"(
  setp.lt.u32 %p1, %r0, 16; selp.b32 %r1, 0xffff, 0xffff0000, %p1;
  shfl.sync.bfly.b32 %r2, %r0, 1, 31, %r1;
  @%p1 bra $LOW;
  shfl.sync.bfly.b32 %r2, %r2, 2, 31, 0xffff0000; bra.uni $END;
$LOW:
  shfl.sync.bfly.b32 %r2, %r2, 4, 31, 0xffff;
$END:
  bar.warp.sync -1;
  shfl.sync.bfly.b32 %r2, %r2, 16, 31, -1;
  mul.wide.u32 %q3, %r0, 4; add.s64 %q0, %q0, %q3; st.global.u32 [%q0], %r2;
)");
TEST(PtxWarp, HalvesOfAWarpGoTheirOwnWays) {
  const PtxBuffer<std::uint32_t> y(32);
  ASSERT_EQ(kHalves.run(32, y.data()), "");
  Words32 expected;
  for (std::uint32_t lane = 0; lane < 32; ++lane) {
    const std::uint32_t other = lane ^ 16;
    expected.push_back(other ^ 1 ^ (other < 16 ? 4 : 2));
  }
  EXPECT_EQ(y.values(), expected);
}

const PtxText kPlaces(R"(
  mov.u32 %r1, %tid.y; mov.u32 %r2, %ctaid.x; mov.u32 %r3, %ntid.x; mov.u32 %r4, %nctaid.x; mov.u32 %r5, %laneid;
  mov.u32 %r6, %warpid; mov.u32 %r7, %lanemask_lt; mov.u32 %r8, %lanemask_ge;
  mad.lo.s32 %r9, %r2, %r3, %r0; mul.wide.u32 %q3, %r9, 20; add.s64 %q0, %q0, %q3;
  st.global.u32 [%q0], %r4; st.global.u32 [%q0+4], %r5; st.global.u32 [%q0+8], %r6; st.global.u32 [%q0+12], %r7;
  st.global.u32 [%q0+16], %r8;
)");
TEST(PtxWarp, PlacesOfThreads) {
  const PtxBuffer<std::uint32_t> y(5 * 40 * 2);
  ASSERT_EQ(kPlaces.run(40, y.data(), nullptr, nullptr, {2, 1, 1}), "");
  Words32 expected;
  for (std::uint32_t i = 0; i < 80; ++i) {
    const std::uint32_t t = i % 40, lane = t % 32;
    expected.insert(expected.end(), {2, lane, t / 32, (1u << lane) - 1, ~((1u << lane) - 1)});
  }
  EXPECT_EQ(y.values(), expected);
}

const PtxText kCounts(R"(
  setp.lt.u32 %p1, %r0, 40; bar.red.popc.u32 %r1, 0, %p1; bar.red.and.pred %p2, 0, %p1; bar.red.or.pred %p3, 0, !%p1;
  barrier.sync 0; membar.gl; membar.cta; fence.acq_rel.gpu; fence.sc.cta;
  selp.u32 %r2, 100, 0, %p2; selp.u32 %r3, 200, 0, %p3; add.s32 %r1, %r1, %r2; add.s32 %r1, %r1, %r3;
  mul.wide.u32 %q3, %r0, 4; add.s64 %q0, %q0, %q3; st.global.u32 [%q0], %r1;
)");
TEST(PtxWarp, BarriersThatCount) {
  const PtxBuffer<std::uint32_t> y(64);
  ASSERT_EQ(kCounts.run(64, y.data()), "");
  EXPECT_EQ(y.values(), Words32(64, 240));
}

}  // namespace
}  // namespace clearcut::test
