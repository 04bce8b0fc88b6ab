// Float instructions against hand-made values and the compiler's own arithmetic.
#include <cfloat>
#include <cmath>
#include <limits>

#include "tests/ptx/rows.h"

namespace clearcut::test {
namespace {

const float kInf = INFINITY, kNaN = std::numeric_limits<float>::quiet_NaN(), kEps = FLT_EPSILON;
const double kEps64 = DBL_EPSILON;
constexpr float kTiny = 1e-40f;  // subnormal
// The neighbours of 1/3 in float: 1/3 lies between them, nearer to the upper one.
const float kThirdDown = 0x1.555554p-2f, kThirdUp = 0x1.555556p-2f;
const double kThird64Down = 0x1.5555555555555p-2, kThird64Up = 0x1.5555555555556p-2;

const InstructionRows kFloat = {
    {"add.f32", {32, 32, 32}, {{f32(1.5f), f32(2), f32(3.5f)}, {f32(1), f32(kEps / 2), f32(1)}}},
    {"add.rn.f32",
     {32, 32, 32},
     {{f32(1), f32(kEps / 2), f32(1)}, {f32(1 + kEps), f32(kEps / 2), f32(1 + 2 * kEps)}}},
    {"add.rz.f32",
     {32, 32, 32},
     {{f32(1), f32(kEps * 0.75f), f32(1)}, {f32(-1), f32(-kEps * 0.75f), f32(-1)}}},
    {"add.rm.f32",
     {32, 32, 32},
     {{f32(1), f32(kEps * 0.75f), f32(1)}, {f32(-1), f32(-kEps / 4), f32(-1 - kEps)}}},
    {"add.rp.f32",
     {32, 32, 32},
     {{f32(1), f32(kEps / 4), f32(1 + kEps)}, {f32(-1), f32(-kEps / 4), f32(-1)}}},
    {"add.ftz.f32", {32, 32, 32}, {{f32(kTiny), f32(0), f32(0)}, {f32(-kTiny), f32(-kTiny), f32(-0.0f)}}},
    {"add.sat.f32",
     {32, 32, 32},
     {{f32(1), f32(1), f32(1)}, {f32(-1), f32(0), f32(0)}, {f32(kNaN), f32(1), f32(0)}}},
    {"sub.f32", {32, 32, 32}, {{f32(1), f32(2.5f), f32(-1.5f)}}},
    {"sub.rn.f32", {32, 32, 32}, {{f32(1), f32(2.5f), f32(-1.5f)}}},
    {"sub.ftz.f32", {32, 32, 32}, {{f32(kTiny), f32(0), f32(0)}}},
    {"mul.f32", {32, 32, 32}, {{f32(-3), f32(0.5f), f32(-1.5f)}, {f32(kTiny), f32(0.5f), f32(kTiny * 0.5f)}}},
    {"mul.rn.f32", {32, 32, 32}, {{f32(1 + kEps), f32(1 + kEps), f32(1 + 2 * kEps)}}},
    {"mul.rz.f32", {32, 32, 32}, {{f32(1 - kEps / 2), f32(1 - kEps / 2), f32(1 - kEps)}}},
    {"mul.ftz.f32", {32, 32, 32}, {{f32(kTiny), f32(2), f32(0)}}},
    {"fma.rn.f32", {32, 32, 32, 32}, {{f32(1 + kEps), f32(1 - kEps), f32(-1), f32(-kEps* kEps)}}},
    {"fma.rm.f32", {32, 32, 32, 32}, {{f32(1), f32(1), f32(-kEps / 8), f32(1 - kEps / 2)}}},
    {"fma.rz.f32", {32, 32, 32, 32}, {{f32(-1), f32(1), f32(-kEps / 2), f32(-1)}}},
    {"fma.rp.f32", {32, 32, 32, 32}, {{f32(1), f32(1), f32(kEps / 8), f32(1 + kEps)}}},
    {"fma.rn.ftz.f32", {32, 32, 32, 32}, {{f32(kTiny), f32(1), f32(0), f32(0)}}},
    {"fma.rn.sat.f32", {32, 32, 32, 32}, {{f32(2), f32(2), f32(0), f32(1)}}},
    {"div.rn.f32", {32, 32, 32}, {{f32(1), f32(3), f32(kThirdUp)}, {f32(1), f32(0), f32(kInf)}}},
    {"div.rz.f32", {32, 32, 32}, {{f32(1), f32(3), f32(kThirdDown)}}},
    {"rcp.rn.f32", {32, 32}, {{f32(3), f32(kThirdUp)}, {f32(-0.0f), f32(-kInf)}}},
    {"sqrt.rn.f32", {32, 32}, {{f32(2), f32(0x1.6a09e6p+0f)}, {f32(9), f32(3)}}},
    {"min.f32",
     {32, 32, 32},
     {{f32(1), f32(2), f32(1)}, {f32(kNaN), f32(2), f32(2)}, {f32(0), f32(-0.0f), f32(-0.0f)}}},
    {"max.f32",
     {32, 32, 32},
     {{f32(1), f32(2), f32(2)}, {f32(1), f32(kNaN), f32(1)}, {f32(-0.0f), f32(0), f32(0)}}},
    {"neg.f32", {32, 32}, {{f32(1), f32(-1)}, {f32(0), f32(-0.0f)}}},
    {"abs.f32", {32, 32}, {{f32(-1), f32(1)}, {f32(-kInf), f32(kInf)}}},
    {"abs.ftz.f32", {32, 32}, {{f32(-kTiny), f32(0)}}},
    {"copysign.f32", {32, 32, 32}, {{f32(-1), f32(5), f32(-5)}, {f32(1), f32(-5), f32(5)}}},
    {"testp.finite.f32", {1, 32}, {{f32(1), 1}, {f32(kInf), 0}, {f32(kNaN), 0}}},
    {"testp.infinite.f32", {1, 32}, {{f32(1), 0}, {f32(-kInf), 1}, {f32(kNaN), 0}}},
    {"testp.number.f32", {1, 32}, {{f32(kInf), 1}, {f32(kNaN), 0}}},
    {"testp.notanumber.f32", {1, 32}, {{f32(kInf), 0}, {f32(kNaN), 1}}},
    {"testp.normal.f32", {1, 32}, {{f32(1), 1}, {f32(kTiny), 0}}},
    {"testp.subnormal.f32", {1, 32}, {{f32(1), 0}, {f32(kTiny), 1}, {f32(0), 0}}},
};

const InstructionRows kDouble = {
    {"add.f64", {64, 64, 64}, {{f64(1.5), f64(2), f64(3.5)}}},
    {"add.rn.f64", {64, 64, 64}, {{f64(1), f64(kEps64 / 2), f64(1)}}},
    {"add.rz.f64", {64, 64, 64}, {{f64(1), f64(kEps64 * 0.75), f64(1)}}},
    {"sub.f64", {64, 64, 64}, {{f64(1), f64(2.5), f64(-1.5)}}},
    {"sub.rn.f64", {64, 64, 64}, {{f64(1), f64(2.5), f64(-1.5)}}},
    {"mul.f64", {64, 64, 64}, {{f64(-3), f64(0.5), f64(-1.5)}}},
    {"mul.rn.f64", {64, 64, 64}, {{f64(-3), f64(0.5), f64(-1.5)}}},
    {"fma.rn.f64", {64, 64, 64, 64}, {{f64(1 + kEps64), f64(1 - kEps64), f64(-1), f64(-kEps64* kEps64)}}},
    {"div.rn.f64", {64, 64, 64}, {{f64(1), f64(3), f64(kThird64Down)}, {f64(2), f64(-4), f64(-0.5)}}},
    {"div.rp.f64", {64, 64, 64}, {{f64(1), f64(3), f64(kThird64Up)}}},
    {"rcp.rn.f64", {64, 64}, {{f64(3), f64(kThird64Down)}}},
    {"sqrt.rn.f64", {64, 64}, {{f64(2), f64(0x1.6a09e667f3bcdp+0)}}},
    {"min.f64", {64, 64, 64}, {{f64(1), f64(NAN), f64(1)}, {f64(1), f64(-2), f64(-2)}}},
    {"max.f64", {64, 64, 64}, {{f64(1), f64(NAN), f64(1)}, {f64(1), f64(-2), f64(1)}}},
    {"neg.f64", {64, 64}, {{f64(1), f64(-1)}}},
    {"abs.f64", {64, 64}, {{f64(-1), f64(1)}}},
    {"copysign.f64", {64, 64, 64}, {{f64(-1), f64(5), f64(-5)}}},
    {"testp.finite.f64", {1, 64}, {{f64(1), 1}, {f64(INFINITY), 0}}},
    {"testp.infinite.f64", {1, 64}, {{f64(1), 0}, {f64(INFINITY), 1}}},
    {"testp.notanumber.f64", {1, 64}, {{f64(1), 0}, {f64(NAN), 1}}},
};

// Halves have 10 bits behind the point, bfloats 7: 1 + 2^-10 is 0x3c01, 1 + 2^-7 is 0x3f81.
const InstructionRows kHalf = {
    {"add.f16", {16, 16, 16}, {{0x3c00, 0x3c00, 0x4000}, {0x3c01, 0x1000, 0x3c02}, {0x7bff, 0x7bff, 0x7c00}}},
    {"add.rn.f16", {16, 16, 16}, {{0x3c00, 0x3c00, 0x4000}, {0x3c00, 0x1000, 0x3c00}}},
    {"sub.f16", {16, 16, 16}, {{0x3c00, 0x4000, 0xbc00}}},
    {"mul.f16", {16, 16, 16}, {{0x3c01, 0x3c01, 0x3c02}, {0x0001, 0x3800, 0x0000}, {0x0003, 0x3800, 0x0002}}},
    // (1 + 2^-10)(1 - 2^-10) - 1 = -2^-20: 0x8010 is -16 of the smallest steps of 2^-24.
    {"fma.rn.f16", {16, 16, 16, 16}, {{0x3c01, 0x3bfe, 0xbc00, 0x8010}}},
    {"fma.rn.relu.f16", {16, 16, 16, 16}, {{0x3c01, 0x3bfe, 0xbc00, 0}}},
    {"add.f16x2", {32, 32, 32}, {{0x3c004000, 0x3c003c00, 0x40004200}}},
    {"sub.f16x2", {32, 32, 32}, {{0x3c004000, 0x3c003c00, 0x00003c00}}},
    {"mul.f16x2", {32, 32, 32}, {{0x3c004000, 0x40004000, 0x40004400}}},
    {"fma.rn.f16x2", {32, 32, 32, 32}, {{0x3c004000, 0x40004000, 0x3c003c00, 0x42004500}}},
    {"min.f16", {16, 16, 16}, {{0x3c00, 0x4000, 0x3c00}, {0x7e00, 0x4000, 0x4000}}},
    {"max.f16", {16, 16, 16}, {{0x3c00, 0x4000, 0x4000}}},
    {"max.NaN.f16", {16, 16, 16}, {{0x7e00, 0x4000, 0x7fff}}},
    {"neg.f16", {16, 16}, {{0x3c00, 0xbc00}}},
    {"abs.f16", {16, 16}, {{0xbc00, 0x3c00}}},
    {"neg.f16x2", {32, 32}, {{0x3c00bc00, 0xbc003c00}}},
    {"abs.f16x2", {32, 32}, {{0xbc00bc00, 0x3c003c00}}},
    {"add.rn.bf16", {16, 16, 16}, {{0x3f80, 0x3f80, 0x4000}}},
    {"fma.rn.bf16", {16, 16, 16, 16}, {{0x3f81, 0x3f81, 0x0000, 0x3f82}}},
    {"fma.rn.bf16x2", {32, 32, 32, 32}, {{0x3f814000, 0x3f814000, 0x00003f80, 0x3f8240a0}}},
    {"neg.bf16x2", {32, 32}, {{0x3f803f80, 0xbf80bf80}}},
    {"max.bf16x2", {32, 32, 32}, {{0x3f804000, 0x40003f80, 0x40004000}}},
};

TEST(PtxFloat, Arithmetic) { expect_all(kFloat); }
TEST(PtxFloat, Doubles) { expect_all(kDouble); }
TEST(PtxFloat, Halves) { expect_all(kHalf); }

}  // namespace
}  // namespace clearcut::test
