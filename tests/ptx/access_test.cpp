// Loads, stores, moves, addresses and atomics.
#include <numeric>

#include "tests/ptx/rows.h"

namespace clearcut::test {
namespace {

using Words32 = std::vector<std::uint32_t>;

// Bytes 80 81 82 ... 9f through every width: signed ones are extended by their sign, others by zeros.
const PtxText kWidths(R"(
  ld.global.s8 %r1, [%q0]; st.global.b32 [%q1], %r1;
  ld.global.u8 %r1, [%q0+1]; st.global.b32 [%q1+4], %r1;
  ld.global.b8 %h1, [%q0+1]; cvt.u32.u16 %r1, %h1; st.global.b32 [%q1+8], %r1;
  ld.global.s16 %r1, [%q0+2]; st.global.b32 [%q1+12], %r1;
  ld.global.u16 %r1, [%q0+2]; st.global.b32 [%q1+16], %r1;
  ld.global.b16 %h1, [%q0+2]; st.global.b16 [%q1+20], %h1; st.global.u8 [%q1+22], %h1; st.global.b8 [%q1+23], %h1;
  ld.global.s32 %q3, [%q0+4]; st.global.b64 [%q1+24], %q3;
  ld.global.u32 %r1, [%q0+4]; st.global.u32 [%q1+32], %r1; st.global.u16 [%q1+36], %r1; st.global.s16 [%q1+38], %r1;
  ld.global.s64 %q3, [%q0+8]; ld.global.b32 %r2, [%q0+8]; st.global.s64 [%q1+40], %q3;
  ld.global.u64 %q3, [%q0+8]; st.global.u64 [%q1+48], %q3;
  ld.volatile.global.u32 %r1, [%q0+4]; st.volatile.global.u32 [%q1+56], %r1;
  ld.global.nc.u32 %r1, [%q0+4]; st.global.s32 [%q1+60], %r1;
  ld.u32 %r1, [%q0+4]; st.u32 [%q1+64], %r1; ld.global.nc.f32 %f1, [%q0+4]; st.global.f32 [%q1+68], %f1;
)");

TEST(PtxAccess, WidthsAndSigns) {
  std::vector<std::uint8_t> bytes(32);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{0x80});
  const PtxBuffer<std::uint8_t> a(bytes);
  const PtxBuffer<std::uint32_t> b(18);
  ASSERT_EQ(kWidths.run(1, a.data(), b.data()), "");
  EXPECT_EQ(b.values(), (Words32{0xffffff80, 0x81, 0x81, 0xffff8382, 0x8382, 0x82828382, 0x87868584,
                                 0xffffffff, 0x87868584, 0x85848584, 0x8b8a8988, 0x8f8e8d8c, 0x8b8a8988,
                                 0x8f8e8d8c, 0x87868584, 0x87868584, 0x87868584, 0x87868584}));
}

const PtxText kVectors(R"(
  ld.global.v4.f32 {%f1, %f2, %f3, %f4}, [%q0]; st.global.v4.f32 [%q1], {%f4, %f3, %f2, %f1};
  ld.global.v2.f64 {%d1, %d2}, [%q0]; st.global.v2.f64 [%q1+16], {%d2, %d1};
  ld.global.v2.u32 {%r1, %r2}, [%q0]; st.global.v2.u32 [%q1+32], {%r2, %r1};
  ld.global.v2.f32 {%f1, _}, [%q0+8]; st.global.f32 [%q1+40], %f1; st.global.b32 [%q1+44], %f1;
  ld.global.v4.u32 {%r1, %r2, %r3, %r4}, [%q0]; st.global.v4.u32 [%q1+48], {%r1, %r1, %r4, %r4};
  ld.global.v2.u64 {%q3, %q4}, [%q0]; st.global.v2.u64 [%q1+64], {%q4, %q3};
  ld.global.v2.b32 {%r1, %r2}, [%q0]; st.global.v2.b32 [%q1+80], {%r2, %r1};
  ld.global.v4.b32 {%r1, %r2, %r3, %r4}, [%q0]; st.global.v4.b32 [%q1+96], {%r4, %r3, %r2, %r1};
  ld.global.v2.b64 {%q3, %q4}, [%q0]; st.global.v2.b64 [%q1+112], {%q4, %q3};
  ld.global.nc.v4.f32 {%f1, %f2, %f3, %f4}, [%q0]; st.global.v2.f32 [%q1+88], {%f3, %f4};
)");

TEST(PtxAccess, Vectors) {
  const PtxBuffer<std::uint32_t> a(Words32{1, 2, 3, 4}), b(32);
  ASSERT_EQ(kVectors.run(1, a.data(), b.data()), "");
  EXPECT_EQ(b.values(), (Words32{4, 3, 2, 1, 3, 4, 1, 2, 2, 1, 3, 3, 1, 1, 4, 4,
                                 3, 4, 1, 2, 2, 1, 3, 4, 4, 3, 2, 1, 3, 4, 1, 2}));
}

// The third parameter holds the bytes f0 f1 ... f7, the second 1, 2 (as words).
const PtxText kParameters(R"(
  ld.param.s8 %h1, [c]; cvt.s32.s16 %r1, %h1; st.global.u32 [%q0], %r1; ld.param.u8 %h1, [c+1]; cvt.u32.u16 %r1, %h1; st.global.u32 [%q0+4], %r1;
  ld.param.b8 %h2, [c+1]; ld.param.s16 %h1, [c+2]; ld.param.u16 %h2, [c+2]; ld.param.b16 %h3, [c+2]; mov.b32 %r1, {%h1, %h3}; st.global.u32 [%q0+8], %r1;
  ld.param.u32 %r1, [c+4]; st.global.u32 [%q0+12], %r1; ld.param.s32 %r1, [c+4]; ld.param.b32 %r2, [c+4]; ld.param.f32 %f1, [c+4]; st.global.f32 [%q0+16], %f1;
  ld.param.f64 %d1, [c]; st.global.f64 [%q0+24], %d1; ld.param.b64 %q3, [c]; ld.param.s64 %q4, [c]; st.global.b64 [%q0+32], %q3;
  ld.param.v2.u32 {%r1, %r2}, [b]; st.global.u32 [%q0+40], %r2; ld.param.v2.f32 {%f1, %f2}, [b]; st.global.f32 [%q0+44], %f1;
  ld.param.v4.u8 {%h1, %h2, %h3, %h4}, [c]; mov.b32 %r1, {%h4, %h1}; st.global.u32 [%q0+48], %r1;
  ld.param.v2.u8 {%h1, %h2}, [c+2]; mov.b32 %r1, {%h1, %h2}; st.global.u32 [%q0+52], %r1;
  ld.param.v2.b32 {%r1, %r2}, [b]; st.global.u32 [%q0+56], %r1; ld.param.v2.s32 {%r1, %r2}, [b]; st.global.u32 [%q0+60], %r2;
)");

TEST(PtxAccess, Parameters) {
  const PtxBuffer<std::uint32_t> y(Words32(16, 9));
  const auto number = [](std::uint64_t v) { return reinterpret_cast<const void*>(v); };
  ASSERT_EQ(kParameters.run(1, y.data(), number(0x0000000200000001), number(0xf7f6f5f4f3f2f1f0)), "");
  EXPECT_EQ(y.values(), (Words32{0xfffffff0, 0xf1, 0xf3f2f3f2, 0xf7f6f5f4, 0xf7f6f5f4, 9, 0xf3f2f1f0,
                                 0xf7f6f5f4, 0xf3f2f1f0, 0xf7f6f5f4, 2, 1, 0x00f000f3, 0x00f300f2, 1, 2}));
}

// Memory of the thread's own, in the widths that arrays in registers spill to.
const PtxText kOwnWidths(R"(
  .local .align 16 .b8 own[32]; ld.global.v4.f32 {%f1, %f2, %f3, %f4}, [%q0];
  st.local.v4.f32 [own], {%f1, %f2, %f3, %f4}; ld.local.f32 %f5, [own+4]; st.local.f32 [own+8], %f5;
  ld.local.v2.f32 {%f6, %f7}, [own+8]; st.local.v2.f32 [own], {%f7, %f6}; ld.local.v4.f32 {%f1, %f2, %f3, %f4}, [own];
  st.global.v4.f32 [%q1], {%f1, %f2, %f3, %f4};
  ld.global.f64 %d1, [%q0]; st.local.f64 [own+16], %d1; ld.local.f64 %d2, [own+16]; st.global.f64 [%q1+16], %d2;
  ld.local.u64 %q3, [own+16]; st.local.u64 [own+24], %q3; ld.local.b64 %q3, [own+24]; st.local.v2.u64 [own], {%q3, %q3};
  ld.local.v2.u64 {%q4, %q5}, [own]; st.local.v2.f64 [own+16], {%d1, %d2}; ld.local.v2.f64 {%d3, %d4}, [own+16]; st.local.b64 [own], %q4;
  st.global.u64 [%q1+24], %q5; st.global.f64 [%q1+32], %d4;
  mov.u32 %r1, 7; st.local.u32 [own], %r1; ld.local.u32 %r2, [own]; st.local.v4.u32 [own], {%r2, %r2, %r2, %r2};
  ld.local.v4.u32 {%r3, %r4, %r5, %r6}, [own]; st.local.v2.u32 [own], {%r6, %r6}; ld.local.v2.u32 {%r7, %r8}, [own];
  st.local.u8 [own], %r8; ld.local.u8 %r9, [own]; st.local.v4.b32 [own], {%r9, %r9, %r9, %r9}; ld.local.v4.b32 {%r3, %r4, %r5, %r6}, [own];
  st.local.v2.b32 [own], {%r6, %r6}; ld.local.v2.b32 {%r7, %r8}, [own]; ld.local.b32 %r1, [own]; st.global.u32 [%q1+40], %r8; st.global.u32 [%q1+44], %r1;
)");

TEST(PtxAccess, OwnMemoryInEveryWidth) {
  const PtxBuffer<std::uint32_t> a(Words32{1, 2, 3, 4}), b(12);
  ASSERT_EQ(kOwnWidths.run(1, a.data(), b.data()), "");
  EXPECT_EQ(b.values(), (Words32{4, 2, 2, 4, 1, 2, 1, 2, 1, 2, 7, 7}));
}

// Shared memory by name, by register and through generic addresses; the thread's own memory; constants.
const PtxText kSpaces(R"(
  .shared .align 16 .b8 tile[64]; .local .align 8 .b8 own[16];
  mov.u32 %r1, tile; shl.b32 %r2, %r0, 2; add.s32 %r1, %r1, %r2;
  add.s32 %r3, %r0, 100; st.shared.u32 [%r1], %r3;
  bar.sync 0;
  ld.shared.u32 %r4, [tile+12];
  mov.u64 %q3, tile; cvta.shared.u64 %q4, %q3; ld.u32 %r5, [%q4+8]; cvta.to.shared.u64 %q5, %q4; cvt.u32.u64 %r6, %q5;
  ld.shared.u32 %r6, [%r6+4];
  isspacep.shared %p1, %q4; isspacep.global %p2, %q4; selp.u32 %r7, 1, 0, %p1; selp.u32 %r8, 2, 0, %p2;
  or.b32 %r7, %r7, %r8;
  mov.b64 %q6, own; st.local.u32 [%q6+4], %r0; cvta.local.u64 %q7, %q6; ld.u32 %r8, [%q7+4]; ld.local.u32 %r8, [%q6+4];
  cvta.to.local.u64 %q7, %q7; st.local.b32 [%q7], %r8;
  mov.u64 %q8, table; cvta.global.u64 %q8, %q8; cvta.to.global.u64 %q8, %q8; ld.global.u32 %r9, [%q8+4];
  mul.wide.u32 %q9, %r0, 24; add.s64 %q1, %q1, %q9;
  st.global.u32 [%q1], %r4; st.global.u32 [%q1+4], %r5; st.global.u32 [%q1+8], %r6; st.global.u32 [%q1+12], %r7;
  st.global.u32 [%q1+16], %r8; st.global.u32 [%q1+20], %r9;
)",
                      ".global .align 4 .b32 table[3] = {7, -8, 9};");

TEST(PtxAccess, Spaces) {
  const PtxBuffer<std::uint32_t> b(6 * 4);
  ASSERT_EQ(kSpaces.run(4, nullptr, b.data()), "");
  Words32 expected;
  for (std::uint32_t t = 0; t < 4; ++t) expected.insert(expected.end(), {103, 102, 101, 1, t, 0xfffffff8});
  EXPECT_EQ(b.values(), expected);
}

const PtxText kSharedWidths(R"(
  .shared .align 16 .b8 tile[64];
  ld.global.v4.f32 {%f1, %f2, %f3, %f4}, [%q0]; st.shared.v4.f32 [tile], {%f1, %f2, %f3, %f4};
  ld.shared.v2.f64 {%d1, %d2}, [tile]; st.shared.v2.f64 [tile+16], {%d2, %d1}; ld.shared.v4.f32 {%f1, %f2, %f3, %f4}, [tile+16];
  st.shared.f32 [tile+32], %f1; ld.shared.f32 %f5, [tile+32]; st.shared.f64 [tile+32], %d1; ld.shared.f64 %d3, [tile+32];
  st.shared.u64 [tile+40], %q0; ld.shared.u64 %q3, [tile+40]; st.shared.v2.u64 [tile+48], {%q0, %q1}; ld.shared.v2.u64 {%q4, %q5}, [tile+48];
  st.shared.v2.f32 [tile], {%f1, %f2}; ld.shared.v2.f32 {%f6, %f7}, [tile]; st.shared.b16 [tile], %h1; ld.shared.b16 %h2, [tile];
  st.shared.u8 [tile+2], %h1; ld.shared.u8 %h2, [tile+2]; st.shared.b32 [tile+4], %r0; ld.shared.b32 %r1, [tile+4];
  st.shared.b64 [tile+8], %q0; ld.shared.b64 %q6, [tile+8]; st.shared.u16 [tile], %h1; ld.shared.u16 %h2, [tile];
  st.shared.v4.u32 [tile], {%r1, %r1, %r1, %r1}; ld.shared.v4.u32 {%r1, %r2, %r3, %r4}, [tile];
  st.shared.v4.b32 [tile], {%r1, %r1, %r1, %r1}; ld.shared.v4.b32 {%r1, %r2, %r3, %r4}, [tile];
  st.shared.v2.b32 [tile], {%r1, %r1}; ld.shared.v2.b32 {%r1, %r2}, [tile]; ld.shared.s32 %r2, [tile]; st.shared.s32 [tile], %r2;
  st.global.v4.f32 [%q1], {%f1, %f2, %f3, %f4}; st.global.f32 [%q1+16], %f5; st.global.f64 [%q1+24], %d3;
  sub.s64 %q3, %q3, %q4; st.global.u64 [%q1+32], %q3; st.global.f32 [%q1+20], %f7;
)");

TEST(PtxAccess, SharedMemoryInEveryWidth) {
  const PtxBuffer<float> a({1, 2, 3, 4}), b(10);
  ASSERT_EQ(kSharedWidths.run(1, a.data(), b.data()), "");
  EXPECT_EQ(b.values(), (std::vector<float>{3, 4, 1, 2, 3, 4, 1, 2, 0, 0}));
}

const InstructionRows kMoves = {
    {"mov.b16", {16, 16}, {{7, 7}}}, {"mov.u16", {16, 16}, {{7, 7}}},        {"mov.b32", {32, 32}, {{7, 7}}},
    {"mov.u32", {32, 32}, {{7, 7}}}, {"mov.s32", {32, 32}, {{7, 7}}},        {"mov.f32", {32, 32}, {{7, 7}}},
    {"mov.b64", {64, 64}, {{7, 7}}}, {"mov.u64", {64, 64}, {{7, 7}}},        {"mov.s64", {64, 64}, {{7, 7}}},
    {"mov.f64", {64, 64}, {{7, 7}}}, {"mov.pred", {1, 1}, {{0, 0}, {1, 1}}},
};
TEST(PtxAccess, Moves) { expect_all(kMoves); }

const PtxText kPacks(R"(
  mov.b32 %r1, {%h1, %h2};
  mov.b32 %r1, 0x12345678; mov.b32 {%h1, %h2}, %r1; mov.b32 %r2, {%h2, %h1}; mov.b64 %q3, {%r1, %r2};
  mov.b64 {%r3, %r4}, %q3; mov.b64 %q4, {%h1, %h2, %h2, %h1};
  st.global.u64 [%q0], %q3; st.global.u32 [%q0+8], %r3; st.global.u32 [%q0+12], %r4; st.global.u64 [%q0+16], %q4;
)");
TEST(PtxAccess, PacksTheFirstBelow) {
  const PtxBuffer<std::uint32_t> y(6);
  ASSERT_EQ(kPacks.run(1, y.data()), "");
  EXPECT_EQ(y.values(), (Words32{0x12345678, 0x56781234, 0x12345678, 0x56781234, 0x12345678, 0x56781234}));
}

// 64 threads in two blocks work on the same words.
const PtxText kAtomics(R"(
  atom.global.add.u32 %r1, [%q0], 1; red.global.add.u32 [%q0+4], 2; red.global.max.s32 [%q0+8], %r0;
  red.global.min.s32 [%q0+12], %r0; red.global.or.b32 [%q0+16], %r0; red.global.and.b32 [%q0+20], 12;
  red.global.xor.b32 [%q0+24], 1; red.global.add.f32 [%q0+28], 0f3F000000; atom.global.inc.u32 %r1, [%q0+32], 9;
  atom.global.dec.u32 %r1, [%q0+36], 9; red.global.max.u32 [%q0+40], %r0; red.global.min.u32 [%q0+44], %r0;
  red.relaxed.gpu.global.add.s32 [%q0+48], %r0; red.global.add.u64 [%q0+56], 3; atom.add.u32 %r1, [%q0+64], 1;
  atom.global.add.f32 %f1, [%q0+68], 0f3F800000; atom.global.cas.b32 %r2, [%q0+72], 0, 5;
  atom.global.exch.b32 %r3, [%q0+76], 7; atom.global.add.f64 %d1, [%q0+80], 0d3FF0000000000000; red.global.add.f64 [%q0+88], 0d3FE0000000000000;
)");
TEST(PtxAccess, AtomicsOfManyBlocksLoseNothing) {
  Words32 start(24, 0);
  start[3] = 100, start[5] = 31, start[9] = 5, start[11] = 100;
  const PtxBuffer<std::uint32_t> y(start);
  ASSERT_EQ(kAtomics.run(32, y.data(), nullptr, nullptr, {2, 1, 1}), "");
  const Words32 v = y.values();
  const auto sum = static_cast<std::uint32_t>(2 * (31 * 32 / 2));
  EXPECT_EQ((Words32(v.begin(), v.begin() + 8)),
            (Words32{64, 128, 31, 0, 31, 12, 0, static_cast<std::uint32_t>(f32(32))}));
  // inc: 0, 1, ..., 9, 0, ...: 64 steps of 10; dec from 5: 5 steps to 0, then rounds of 10 from 9.
  EXPECT_EQ((Words32(v.begin() + 8, v.begin() + 16)), (Words32{64 % 10, 1, 31, 0, sum, 0, 192, 0}));
  EXPECT_EQ((Words32(v.begin() + 16, v.begin() + 20)),
            (Words32{64, static_cast<std::uint32_t>(f32(64)), 5, 7}));
  EXPECT_EQ(std::bit_cast<double>(v[20] | static_cast<std::uint64_t>(v[21]) << 32), 64);
  EXPECT_EQ(std::bit_cast<double>(v[22] | static_cast<std::uint64_t>(v[23]) << 32), 32);
}

const PtxText kSharedAtomics(R"(
  .shared .align 8 .b8 count[8];
  setp.ne.s32 %p1, %r0, 0; @%p1 bra $L1; mov.u32 %r1, 0; st.shared.u32 [count], %r1;
$L1:
  bar.sync 0; atom.shared.add.u32 %r2, [count], 1; red.shared.add.u32 [count], 1; bar.sync 0;
  ld.shared.u32 %r3, [count]; mul.wide.u32 %q3, %r0, 4; add.s64 %q0, %q0, %q3; st.global.u32 [%q0], %r3;
)");
TEST(PtxAccess, AtomicsInSharedMemory) {
  const PtxBuffer<std::uint32_t> y(40);
  ASSERT_EQ(kSharedAtomics.run(40, y.data()), "");
  EXPECT_EQ(y.values(), Words32(40, 80));
}

}  // namespace
}  // namespace clearcut::test
