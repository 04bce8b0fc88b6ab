// Every convolution kernel that offers a layer, on every instruction set, against the reference.
#include <algorithm>
#include <map>

#include "tensor/cpu/conv/kernel.h"
#include "tensor/kernel_wishes.h"
#include "tensor/ops/conv2d.h"
#include "tensor/parallel.h"
#include "tensor/term_by_term.h"
#include "tests/each_isa.h"

namespace clearcut {
namespace {

using conv::Direction;

// Sizes that make several panels, k blocks, images at a time and chunks of planes.
struct ConvCase {
  Shape x, w;
  ConvOptions o;
};
const std::vector<ConvCase> kConvCases = {
    {{2, 47, 9, 13}, {21, 47, 3, 3}, {.padding = 1}},
    {{2, 3, 41, 38}, {19, 3, 7, 7}, {.stride = 2, .padding = 3}},
    {{2, 70, 9, 11}, {50, 70, 1, 1}, {}},
    {{2, 50, 15, 14}, {33, 50, 1, 1}, {.stride = 2}},
    {{5, 20, 3, 3}, {30, 20, 3, 3}, {.padding = 1}},
    {{1, 40, 7, 7}, {25, 40, 1, 1}, {}},  // 49 pixels: whole vectors and a lone column
    {{1, 11, 14, 13}, {14, 11, 3, 3}, {.stride = 2, .padding = 1}},  // the same
    {{3, 50, 16, 16}, {35, 50, 1, 1}, {}},                           // read in place
    {{1, 12, 19, 18}, {10, 12, 3, 3}, {.padding = 4, .dilation = 4}},
    {{2, 24, 20, 21}, {36, 8, 3, 3}, {.stride = {2, 1}, .padding = {0, 1, 1, 2}, .groups = 3}},
    {{2, 17, 9, 11}, {20, 17, 3, 3}, {.padding = 8, .dilation = 8}},  // most taps on padding
    {{2, 5, 6, 7},
     {4, 5, 3, 3},
     {.padding = {9, 2, 3, 8}, .dilation = {5, 4}}},   // pixels that only padding reaches
    {{20, 30, 4, 5}, {9, 30, 3, 3}, {.padding = 1}},   // one image shares its channels among tasks, 20 do not
    {{1, 4, 12, 13}, {5, 4, 2, 2}, {.stride = 3}},     // pixels that no tap reads
    {{2, 5, 330, 330}, {2, 5, 3, 2}, {.padding = 1}},  // copies of the input beyond one group of images
    {{2, 40, 45, 61}, {40, 1, 3, 3}, {.padding = 1, .groups = 40}},
    {{2, 40, 46, 61}, {40, 1, 3, 3}, {.stride = 2, .padding = {0, 0, 1, 1}, .groups = 40}},
    {{3, 9, 7, 7}, {9, 1, 5, 5}, {.padding = 2, .groups = 9}},
    {{1, 6, 12, 70}, {6, 1, 2, 3}, {.groups = 6}},  // no padding: the map is read in place
    {{1, 6, 12, 20}, {6, 1, 3, 3}, {.stride = 3, .padding = {5, 0, 0, 6}, .dilation = 2, .groups = 6}},
};

struct Operands {
  Tensor x, w, bias, dy;
};
Operands operands_of(const ConvCase& c) {
  return {normal(c.x, "x"), normal(c.w, "w"), normal({c.w[0]}, "bias"),
          normal(ops::conv2d_shape(c.x, c.w, c.o), "dy")};
}

Tensor run(const ConvCase& c, const Operands& in, Direction direction) {
  if (direction == Direction::kForward) return ops::conv2d(in.x, in.w, in.bias, c.o);
  if (direction == Direction::kBackwardInput)
    return ops::conv2d_backward_input(in.dy, in.w, in.x.shape(), c.o);
  return ops::conv2d_backward_weight(in.dy, in.x, c.w, c.o);
}

// Reference is slow: each case runs once for all instruction sets and kernels.
const Tensor& reference_of(std::size_t i, const Operands& in, Direction direction) {
  static std::map<std::pair<std::size_t, Direction>, Tensor> results;
  Tensor& result = results[{i, direction}];
  if (!result.defined())
    result = run(kConvCases[i], {exact(in.x), exact(in.w), exact(in.bias), exact(in.dy)}, direction);
  return result;
}

// Products that are added up for one value of the result.
double terms_of(const ConvCase& c, const Operands& in, Direction direction) {
  const double taps = static_cast<double>(c.w[2] * c.w[3]);
  if (direction == Direction::kForward) return static_cast<double>(c.w[1]) * taps + 1;
  if (direction == Direction::kBackwardInput) return static_cast<double>(c.w[0] / c.o.groups) * taps;
  return static_cast<double>(in.dy.dim(0) * in.dy.dim(2) * in.dy.dim(3));
}

double largest(const Tensor& x) {
  double most = 0;
  for (const double value : x.values<double>()) most = std::max(most, std::abs(value));
  return most;
}

conv::Layer layer_of(const ConvCase& c, const Operands& in) {
  return conv::layer_of(nchw<const float>(in.x), nchw<const float>(in.w), nchw<const float>(in.dy), c.o);
}

struct Choice {
  std::string isa, kernel;
};

// Each kernel alone, and "plan": the one that the plan picks.
class EachConvKernel : public testing::TestWithParam<Choice> {
 protected:
  void SetUp() override {
    set_isa(GetParam().isa);
    if (GetParam().kernel != "plan") prefer_kernels(GetParam().kernel);
  }
  void TearDown() override {
    prefer_kernels("");
    set_isa("");
  }

  // Calls body(case index, case, operands, direction) where this kernel is the one that runs.
  template <class Body>
  void for_each_layer(const Body& body) const {
    for (std::size_t i = 0; i < kConvCases.size(); ++i) {
      const ConvCase& c = kConvCases[i];
      const Operands in = operands_of(c);
      const conv::Layer layer = layer_of(c, in);
      for (const Direction d : {Direction::kForward, Direction::kBackwardInput, Direction::kBackwardWeight})
        if (GetParam().kernel == "plan" || conv::choose(layer, d).name == GetParam().kernel)
          body(i, c, in, d);
    }
  }
};

// Plain sums are held to the rounding of their terms; Winograd's, which adds other numbers, to the bound of
// docs/kernels.md.
TEST_P(EachConvKernel, IsReference) {
  for_each_layer([](std::size_t i, const ConvCase& c, const Operands& in, Direction d) {
    const Tensor& expected = reference_of(i, in, d);
    double terms = terms_of(c, in, d);
    if (conv::choose(layer_of(c, in), d).name == "winograd")
      terms = std::max(terms, 2e-5 * largest(expected) / (8 * 1.2e-7));
    expect_near_reference(run(c, in, d), expected, terms, cat(conv::name_of(d), " of case ", i));
  });
}

TEST_P(EachConvKernel, HasTheSameBitsForAnyThreads) {
  const int before = threads();
  for_each_layer([](std::size_t i, const ConvCase& c, const Operands& in, Direction d) {
    set_threads(1);
    const auto one = run(c, in, d).values<float>();
    set_threads(3);
    EXPECT_EQ(run(c, in, d).values<float>(), one) << conv::name_of(d) << " of case " << i;
  });
  set_threads(before);
}

TEST_P(EachConvKernel, APictureHasTheSameBitsAloneAndInABatch) {
  for_each_layer([](std::size_t i, const ConvCase& c, const Operands& in, Direction d) {
    if (d == Direction::kBackwardWeight) return;
    const std::int64_t last = c.x[0] - 1;
    const Operands alone{in.x.slice(last, last + 1), in.w, in.bias, in.dy.slice(last, last + 1)};
    EXPECT_EQ(run(c, alone, d).values<float>(), run(c, in, d).slice(last, last + 1).values<float>())
        << conv::name_of(d) << " of case " << i;
  });
}

// A finish changes the last step of each value only: the same bits as clamp(y + add) done afterwards.
TEST_P(EachConvKernel, FinishIsAddAndClampAfterwards) {
  for_each_layer([](std::size_t i, const ConvCase& c, const Operands& in, Direction d) {
    if (d != Direction::kForward) return;
    const Tensor add = normal(in.dy.shape(), "add");
    const auto plain = ops::conv2d(in.x, in.w, in.bias, c.o).values<float>();
    const auto more = add.values<float>();
    const ConvFinish relu6{.add = add, .low = 0, .high = 6};
    const auto got = ops::conv2d(in.x, in.w, in.bias, c.o, relu6).values<float>();
    std::size_t wrong = 0;
    for (std::size_t j = 0; j < got.size(); ++j)
      wrong += got[j] != std::clamp(plain[j] + more[j], 0.0f, 6.0f);
    EXPECT_EQ(wrong, 0u) << "case " << i;
  });
}

// What is kept changes no bit, and is made anew when the weights were written.
TEST_P(EachConvKernel, PreparedWeightsFollowTheWeights) {
  for_each_layer([](std::size_t i, const ConvCase& c, const Operands& in, Direction d) {
    if (d == Direction::kBackwardWeight) return;
    PreparedWeights prepared;
    const Tensor w = in.w.clone();
    for (int round = 0; round < 3; ++round) {
      if (round == 2) w.data<float>()[0] += 1;
      const Tensor got = d == Direction::kForward ? ops::conv2d(in.x, w, in.bias, c.o, {}, &prepared)
                                                  : ops::conv2d_backward_input(in.dy, w, c.x, c.o, &prepared);
      EXPECT_EQ(got.values<float>(), run(c, {in.x, w, in.bias, in.dy}, d).values<float>())
          << conv::name_of(d) << " of case " << i << ", call " << round;
    }
  });
}

// Two halves of one tensor have its storage and version in common, but not their numbers.
TEST_P(EachConvKernel, PreparedWeightsKnowSlicesApart) {
  const Tensor both = normal({8, 5, 3, 3}, "both"), x = normal({1, 5, 9, 9}, "x");
  const ConvOptions o{.padding = 1};
  PreparedWeights prepared;
  for (const std::int64_t half : {0, 4}) {
    const Tensor w = both.slice(half, half + 4);
    EXPECT_EQ(ops::conv2d(x, w, {}, o, {}, &prepared).values<float>(),
              ops::conv2d(x, w, {}, o).values<float>())
        << "half from " << half;
  }
}

TEST_P(EachConvKernel, NoImages) {
  const Tensor x = Tensor::zeros({0, 3, 8, 8}), w = Tensor::full({4, 3, 3, 3}, 1.0);
  EXPECT_EQ(ops::conv2d(x, w).shape(), Shape({0, 4, 6, 6}));
  EXPECT_EQ(ops::conv2d_backward_input(Tensor::zeros({0, 4, 6, 6}), w, x.shape()).numel(), 0);
  EXPECT_EQ(ops::conv2d_backward_weight(Tensor::zeros({0, 4, 6, 6}), x, w.shape()).values<float>(),
            std::vector<float>(108, 0.0f));
}

std::vector<Choice> choices() {
  std::vector<Choice> all;
  for (const std::string_view isa : supported_isas()) {
    all.push_back({std::string(isa), "plan"});
    for (const conv::Kernel* kernel : conv::kernels())
      all.push_back({std::string(isa), std::string(kernel->name)});
  }
  return all;
}
INSTANTIATE_TEST_SUITE_P(Conv, EachConvKernel, testing::ValuesIn(choices()),
                         [](const testing::TestParamInfo<Choice>& row) {
                           return row.param.isa + "_" + row.param.kernel;
                         });

TEST(ConvPlan, PreferNamesAKernelOrADirectionOfIt) {
  const conv::Layer layer{
      .C = 8, .H = 9, .W = 9, .K = 8, .P = 9, .Q = 9, .R = 3, .S = 3, .options = {.padding = 1}};
  prefer_kernels("forward:patches,input:fold");
  EXPECT_EQ(conv::choose(layer, Direction::kForward).name, "patches");
  EXPECT_EQ(conv::choose(layer, Direction::kBackwardInput).name, "fold");
  prefer_kernels("depthwise");  // does not fit: the plan goes on as always
  EXPECT_NE(conv::choose(layer, Direction::kForward).name, "depthwise");
  EXPECT_THROW(prefer_kernels("no_such_kernel"), Error);
  EXPECT_THROW(prefer_kernels("sideways:patches"), Error);
  prefer_kernels("");
}

// Sums of positive numbers of all sizes, side by side: under TermByTerm each keeps its own accuracy.
TEST(ConvPlan, TermByTermLeavesWinogradOut) {
  Tensor x({1, 32, 24, 24});
  float* p = x.data<float>();
  for (std::int64_t i = 0; i < x.numel(); ++i)
    p[i] = i % 7 == 0 ? 1.0F : 1e-9F * static_cast<float>(1 + i % 5);
  for (std::int64_t c = 0; c < 32; ++c) std::fill_n(p + c * 576, 288, 1e-9F);  // the upper half is all small
  const Tensor w = Tensor::full({32, 32, 3, 3}, 0.5),
               exact = ops::conv2d(x.to(DType::kFloat64), w.to(DType::kFloat64));
  const auto worst = [&](const Tensor& y) {
    double most = 0;
    for (std::int64_t i = 0; i < y.numel(); ++i)
      most = std::max(most, std::abs(y.data<const float>()[i] / exact.data<const double>()[i] - 1));
    return most;
  };
  EXPECT_GT(worst(ops::conv2d(x, w)), 1e-3);
  const TermByTerm scope;
  EXPECT_LT(worst(ops::conv2d(x, w)), 1e-5);  // 288 positive terms
}

}  // namespace
}  // namespace clearcut
