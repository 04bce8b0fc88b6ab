// Tensor cores, ldmatrix and cp.async. Expected products and places are computed from the matrices themselves
// and from the figures of the PTX ISA ("Matrix fragments for mma.m16n8k8", ".m16n8k16", "ldmatrix").
#include <cmath>

#include "tests/ptx/rows.h"

namespace clearcut::test {
namespace {

using Words32 = std::vector<std::uint32_t>;

// Small integers are exact in every type: a is 16 x depth, b depth x 8, c 16 x 8.
double a_at(int i, int k) { return (i * 7 + k * 3) % 11 - 5; }
double b_at(int k, int j) { return (k * 5 + j * 2) % 9 - 4; }
double c_at(int i, int j) { return i - 2 * j; }

enum class Kind { kHalf, kBfloat, kTf32 };
std::uint32_t bits(Kind kind, double v) {
  const auto f = static_cast<std::uint32_t>(f32(static_cast<float>(v)));
  if (kind == Kind::kTf32) return f;
  if (kind == Kind::kBfloat) return f >> 16;
  if (v == 0) return 0;
  const int exponent = std::ilogb(v);  // a normal half: sign, exponent + 15, 10 bits
  const auto digits = static_cast<std::uint32_t>(std::ldexp(std::fabs(v), 10 - exponent)) & 1023;
  return (v < 0 ? 0x8000u : 0u) | static_cast<std::uint32_t>(exponent + 15) << 10 | digits;
}

// Which row and k, or k and column, element i of a lane's fragment is: the figures of the ISA.
struct At {
  int row, col;
};
At place_of_a(Kind kind, int lane, int i) {
  const int g = lane / 4, t = lane % 4;
  if (kind == Kind::kTf32) return {g + (i == 1 || i == 3 ? 8 : 0), t + (i >= 2 ? 4 : 0)};
  return {(i < 2 || (i >= 4 && i < 6)) ? g : g + 8, t * 2 + (i & 1) + (i >= 4 ? 8 : 0)};
}
At place_of_b(Kind kind, int lane, int i) {
  const int g = lane / 4, t = lane % 4;
  if (kind == Kind::kTf32) return {t + (i == 1 ? 4 : 0), g};
  return {t * 2 + (i & 1) + (i >= 2 ? 8 : 0), g};
}
At place_of_c(int lane, int i) { return {i < 2 ? lane / 4 : lane / 4 + 8, lane % 4 * 2 + (i & 1)}; }

// Each lane loads its registers from a, 16 words apart: 4 or 2 of a, then of b, then of c, and stores those
// of d.
PtxText product(const std::string& opcode, int of_a, int of_b, int of_c) {
  const auto list = [](const char* prefix, int first, int n) {
    std::string text = "{";
    for (int i = 0; i < n; ++i) text += cat(i > 0 ? ", " : "", prefix, first + i);
    return text + "}";
  };
  std::string text =
      ".reg .b32 %a<4>, %b<2>, %c<4>;\nmul.wide.u32 %q3, %r0, 64; add.s64 %q0, %q0, %q3; mul.wide.u32 %q3, "
      "%r0, 16; "
      "add.s64 %q1, %q1, %q3;\n";
  int word = 0;
  for (const auto& [name, n] : {std::pair{"%a", of_a}, {"%b", of_b}, {"%c", of_c}})
    for (int i = 0; i < n; ++i) text += cat("ld.global.b32 ", name, i, ", [%q0+", 4 * word++, "];\n");
  text += cat(opcode, " ", list("%c", 0, of_c), ", ", list("%a", 0, of_a), ", ", list("%b", 0, of_b), ", ",
              list("%c", 0, of_c), ";\n");
  for (int i = 0; i < of_c; ++i) text += cat("st.global.b32 [%q1+", 4 * i, "], %c", i, ";\n");
  return PtxText(text);
}

struct Product {
  std::string opcode;
  Kind kind;
  int depth;
  bool half_sums = false;
  int of_a = depth / (kind == Kind::kTf32 ? 2 : 4), of_b = of_a / 2, of_c = half_sums ? 2 : 4;
  PtxText text = product(opcode, of_a, of_b, of_c);
};
const std::vector<Product> kProducts = {
    {"mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32", Kind::kHalf, 16},
    {"mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32", Kind::kBfloat, 16},
    {"mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32", Kind::kHalf, 8},
    {"mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32", Kind::kBfloat, 8},
    {"mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32", Kind::kTf32, 8},
    {"mma.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16", Kind::kHalf, 16, true},
    {"mma.sync.aligned.m16n8k8.row.col.f16.f16.f16.f16", Kind::kHalf, 8, true},
};

Words32 fragments(const Product& p) {
  Words32 words(32 * 16, 0);
  const int per = p.kind == Kind::kTf32 ? 1 : 2;
  for (int lane = 0; lane < 32; ++lane) {
    auto* w = &words[static_cast<std::size_t>(16 * lane)];
    const auto put = [&](int i, int each, std::uint32_t v) { w[i / each] |= v << 16 * (i % each); };
    for (int i = 0; i < p.of_a * per; ++i) {
      const At at = place_of_a(p.kind, lane, i);
      put(i, per, bits(p.kind, a_at(at.row, at.col)));
    }
    w += p.of_a;
    for (int i = 0; i < p.of_b * per; ++i) {
      const At at = place_of_b(p.kind, lane, i);
      put(i, per, bits(p.kind, b_at(at.row, at.col)));
    }
    w += p.of_b;
    for (int i = 0; i < 4; ++i) {
      const At at = place_of_c(lane, i);
      put(i, p.half_sums ? 2 : 1, bits(p.half_sums ? Kind::kHalf : Kind::kTf32, c_at(at.row, at.col)));
    }
  }
  return words;
}

Words32 expected_sums(const Product& p) {
  Words32 words(32 * 4, 0);
  for (int lane = 0; lane < 32; ++lane)
    for (int i = 0; i < 4; ++i) {
      const At at = place_of_c(lane, i);
      double sum = c_at(at.row, at.col);
      for (int k = 0; k < p.depth; ++k) sum += a_at(at.row, k) * b_at(k, at.col);
      if (p.half_sums)
        words[static_cast<std::size_t>(4 * lane + i / 2)] |= bits(Kind::kHalf, sum) << 16 * (i % 2);
      else
        words[static_cast<std::size_t>(4 * lane + i)] =
            static_cast<std::uint32_t>(f32(static_cast<float>(sum)));
    }
  return words;
}

TEST(PtxMatrix, ProductsOfEveryType) {
  for (const Product& p : kProducts) {
    const PtxBuffer<std::uint32_t> a(fragments(p)), b(Words32(32 * 4, 0));
    ASSERT_EQ(p.text.run(32, a.data(), b.data()), "") << p.opcode;
    EXPECT_EQ(b.values(), expected_sums(p)) << p.opcode;
  }
}

TEST(PtxMatrix, ProductsNeedAWholeWarp) {
  const PtxBuffer<std::uint32_t> a(Words32(32 * 16, 0)), b(32 * 4);
  EXPECT_NE(kProducts[0].text.run(16, a.data(), b.data()).find("needs the whole warp"), std::string::npos);
}

// Matrix j holds 64 j + 8 row + column; row i of matrix j stands where lane 8 j + i says.
PtxText loads(int n, bool transposed) {
  const std::string d = n == 4 ? "{%r1, %r2, %r3, %r4}" : n == 2 ? "{%r1, %r2}" : "{%r1}";
  std::string text =
      ".shared .align 16 .b8 tile[512]; mov.u32 %r5, tile; shl.b32 %r6, %r0, 4; add.s32 %r5, %r5, %r6; "
      "shl.b32 %r6, %r0, 3;\n";
  for (int i = 0; i < 8; ++i)
    text += cat("add.s32 %r7, %r6, ", i, "; cvt.u16.u32 %h1, %r7; st.shared.b16 [%r5+", 2 * i, "], %h1;\n");
  text += cat("bar.warp.sync -1;\nldmatrix.sync.aligned.m8n8.x", n, transposed ? ".trans" : "",
              ".shared.b16 ", d, ", [%r5];\nmul.wide.u32 %q3, %r0, 16; add.s64 %q0, %q0, %q3;\n");
  for (int i = 0; i < n; ++i) text += cat("st.global.u32 [%q0+", 4 * i, "], %r", i + 1, ";\n");
  return PtxText(text);
}
struct Load {
  int n;
  bool transposed;
  PtxText text = loads(n, transposed);
};
const std::vector<Load> kLoads = {{1, false}, {2, false}, {4, false}, {1, true}, {2, true}, {4, true}};

TEST(PtxMatrix, LoadsOfMatrices) {
  for (const Load& load : kLoads) {
    Words32 expected(32 * 4, 0);
    for (std::uint32_t lane = 0; lane < 32; ++lane)
      for (std::uint32_t j = 0; j < static_cast<std::uint32_t>(load.n); ++j) {
        const std::uint32_t g = lane / 4, t = lane % 4 * 2;
        const auto value = [&](std::uint32_t i) {
          return 64 * j + (load.transposed ? 8 * (t + i) + g : 8 * g + t + i);
        };
        expected[4 * lane + j] = value(0) | value(1) << 16;
      }
    const PtxBuffer<std::uint32_t> y(Words32(32 * 4, 0));
    ASSERT_EQ(load.text.run(32, y.data()), "");
    EXPECT_EQ(y.values(), expected) << load.n << " " << load.transposed;
  }
}

// ---- cp.async

// Thread t copies 16, 8 and 4 bytes, and 16 of which only the first 4 t are read; all come back through
// shared memory.
const PtxText kCopies(R"(
  .shared .align 16 .b8 tile[256]; mov.u32 %r1, tile; shl.b32 %r2, %r0, 6; add.s32 %r1, %r1, %r2;
  cp.async.cg.shared.global [%r1], [%q0], 16; cp.async.ca.shared.global [%r1+16], [%q0+8], 8;
  cp.async.commit_group;
  cp.async.ca.shared.global [%r1+24], [%q0+4], 4; cp.async.ca.shared.global [%r1+28], [%q0+4], 4, 4;
  cp.async.cg.shared.global.L2::128B [%r1+48], [%q0], 16; cp.async.commit_group;
  shl.b32 %r3, %r0, 2; cp.async.cg.shared.global [%r1+32], [%q0], 16, %r3; cp.async.commit_group;
  cp.async.wait_group 2; ld.shared.v4.u32 {%r4, %r5, %r6, %r7}, [%r1];
  cp.async.wait_group 0; cp.async.wait_all;
  shl.b32 %r2, %r0, 6; cvt.u64.u32 %q3, %r2; add.s64 %q1, %q1, %q3;
  st.global.v4.u32 [%q1], {%r4, %r5, %r6, %r7};
  ld.shared.v4.u32 {%r4, %r5, %r6, %r7}, [%r1+16]; st.global.v4.u32 [%q1+16], {%r4, %r5, %r6, %r7};
  ld.shared.v4.u32 {%r4, %r5, %r6, %r7}, [%r1+32]; st.global.v4.u32 [%q1+32], {%r4, %r5, %r6, %r7};
  ld.shared.v4.u32 {%r4, %r5, %r6, %r7}, [%r1+48]; st.global.v4.u32 [%q1+48], {%r4, %r5, %r6, %r7};
)");
TEST(PtxMatrix, AsynchronousCopies) {
  const PtxBuffer<std::uint32_t> a(Words32{1, 2, 3, 4}), b(16 * 4);
  ASSERT_EQ(kCopies.run(4, a.data(), b.data()), "");
  Words32 expected;
  for (std::uint32_t t = 0; t < 4; ++t) {
    expected.insert(expected.end(), {1, 2, 3, 4, 3, 4, 2, 2});
    for (std::uint32_t i = 0; i < 4; ++i) expected.push_back(i < t ? i + 1 : 0);
    expected.insert(expected.end(), {1, 2, 3, 4});
  }
  EXPECT_EQ(b.values(), expected);
}

}  // namespace
}  // namespace clearcut::test
