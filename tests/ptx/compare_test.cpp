// setp, set and selp: every comparison of every type, against the meaning that the PTX ISA gives it.
#include <cmath>
#include <functional>

#include "tests/ptx/rows.h"

namespace clearcut::test {
namespace {

// A comparison by its name: what it says of less, equal, greater and unordered (one is NaN).
struct Meaning {
  std::string name;
  bool less, equal, greater, unordered;
};
const std::vector<Meaning> kOrdered = {{"eq", false, true, false, false}, {"ne", true, false, true, false},
                                       {"lt", true, false, false, false}, {"le", true, true, false, false},
                                       {"gt", false, false, true, false}, {"ge", false, true, true, false}};
const std::vector<Meaning> kUnsigned = {{"lo", true, false, false, false},
                                        {"ls", true, true, false, false},
                                        {"hi", false, false, true, false},
                                        {"hs", false, true, true, false}};
const std::vector<Meaning> kFloats = {{"equ", false, true, false, true}, {"neu", true, false, true, true},
                                      {"ltu", true, false, false, true}, {"leu", true, true, false, true},
                                      {"gtu", false, false, true, true}, {"geu", false, true, true, true},
                                      {"num", true, true, true, false},  {"nan", false, false, false, true}};

std::vector<Meaning> joined(std::vector<Meaning> a, const std::vector<Meaning>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// Pairs that are less, equal, greater, and for floats unordered.
struct Pairs {
  std::vector<std::uint64_t> less, equal, greater, unordered;
};
void add_rows(InstructionRows& rows, const std::string& suffix, int width,
              const std::vector<Meaning>& meanings, const Pairs& pairs) {
  for (const Meaning& m : meanings) {
    std::vector<std::vector<std::uint64_t>> entries = {{pairs.less[0], pairs.less[1], m.less},
                                                       {pairs.equal[0], pairs.equal[1], m.equal},
                                                       {pairs.greater[0], pairs.greater[1], m.greater}};
    if (!pairs.unordered.empty()) entries.push_back({pairs.unordered[0], pairs.unordered[1], m.unordered});
    rows.emplace_back("setp." + m.name + "." + suffix, std::vector<int>{1, width, width}, entries);
  }
}

InstructionRows comparisons() {
  InstructionRows rows;
  const std::uint64_t nan = f32(NAN), nan64 = f64(NAN);
  // -1 is less than 1 as a signed number and greater as an unsigned one.
  add_rows(rows, "s16", 16, kOrdered, {{0xffff, 1}, {5, 5}, {1, 0xffff}, {}});
  add_rows(rows, "u16", 16, joined(kOrdered, kUnsigned), {{1, 0xffff}, {5, 5}, {0xffff, 1}, {}});
  add_rows(rows, "s32", 32, kOrdered, {{s32(-1), 1}, {s32(-7), s32(-7)}, {1, s32(-1)}, {}});
  add_rows(rows, "u32", 32, joined(kOrdered, kUnsigned), {{1, s32(-1)}, {7, 7}, {s32(-1), 1}, {}});
  add_rows(rows, "s64", 64, kOrdered, {{s64(-1), 1}, {s64(-7), s64(-7)}, {1, s64(-1)}, {}});
  add_rows(rows, "u64", 64, joined(kOrdered, kUnsigned), {{1, s64(-1)}, {7, 7}, {s64(-1), 1}, {}});
  for (const int width : {16, 32, 64})
    add_rows(rows, cat("b", width), width, {kOrdered[0], kOrdered[1]}, {{1, 2}, {7, 7}, {2, 1}, {}});
  const auto all = joined(kOrdered, kFloats);
  add_rows(rows, "f32", 32, all, {{f32(-1), f32(1)}, {f32(0), f32(-0.0f)}, {f32(2), f32(1)}, {f32(1), nan}});
  add_rows(rows, "f64", 64, all, {{f64(-1), f64(1)}, {f64(0), f64(-0.0)}, {f64(2), f64(1)}, {nan64, f64(1)}});
  add_rows(rows, "f16", 16, all, {{0xbc00, 0x3c00}, {0, 0x8000}, {0x4000, 0x3c00}, {0x7e00, 0x3c00}});
  add_rows(rows, "bf16", 16, all, {{0xbf80, 0x3f80}, {0, 0x8000}, {0x4000, 0x3f80}, {0x7fc0, 0x3f80}});
  rows.emplace_back("setp.gt.ftz.f32", std::vector<int>{1, 32, 32},
                    std::vector<std::vector<std::uint64_t>>{{f32(1e-40f), f32(0), 0}, {f32(1), f32(0), 1}});
  rows.emplace_back("setp.lt.and.s32", std::vector<int>{1, 32, 32, 1},
                    std::vector<std::vector<std::uint64_t>>{{1, 2, 1, 1}, {1, 2, 0, 0}, {2, 1, 1, 0}});
  rows.emplace_back("setp.lt.or.s32", std::vector<int>{1, 32, 32, 1},
                    std::vector<std::vector<std::uint64_t>>{{1, 2, 0, 1}, {2, 1, 0, 0}, {2, 1, 1, 1}});
  rows.emplace_back("setp.lt.xor.s32", std::vector<int>{1, 32, 32, 1},
                    std::vector<std::vector<std::uint64_t>>{{1, 2, 1, 0}, {1, 2, 0, 1}, {2, 1, 1, 1}});
  return rows;
}
const InstructionRows kComparisons = comparisons();

const InstructionRows kChoices = {
    {"selp.b16", {16, 16, 16, 1}, {{1, 2, 1, 1}, {1, 2, 0, 2}}},
    {"selp.u16", {16, 16, 16, 1}, {{1, 2, 1, 1}, {1, 2, 0, 2}}},
    {"selp.s16", {16, 16, 16, 1}, {{1, 2, 0, 2}}},
    {"selp.b32", {32, 32, 32, 1}, {{1, 2, 1, 1}, {1, 2, 0, 2}}},
    {"selp.u32", {32, 32, 32, 1}, {{1, 2, 1, 1}}},
    {"selp.s32", {32, 32, 32, 1}, {{1, 2, 0, 2}}},
    {"selp.b64", {64, 64, 64, 1}, {{1, 2, 1, 1}, {1, 2, 0, 2}}},
    {"selp.u64", {64, 64, 64, 1}, {{1, 2, 1, 1}}},
    {"selp.s64", {64, 64, 64, 1}, {{1, 2, 0, 2}}},
    {"selp.f32", {32, 32, 32, 1}, {{f32(1), f32(2), 1, f32(1)}, {f32(1), f32(2), 0, f32(2)}}},
    {"selp.f64", {64, 64, 64, 1}, {{f64(1), f64(2), 1, f64(1)}, {f64(1), f64(2), 0, f64(2)}}},
    {"set.gt.u32.f32", {32, 32, 32}, {{f32(2), f32(1), 0xffffffff}, {f32(1), f32(2), 0}}},
    {"set.lt.f32.s32", {32, 32, 32}, {{s32(-1), 1, f32(1)}, {1, 1, f32(0)}}},
};

// d|p takes the comparison and its opposite; !p stands for what p is not.
const PtxText kBoth(R"(
  setp.eq.s32 %p3, %r0, 3;
  setp.lt.and.s32 %p1|%p2, %r0, 2, !%p3;
  selp.b32 %r1, 1, 0, %p1; selp.b32 %r2, 2, 0, %p2; or.b32 %r3, %r1, %r2;
  mul.wide.u32 %q3, %r0, 4; add.s64 %q0, %q0, %q3; st.global.u32 [%q0], %r3;
)");

TEST(PtxCompare, Comparisons) { expect_all(kComparisons); }
TEST(PtxCompare, Choices) { expect_all(kChoices); }
TEST(PtxCompare, TwoTargets) {
  const PtxBuffer<std::uint32_t> y(4);
  ASSERT_EQ(kBoth.run(4, y.data()), "");
  EXPECT_EQ(y.values(), (std::vector<std::uint32_t>{1, 1, 2, 0}));
}

}  // namespace
}  // namespace clearcut::test
