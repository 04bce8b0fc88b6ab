// cvt: widths, signs, rounding, clamping, small floats.
#include <cmath>

#include "tests/ptx/rows.h"

namespace clearcut::test {
namespace {

const InstructionRows kIntegers = {
    {"cvt.u64.u32", {64, 32}, {{0xffffffff, 0xffffffff}}},
    {"cvt.s64.s32", {64, 32}, {{s32(-5), s64(-5)}}},
    {"cvt.u32.u64", {32, 64}, {{0x123456789abcdef0, 0x9abcdef0}}},
    {"cvt.s32.s64", {32, 64}, {{s64(-5), s32(-5)}}},
    {"cvt.u32.u16", {32, 16}, {{0xffff, 0xffff}}},
    {"cvt.s32.s16", {32, 16}, {{0xffff, s32(-1)}}},
    {"cvt.u16.u32", {16, 32}, {{0x12345678, 0x5678}}},
    {"cvt.u16.u64", {16, 64}, {{0x123456789abcdef0, 0xdef0}}},
    {"cvt.u64.u16", {64, 16}, {{0xffff, 0xffff}}},
    {"cvt.s64.s16", {64, 16}, {{0x8000, s64(-32768)}}},
    {"cvt.s32.s8", {32, 32}, {{0x1ff, s32(-1)}, {0x17f, 127}}},
    {"cvt.u32.u8", {32, 32}, {{0x1ff, 255}}},
    {"cvt.s16.s8", {16, 16}, {{0x01ff, 0xffff}}},
    {"cvt.u16.u8", {16, 16}, {{0x01ff, 0x00ff}}},
    {"cvt.u8.u32", {16, 32}, {{0x1234, 0x34}}},
    {"cvt.s8.s32", {16, 32}, {{0x12f4, 0xfff4}}},
    {"cvt.sat.s32.s64",
     {32, 64},
     {{std::uint64_t{1} << 40, 0x7fffffff}, {s64(-(std::int64_t{1} << 40)), 0x80000000}}},
    {"cvt.sat.u8.s32", {32, 32}, {{s32(-5), 0}, {300, 255}, {77, 77}}},
};

const InstructionRows kToFloats = {
    {"cvt.rn.f32.s32", {32, 32}, {{s32(-3), f32(-3)}, {0x01000001, f32(0x1p24f)}}},
    {"cvt.rn.f32.u32", {32, 32}, {{0xffffffff, f32(0x1p32f)}}},
    {"cvt.rz.f32.u32", {32, 32}, {{0xffffffff, f32(0x1.fffffep31f)}}},
    {"cvt.rn.f32.s64", {32, 64}, {{s64(-3), f32(-3)}}},
    {"cvt.rn.f32.u64", {32, 64}, {{~std::uint64_t{0}, f32(0x1p64f)}}},
    {"cvt.rn.f32.u16", {32, 16}, {{0xffff, f32(65535)}}},
    {"cvt.rn.f32.s16", {32, 16}, {{0xffff, f32(-1)}}},
    {"cvt.rn.f64.u16", {64, 16}, {{0xffff, f64(65535)}}},
    {"cvt.rn.f64.s16", {64, 16}, {{0xffff, f64(-1)}}},
    {"cvt.rn.f32.u8", {32, 16}, {{0x1ff, f32(255)}}},
    {"cvt.rn.f32.s8", {32, 16}, {{0x1ff, f32(-1)}}},
    {"cvt.rn.f64.s32", {64, 32}, {{s32(-3), f64(-3)}}},
    {"cvt.rn.f64.u32", {64, 32}, {{0xffffffff, f64(4294967295.0)}}},
    {"cvt.rn.f64.s64", {64, 64}, {{s64(-3), f64(-3)}}},
    {"cvt.rn.f64.u64", {64, 64}, {{~std::uint64_t{0}, f64(0x1p64)}}},
    {"cvt.f64.f32", {64, 32}, {{f32(0.1f), f64(static_cast<double>(0.1f))}}},
    {"cvt.rn.f32.f64", {32, 64}, {{f64(0.1), f32(0.1f)}, {f64(1e300), f32(INFINITY)}}},
    {"cvt.rz.f32.f64", {32, 64}, {{f64(1 + 0x1.8p-24), f32(1)}, {f64(1e300), f32(0x1.fffffep127f)}}},
    {"cvt.rp.f32.f64", {32, 64}, {{f64(1 + 0x1p-40), f32(1 + 0x1p-23f)}}},
    {"cvt.rm.f32.f64", {32, 64}, {{f64(-1 - 0x1p-40), f32(-1 - 0x1p-23f)}}},
    {"cvt.sat.f32.f32",
     {32, 32},
     {{f32(2), f32(1)}, {f32(-2), f32(0)}, {f32(0.25f), f32(0.25f)}, {f32(NAN), f32(0)}}},
    {"cvt.rni.f32.f32", {32, 32}, {{f32(2.5f), f32(2)}, {f32(-3.5f), f32(-4)}}},
    {"cvt.rzi.f32.f32", {32, 32}, {{f32(-2.7f), f32(-2)}}},
    {"cvt.rmi.f32.f32", {32, 32}, {{f32(-2.2f), f32(-3)}}},
    {"cvt.rpi.f32.f32", {32, 32}, {{f32(2.2f), f32(3)}}},
    {"cvt.rni.f64.f64", {64, 64}, {{f64(2.5), f64(2)}}},
    {"cvt.rmi.f64.f64", {64, 64}, {{f64(-2.2), f64(-3)}}},
    {"cvt.rzi.f64.f64", {64, 64}, {{f64(-2.7), f64(-2)}}},
    {"cvt.ftz.f32.f32", {32, 32}, {{f32(1e-40f), f32(0)}}},
};

const InstructionRows kToIntegers = {
    {"cvt.rzi.s32.f32",
     {32, 32},
     {{f32(-2.7f), s32(-2)}, {f32(1e20f), 0x7fffffff}, {f32(-1e20f), 0x80000000}, {f32(NAN), 0}}},
    {"cvt.rni.s32.f32", {32, 32}, {{f32(2.5f), 2}, {f32(-2.6f), s32(-3)}}},
    {"cvt.rmi.s32.f32", {32, 32}, {{f32(-2.2f), s32(-3)}}},
    {"cvt.rpi.s32.f32", {32, 32}, {{f32(2.2f), 3}}},
    {"cvt.rzi.u32.f32", {32, 32}, {{f32(3.9f), 3}, {f32(-5), 0}, {f32(1e20f), 0xffffffff}}},
    {"cvt.rzi.s64.f32", {64, 32}, {{f32(-3.9f), s64(-3)}}},
    {"cvt.rzi.u64.f32", {64, 32}, {{f32(0x1p40f), std::uint64_t{1} << 40}}},
    {"cvt.rzi.s32.f64", {32, 64}, {{f64(-2.7), s32(-2)}}},
    {"cvt.rni.s32.f64", {32, 64}, {{f64(-2.5), s32(-2)}}},
    {"cvt.rzi.s64.f64", {64, 64}, {{f64(-2.7), s64(-2)}, {f64(1e30), 0x7fffffffffffffff}}},
    {"cvt.rzi.u64.f64", {64, 64}, {{f64(1e30), ~std::uint64_t{0}}}},
    {"cvt.rzi.u32.f64", {32, 64}, {{f64(7.9), 7}}},
};

const InstructionRows kSmallFloats = {
    // 65519 is the last number that does not become infinite as a half; 2^-25 is a tie with 0.
    {"cvt.rn.f16.f32",
     {16, 32},
     {{f32(1), 0x3c00},
      {f32(65519), 0x7bff},
      {f32(65520), 0x7c00},
      {f32(0x1p-24f), 1},
      {f32(0x1p-25f), 0},
      {f32(-0.0f), 0x8000}}},
    {"cvt.rz.f16.f32", {16, 32}, {{f32(65535), 0x7bff}, {f32(1 + 0x1.8p-10f), 0x3c01}}},
    {"cvt.f32.f16", {32, 16}, {{0x3c00, f32(1)}, {0x0001, f32(0x1p-24f)}, {0xfc00, f32(-INFINITY)}}},
    {"cvt.rn.bf16.f32",
     {16, 32},
     {{f32(1), 0x3f80}, {f32(1 + 0x1p-8f), 0x3f80}, {f32(1 + 0x1.8p-7f), 0x3f82}}},
    {"cvt.f32.bf16", {32, 16}, {{0x3f81, f32(1 + 0x1p-7f)}}},
    {"cvt.rn.f16.f64", {16, 64}, {{f64(1 + 0x1p-11 + 0x1p-30), 0x3c01}}},
    {"cvt.rn.f16.s32", {16, 32}, {{s32(-2), 0xc000}}},
    {"cvt.rni.s32.f16", {32, 16}, {{0x4100, 2}, {0xc300, s32(-4)}}},  // 2.5 and -3.5
    // tf32 has 10 bits behind the point: ties go away from zero.
    {"cvt.rna.tf32.f32",
     {32, 32},
     {{f32(1 + 0x1p-11f), f32(1 + 0x1p-10f)},
      {f32(-1 - 0x1p-11f), f32(-1 - 0x1p-10f)},
      {f32(1 + 0x1.8p-12f), f32(1)}}},
    {"cvt.rn.f16x2.f32", {32, 32, 32}, {{f32(1), f32(2), 0x3c004000}}},
    {"cvt.rn.bf16x2.f32", {32, 32, 32}, {{f32(1), f32(-2), 0x3f80c000}}},
    {"cvt.rn.relu.f16x2.f32", {32, 32, 32}, {{f32(-1), f32(2), 0x00004000}}},
};

TEST(PtxConvert, Integers) { expect_all(kIntegers); }
TEST(PtxConvert, ToFloats) { expect_all(kToFloats); }
TEST(PtxConvert, ToIntegers) { expect_all(kToIntegers); }
TEST(PtxConvert, SmallFloats) { expect_all(kSmallFloats); }

}  // namespace
}  // namespace clearcut::test
