// Every instruction set that this processor runs, on sizes that cut c into many tasks and k into blocks.
#include "tensor/cpu/isa.h"

#include <cstring>

#include "tensor/ops/matmul.h"
#include "tensor/ops/max_pool2d.h"
#include "tensor/parallel.h"
#include "tests/each_isa.h"

namespace clearcut {
namespace {

struct Sizes {
  std::int64_t M, K, N;
};

TEST_P(EachIsa, MatmulIsReference) {
  for (const Sizes s : {Sizes{67, 801, 163},
                        {1, 1000, 101},
                        {3, 77, 201},
                        {9, 440, 130},
                        {300, 70, 1},
                        {70, 5, 2},
                        {17, 1, 1000}})
    for (const bool ta : {false, true})
      for (const bool tb : {false, true}) {
        const Tensor a = normal(ta ? Shape{s.K, s.M} : Shape{s.M, s.K}, "a");
        const Tensor b = normal(tb ? Shape{s.N, s.K} : Shape{s.K, s.N}, "b");
        const MatmulOptions options{.transpose_a = ta, .transpose_b = tb};
        expect_near_reference(ops::matmul(a, b, options), ops::matmul(exact(a), exact(b), options),
                              static_cast<double>(s.K), cat(s.M, "x", s.K, "x", s.N, " ", ta, tb));
      }
}

TEST_P(EachIsa, MatmulOfNothing) {
  EXPECT_EQ(ops::matmul(Tensor::zeros({2, 0}), Tensor::zeros({0, 20})).values<float>(),
            std::vector<float>(40, 0.0f));
  EXPECT_EQ(ops::matmul(Tensor::zeros({0, 3}), Tensor::zeros({3, 4})).numel(), 0);
}

TEST_P(EachIsa, MatmulHasTheSameBitsForAnyThreadsAndOtherColumns) {
  const Tensor a = normal({97, 900}, "a"), b = normal({900, 700}, "b");
  const int before = threads();
  set_threads(1);
  const auto one = ops::matmul(a, b).values<float>();
  set_threads(3);
  EXPECT_EQ(ops::matmul(a, b).values<float>(), one);
  set_threads(before);
  // The first 65 columns alone, of which the last fills no vector, keep their bits.
  std::vector<float> left;
  for (std::int64_t k = 0; k < 900; ++k)
    for (std::int64_t n = 0; n < 65; ++n) left.push_back(b.data<const float>()[k * 700 + n]);
  const auto few = ops::matmul(a, Tensor::from({900, 65}, left)).values<float>();
  for (std::size_t m = 0; m < 97; ++m)
    for (std::size_t n = 0; n < 65; ++n) ASSERT_EQ(few[m * 65 + n], one[m * 700 + n]) << m << ", " << n;
}

// Values are picked, not computed: equal to the last bit, ties and NaN included.
TEST_P(EachIsa, MaxPoolIsReference) {
  const std::vector<ops::MaxPoolOptions> cases = {{.kernel = 3, .stride = 2},
                                                  {.kernel = 3, .stride = 1, .padding = 1},
                                                  {.kernel = {2, 5}, .stride = 2, .padding = {1, 2, 0, 1}},
                                                  {.kernel = 2, .stride = 3},
                                                  {.kernel = 3, .stride = 2, .padding = 1, .dilation = 2}};
  for (const std::int64_t width : {9, 34, 37, 67}) {
    const Tensor x = normal({2, 3, 11, width}, "x");
    float* values = x.data<float>();
    for (std::int64_t i = 0; i < x.numel(); ++i) values[i] = std::round(2 * values[i]);
    values[5] = values[100] = NAN;
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const ops::MaxPooled got = ops::max_pool2d(x, cases[i]);
      const ops::MaxPooled expected = ops::max_pool2d(x.to(Device::kReference), cases[i]);
      EXPECT_EQ(got.index.values<std::int32_t>(), expected.index.values<std::int32_t>())
          << "case " << i << ", width " << width;
      const auto a = got.y.values<float>(), b = expected.y.values<float>();
      ASSERT_EQ(a.size(), b.size());
      EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)), 0) << "case " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isa, EachIsa, testing::ValuesIn(supported_isas()),
                         [](const testing::TestParamInfo<std::string_view>& row) {
                           return std::string(row.param);
                         });

TEST(Isa, AnUnknownSetIsAnError) {
  const std::string_view before = isa_table().name;
  try {
    set_isa("avx1024");
    FAIL() << "accepted";
  } catch (const Error& error) {
    const std::string said = error.what();  // the names that follow are those of the architecture
    EXPECT_NE(said.find("the instruction set must be baseline"), std::string::npos) << said;
    EXPECT_NE(said.find("; got 'avx1024'"), std::string::npos) << said;
  }
  EXPECT_EQ(isa_table().name, before);
}

TEST(Isa, TheEnvironmentChooses) {
  const char* old = std::getenv("CLEARCUT_ISA");
  const std::string kept = old ? old : "";
  setenv("CLEARCUT_ISA", "baseline", 1);
  set_isa("");
  EXPECT_EQ(isa_table().name, "baseline");
  setenv("CLEARCUT_ISA", "sse9", 1);
  EXPECT_THROW(set_isa(""), Error);
  old ? setenv("CLEARCUT_ISA", kept.c_str(), 1) : unsetenv("CLEARCUT_ISA");
  set_isa("");
}

}  // namespace
}  // namespace clearcut
