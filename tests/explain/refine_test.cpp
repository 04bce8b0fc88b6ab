#include "explain/refine.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tests/errors.h"

namespace clearcut {
namespace {

constexpr std::int64_t kSide = 40;

// Blue, with a red square in rows and columns 6 to 17 and a green one in 24 to 35, under some noise.
std::int32_t truth(std::int64_t y, std::int64_t x) {
  const auto in = [&](std::int64_t low, std::int64_t high) {
    return y >= low && y < high && x >= low && x < high;
  };
  return in(6, 18) ? 1 : in(24, 36) ? 2 : 0;
}
Tensor two_squares() {
  const RandomStream random(1, "refine test");
  constexpr double kColours[3][3] = {{40, 60, 170}, {200, 60, 50}, {50, 170, 60}};
  Tensor picture({kSide, kSide, 3}, DType::kUInt8);
  std::uint8_t* p = picture.data<std::uint8_t>();
  for (std::int64_t i = 0; i < picture.numel(); ++i)
    p[i] = static_cast<std::uint8_t>(kColours[truth(i / 3 / kSide, i / 3 % kSide)][i % 3] +
                                     8 * random.normal(i));
  return picture;
}
// A round hill in a square's middle, 1/2 at `reach` pixels from it: the square's corners are missed.
ClassStrength hill(int label, double middle, double reach) {
  Tensor strength({kSide, kSide});
  for (std::int64_t i = 0; i < kSide * kSide; ++i) {
    const double dy = static_cast<double>(i / kSide) - middle, dx = static_cast<double>(i % kSide) - middle;
    strength.data<float>()[i] =
        static_cast<float>(1 / (1 + std::exp((dy * dy + dx * dx - reach * reach) / 12)));
  }
  return {.label = label, .strength = strength};
}
double right(const std::vector<ClassStrength>& classes, const LabelRule& rule) {
  const auto label = make_label(classes, rule, {}).values<std::int32_t>();
  double same = 0;
  for (std::size_t i = 0; i < label.size(); ++i)
    same += label[i] == truth(static_cast<std::int64_t>(i) / kSide, static_cast<std::int64_t>(i) % kSide);
  return same / static_cast<double>(label.size());
}

TEST(Refine, BordersMoveToThoseOfThePicture) {
  const LabelRule rule = parse_rule("value:0.5");
  const std::vector<ClassStrength> classes = {hill(1, 11.5, 6), hill(2, 29.5, 6)};
  EXPECT_LT(right(classes, rule), 0.965);  // discs of radius 6 in squares of side 12: 64 of 1600 missed
  for (const char* name : {"crf:rrm", "crf:rrm-mining", "crf:pmm-test", "crf:labels", "grabcut"})
    EXPECT_GT(right(refined(two_squares(), classes, rule, parse_refinement(name)), rule), 0.975) << name;
}

// Strengths of another scale, cut at another threshold: the same pixels.
TEST(Refine, TheThresholdIsTheMiddle) {
  std::vector<ClassStrength> half = {hill(1, 11.5, 5)}, fifth = {hill(1, 11.5, 5)};
  for (std::int64_t i = 0; i < kSide * kSide; ++i) {
    const float s = half[0].strength.data<const float>()[i];
    fifth[0].strength.data<float>()[i] = s < 0.5F ? 0.4F * s : 0.2F + 1.6F * (s - 0.5F);
  }
  const LabelRule a = parse_rule("value:0.5"), b = parse_rule("value:0.2");
  for (const char* name : {"crf:rrm", "grabcut"}) {
    const Refinement refinement = parse_refinement(name);
    EXPECT_EQ(make_label(refined(two_squares(), half, a, refinement), a, {}).values<std::int32_t>(),
              make_label(refined(two_squares(), fifth, b, refinement), b, {}).values<std::int32_t>())
        << name;
  }
}

TEST(Refine, AClassThatSaysNothingStaysSo) {
  const LabelRule rule = parse_rule("value:0.5");
  const Tensor nothing = Tensor::zeros({kSide, kSide});
  for (const char* name : {"none", "crf:rrm", "grabcut"}) {
    const auto classes = refined(two_squares(), {hill(1, 11.5, 5), {.label = 2, .strength = nothing}}, rule,
                                 parse_refinement(name));
    EXPECT_EQ(classes[1].strength.values<float>(), nothing.values<float>()) << name;
    EXPECT_TRUE(refined(two_squares(), {}, rule, parse_refinement(name)).empty());
  }
}

TEST(Refine, StrengthsStayWithinTheirRange) {
  for (const char* text : {"value:0.5", "rank:0.9:0.7", "max:1", "max:0"})
    for (const char* name : {"crf:labels", "grabcut"})
      for (const float s :
           refined(two_squares(), {hill(1, 11.5, 5)}, parse_rule(text), parse_refinement(name))[0]
               .strength.values<float>())
        ASSERT_TRUE(s >= 0 && s <= 1) << text << " " << name << " " << s;
}

TEST(Refine, SameBitsForAnyNumberOfThreads) {
  const LabelRule rule = parse_rule("value:0.5");
  for (const char* name : {"crf:rrm", "grabcut"}) {
    set_threads(1);
    const auto one = refined(two_squares(), {hill(1, 11.5, 5)}, rule, parse_refinement(name));
    set_threads(3);
    const auto three = refined(two_squares(), {hill(1, 11.5, 5)}, rule, parse_refinement(name));
    set_threads(0);
    EXPECT_EQ(one[0].strength.values<float>(), three[0].strength.values<float>()) << name;
  }
}

TEST(Refine, NamesRoundTripAndOthersAreRefused) {
  for (const char* name : {"none", "grabcut", "crf:rrm", "crf:labels"})
    EXPECT_EQ(describe(parse_refinement(name)), name);
  expect_error(
      [] { parse_refinement("crf"); },
      "there are none, grabcut, crf:rrm, crf:rrm-mining, crf:pmm, crf:pmm-test, crf:labels; got 'crf'");
  expect_error([] { parse_refinement("crf:best"); }, "the presets are rrm, ");
}

}  // namespace
}  // namespace clearcut
