// Windows, blending, padding, scales and mirror images on networks whose answers can be worked out by hand.
#include "train/logit_views.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "tests/errors.h"
#include "tests/train/folder.h"
#include "train/config.h"

namespace clearcut {
namespace {

/// Two classes; the logits of class 1 are `answer(x)` [1, 1, h, w], those of class 0 are 0.
class AnsweringNet : public Segmenter {
 public:
  explicit AnsweringNet(std::function<Tensor(const Tensor&)> answer) : answer_(std::move(answer)) {}
  const std::string& name() const override { return name_; }
  std::int64_t classes() const override { return 2; }
  std::vector<Var> logits(const Var& x) const override { return {main_logits(x)}; }
  Var main_logits(const Var& x) const override {
    const Tensor a = answer_(x.value());
    Tensor z = Tensor::zeros({1, 2, a.dim(2), a.dim(3)});
    std::copy_n(a.data<const float>(), a.numel(), z.data<float>() + a.numel());
    return Var(z);
  }
  std::size_t outputs() const override { return 1; }
  Registry& registry() override { return registry_; }

 private:
  std::string name_ = "answering";
  std::function<Tensor(const Tensor&)> answer_;
  Registry registry_;
};

Tensor black(std::int64_t height, std::int64_t width) {
  return Tensor::zeros({height, width, 3}, DType::kUInt8);
}

Tensor constant(const Tensor& x, double value) { return Tensor::full({1, 1, x.dim(2), x.dim(3)}, value); }

/// Class 1 of the whole picture.
std::vector<float> answers(AnsweringNet& net, const Tensor& picture, const PredictOptions& options) {
  const auto z = predict_logits(net, picture, {}, options).values<float>();
  return {z.begin() + static_cast<std::ptrdiff_t>(z.size() / 2), z.end()};
}

void expect_near(const std::vector<float>& ours, const std::vector<double>& expected) {
  ASSERT_EQ(ours.size(), expected.size());
  for (std::size_t i = 0; i < ours.size(); ++i) EXPECT_NEAR(ours[i], expected[i], 1e-6) << i;  // float32
}

TEST(LogitViews, WindowsCoverAllAndTheLastEndsAtTheEnd) {
  using Starts = std::vector<std::int64_t>;
  EXPECT_EQ(window_starts(10, 4, 2), (Starts{0, 2, 4, 6}));
  EXPECT_EQ(window_starts(9, 4, 3), (Starts{0, 3, 5}));
  EXPECT_EQ(window_starts(8, 4, 4), (Starts{0, 4}));
  EXPECT_EQ(window_starts(4, 4, 1), Starts{0});
  EXPECT_EQ(window_starts(3, 4, 1), Starts{0});
}

// Half-pixel centres: 2 logits on 4 pixels are a, 3/4 a + 1/4 b, 1/4 a + 3/4 b, b.
TEST(LogitViews, LogitsAreSampledBetweenTheirCentres) {
  AnsweringNet net([](const Tensor&) { return Tensor::from<float>({1, 1, 1, 2}, {4, 8}); });
  expect_near(answers(net, black(1, 4), {}), {4, 5, 7, 8});
  AnsweringNet tall([](const Tensor&) { return Tensor::from<float>({1, 1, 2, 1}, {4, 8}); });
  expect_near(answers(tall, black(4, 1), {}), {4, 5, 7, 8});
}

// Windows of 4 on 6 pixels begin at 0 and 2; the first says 0, the second 1. Pixel 2 lies at 5/8 of the first
// (1 deviation from its middle) and 1/8 of the second (3): e^-4.5 / (e^-0.5 + e^-4.5) = 1 / (1 + e^4).
TEST(LogitViews, WindowsAreBlended) {
  int calls = 0;
  AnsweringNet net([&](const Tensor& x) {
    EXPECT_EQ(x.dim(3), 4);
    return constant(x, calls++);
  });
  PredictOptions options = {.window = {1, 4}};
  const double far = 1 / (1 + std::exp(4.0));
  expect_near(answers(net, black(1, 6), options), {0, 0, far, 1 - far, 1, 1});
  calls = 0;
  options.blend = Blend::kMean;
  expect_near(answers(net, black(1, 6), options), {0, 0, 0.5, 0.5, 1, 1});
  calls = 0;
  options.stride = 1;  // begins at 0 and, to end at the end, at 2
  expect_near(answers(net, black(1, 6), options), {0, 0, 0.5, 0.5, 1, 1});
  calls = 0;
  expect_near(answers(net, black(1, 8), options), {0, 0, 0, 0, 1, 1, 1, 1});
  options.stride = 0;
  expect_error([&] { answers(net, black(1, 6), options); }, "a share of the window in (0, 1]");
}

// What the network says of a pixel does not depend on the window here, so windows must not show.
TEST(LogitViews, WindowsOfAPointwiseNetworkDoNotShow) {
  Tensor picture({9, 14, 3}, DType::kUInt8);
  for (std::int64_t i = 0; i < picture.numel(); ++i)
    picture.data<std::uint8_t>()[i] = static_cast<std::uint8_t>(i * 37 % 251);
  AnsweringNet net([](const Tensor& x) {
    Tensor red({1, 1, x.dim(2), x.dim(3)});
    std::copy_n(x.data<const float>(), red.numel(), red.data<float>());
    return red;
  });
  const auto whole = answers(net, picture, {});
  for (const bool flip : {false, true})
    expect_near(answers(net, picture, {.flip = flip, .window = {4, 5}, .stride = 0.4}),
                std::vector<double>(whole.begin(), whole.end()));
}

// The network answers with the column, counted from 0: mirrored and turned back it counts from the other end.
TEST(LogitViews, MirrorImagesAreTurnedBack) {
  AnsweringNet net([](const Tensor& x) {
    Tensor columns({1, 1, x.dim(2), x.dim(3)});
    for (std::int64_t i = 0; i < columns.numel(); ++i)
      columns.data<float>()[i] = static_cast<float>(i % x.dim(3));
    return columns;
  });
  expect_near(answers(net, black(1, 4), {}), {0, 1, 2, 3});
  expect_near(answers(net, black(1, 4), {.flip = true}), {1.5, 1.5, 1.5, 1.5});
}

TEST(LogitViews, ScalesAreAveraged) {
  AnsweringNet net([](const Tensor& x) { return constant(x, static_cast<double>(x.dim(3))); });
  expect_near(answers(net, black(1, 4), {.scales = {0.5, 1, 2}}), std::vector<double>(4, 14.0 / 3));
  expect_error([&] { answers(net, black(1, 4), {.scales = {}}); }, "scales is empty");
}

// 127.5 is 0 after normalisation with 0.5 / 0.5. The network answers with its column; of 8 columns the
// picture has the first 3, so they say 0, 1, 2.
TEST(LogitViews, PaddingIsRemovedAgain) {
  AnsweringNet net([](const Tensor& x) {
    EXPECT_EQ(x.shape(), (Shape{1, 3, 6, 8}));
    EXPECT_EQ(x.values<float>()[0], -1);     // black
    EXPECT_EQ(x.values<float>()[3], 0);      // right of the picture
    EXPECT_EQ(x.values<float>()[5 * 8], 0);  // below it
    Tensor columns({1, 1, 6, 8});
    for (std::int64_t i = 0; i < 48; ++i) columns.data<float>()[i] = static_cast<float>(i % 8);
    return columns;
  });
  expect_near(answers(net, black(2, 3), {.pad = {6, 8}}), {0, 1, 2, 0, 1, 2});
  AnsweringNet larger(
      [](const Tensor& x) { return constant(x, static_cast<double>(x.dim(2) * 100 + x.dim(3))); });
  expect_near(answers(larger, black(2, 9), {.pad = {6, 8}}), std::vector<double>(18, 609));
}

TEST(LogitViews, LabelsDoNotDependOnTheMemory) {
  AnsweringNet net([](const Tensor& x) {
    Tensor z({1, 1, (x.dim(2) + 3) / 4, (x.dim(3) + 3) / 4});
    for (std::int64_t i = 0; i < z.numel(); ++i) z.data<float>()[i] = i % 3 == 0 ? 1.0F : -1.0F;
    return z;
  });
  const PredictOptions options = {.scales = {1, 1.5}, .flip = true, .window = {8, 8}};
  const LogitViews views(net, black(21, 30), {}, options);
  const auto all = views.labels(1 << 20).values<std::int32_t>();
  EXPECT_EQ(views.labels(1).values<std::int32_t>(), all);               // row by row
  EXPECT_EQ(views.labels(2 * 30 * 4 * 5).values<std::int32_t>(), all);  // bands of 5 rows
  EXPECT_NE(std::count(all.begin(), all.end(), 1), 0);
  EXPECT_NE(std::count(all.begin(), all.end(), 0), 0);
}

TEST(PredictOptions, AreReadFromKeys) {
  const Config c =
      Config::parse("slide: 512\npad: [3, 4]\nblend: mean\nscales: [0.5, 1]\nflip: true\n", "t.yaml");
  const PredictOptions o = read_predict_options(c);
  c.check_all_read();
  EXPECT_EQ(o.window.h, 512);
  EXPECT_EQ(o.window.w, 512);
  EXPECT_EQ(o.pad.h, 3);
  EXPECT_EQ(o.pad.w, 4);
  EXPECT_EQ(o.blend, Blend::kMean);
  EXPECT_EQ(o.scales, (std::vector<double>{0.5, 1}));
  EXPECT_TRUE(o.flip);
  expect_error([] { read_predict_options(Config::parse("slide: [1, 2, 3]\n", "t.yaml")); },
               "t.yaml:1: slide: must be [height, width] or one side, or 0 for none");
  expect_error([] { read_predict_options(Config::parse("stride: 1.5\n", "t.yaml")); },
               "must lie in [0.01, 1]");
  expect_error([] { blend_from_name("max"); }, "mean or gauss; got 'max'");
}

}  // namespace
}  // namespace clearcut
