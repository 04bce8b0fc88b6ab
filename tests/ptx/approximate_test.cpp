// Approximate instructions: near the true value, as far as the PTX ISA promises, with and without drawn
// errors.
#include <cmath>
#include <functional>

#include "cuda/ptxsim/settings.h"
#include "tests/ptx/rows.h"

namespace clearcut::test {
namespace {

// a to b by one instruction on floats, thread by thread.
PtxText unary(const std::string& opcode) {
  return PtxText(
      "mul.wide.u32 %q3, %r0, 4; add.s64 %q0, %q0, %q3; add.s64 %q1, %q1, %q3;\n"
      "ld.global.f32 %f1, [%q0];\n" +
      opcode + " %f2, %f1;\nst.global.f32 [%q1], %f2;");
}

struct Approximate {
  std::string opcode;
  std::function<double(double)> f;
  std::vector<float> x;
  PtxText text = unary(opcode);
};
const std::vector<float> kPositive = {0.01f, 0.3f, 1, 1.7f, 6, 1000},
                         kAny = {-6, -1.3f, -0.2f, 0, 0.2f, 1.3f, 6};
const std::vector<Approximate> kUnary = {
    {"ex2.approx.f32", [](double x) { return std::exp2(x); }, kAny},
    {"ex2.approx.ftz.f32", [](double x) { return std::exp2(x); }, kAny},
    {"lg2.approx.f32", [](double x) { return std::log2(x); }, kPositive},
    {"lg2.approx.ftz.f32", [](double x) { return std::log2(x); }, kPositive},
    {"sin.approx.f32", [](double x) { return std::sin(x); }, kAny},
    {"sin.approx.ftz.f32", [](double x) { return std::sin(x); }, kAny},
    {"cos.approx.f32", [](double x) { return std::cos(x); }, kAny},
    {"cos.approx.ftz.f32", [](double x) { return std::cos(x); }, kAny},
    {"tanh.approx.f32", [](double x) { return std::tanh(x); }, kAny},
    {"rcp.approx.f32", [](double x) { return 1 / x; }, kPositive},
    {"rcp.approx.ftz.f32", [](double x) { return 1 / x; }, kPositive},
    {"sqrt.approx.f32", [](double x) { return std::sqrt(x); }, kPositive},
    {"sqrt.approx.ftz.f32", [](double x) { return std::sqrt(x); }, kPositive},
    {"rsqrt.approx.f32", [](double x) { return 1 / std::sqrt(x); }, kPositive},
    {"rsqrt.approx.ftz.f32", [](double x) { return 1 / std::sqrt(x); }, kPositive},
};

std::vector<float> results(const Approximate& row) {
  const PtxBuffer<float> a(row.x), b(row.x.size());
  EXPECT_EQ(row.text.run(static_cast<unsigned>(row.x.size()), a.data(), b.data()), "") << row.opcode;
  return b.values();
}

TEST(PtxApproximate, RoundsTheTrueValue) {
  for (const Approximate& row : kUnary) {
    const std::vector<float> y = results(row);
    for (std::size_t i = 0; i < y.size(); ++i)
      EXPECT_EQ(y[i], static_cast<float>(row.f(row.x[i]))) << row.opcode;
  }
}

TEST(PtxApproximate, DrawnErrorsAreThereAndSmall) {
  ptxsim::set_settings({.approximate_ulps = 2});
  for (const Approximate& row : kUnary) {
    const std::vector<float> y = results(row);
    int off = 0;
    for (std::size_t i = 0; i < y.size(); ++i) {
      const auto exact = static_cast<float>(row.f(row.x[i]));
      const float ulp = std::nextafter(std::fabs(exact), INFINITY) - std::fabs(exact);
      EXPECT_LE(std::fabs(y[i] - exact), 2 * ulp) << row.opcode;
      off += y[i] != exact;
      if (exact == row.f(row.x[i])) {
        EXPECT_EQ(y[i], exact) << row.opcode << " of " << row.x[i];
      }
    }
    EXPECT_GE(off, 1) << row.opcode;
  }
  ptxsim::set_settings({});
}

// Of doubles only the upper half: 20 bits behind the point, the rest zeros.
const InstructionRows kUpperHalves = {
    {"rcp.approx.ftz.f64",
     {64, 64},
     {{f64(4), f64(0.25)}, {f64(3), 0x3fd5555500000000}, {f64(0), f64(INFINITY)}}},
    {"rsqrt.approx.f64", {64, 64}, {{f64(4), f64(0.5)}}},
    {"rsqrt.approx.ftz.f64", {64, 64}, {{f64(4), f64(0.5)}}},
};
const InstructionRows kExact = {
    {"div.approx.f32", {32, 32, 32}, {{f32(1), f32(4), f32(0.25f)}}},
    {"div.approx.ftz.f32", {32, 32, 32}, {{f32(1), f32(4), f32(0.25f)}}},
    {"div.full.f32", {32, 32, 32}, {{f32(1), f32(4), f32(0.25f)}}},
    {"div.full.ftz.f32", {32, 32, 32}, {{f32(1e-40f), f32(4), f32(0)}}},
    {"ex2.approx.f16", {16, 16}, {{0x4000, 0x4400}}},
    {"ex2.approx.f16x2", {32, 32}, {{0x40003c00, 0x44004000}}},
    {"ex2.approx.ftz.bf16", {16, 16}, {{0x4000, 0x4080}}},
    {"tanh.approx.f16", {16, 16}, {{0, 0}}},
    {"tanh.approx.bf16x2", {32, 32}, {{0x00004180, 0x00003f80}}},  // tanh(16) is 1
};
TEST(PtxApproximate, DoublesHaveTwentyBits) { expect_all(kUpperHalves); }
TEST(PtxApproximate, Others) { expect_all(kExact); }

}  // namespace
}  // namespace clearcut::test
