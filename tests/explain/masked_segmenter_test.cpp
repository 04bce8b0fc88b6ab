#include "explain/masked_segmenter.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "explain/explainer.h"
#include "tests/errors.h"
#include "tests/explain/small_net.h"

namespace clearcut {
namespace {

TrainedSegmenter small_segmenter() {
  ModelCard card{.kind = ModelCard::Kind::kSegmenter,
                 .spec = {.name = "pspnet_small_resnet", .classes = 3, .width = 0.25}};
  TrainedSegmenter segmenter{make_segmenter(card.spec), card};
  segmenter.model->registry().mode.training = false;
  segmenter.model->registry().require_grad(false);
  return segmenter;
}

Tensor left_half(std::int64_t side) {
  Tensor mask = Tensor::zeros({side, side});
  for (std::int64_t i = 0; i < side * side; ++i) mask.data<float>()[i] = i % side < side / 2 ? 1.0F : 0.0F;
  return mask;
}

// Float32 sums of at most 64 logits of size 1: 1e-6 each.
constexpr double kBound = 1e-5;

TEST(MaskedSegmenter, LogitsAreMeansOverTheMask) {
  TrainedSegmenter segmenter = small_segmenter();
  const Tensor x = test::random_tensor({2, 3, 64, 64}, "x");
  const Var z = segmenter.model->main_logits(Var(x));
  const std::int64_t h = z.dim(2), w = z.dim(3);
  ASSERT_EQ(w % 2, 0);
  const auto values = z.value().values<float>();
  const auto got = MaskedSegmenter(segmenter, left_half(64)).logits(Var(x)).value().values<float>();
  ASSERT_EQ(got.size(), 6U);
  for (std::size_t p = 0; p < got.size(); ++p) {
    // Bilinear shrinking takes the mean of the two pixels around a cell's middle: no cell lies on the edge.
    double sum = 0;
    for (std::int64_t i = 0; i < h * w; ++i)
      if (i % w < w / 2) sum += values[p * static_cast<std::size_t>(h * w) + static_cast<std::size_t>(i)];
    EXPECT_NEAR(got[p], sum / static_cast<double>(h * w / 2), kBound) << p;
  }
}

TEST(MaskedSegmenter, ExplainersTakeIt) {
  TrainedSegmenter segmenter = small_segmenter();
  MaskedSegmenter net(segmenter, left_half(64));
  EXPECT_EQ(net.classes(), 3);
  EXPECT_EQ(net.feature_path().rfind("backbone", 0), 0U) << net.feature_path();
  const ExplainInput input{.x = test::random_tensor({1, 3, 64, 64}, "x"),
                           .targets = {{.classes = {1}, .probability = false}},
                           .items = {1}};
  for (const char* text : {"gradcam:relu=0", "saliency", "ig:steps=2", "guided", "deeplift", "lrp",
                           "fullgrad", "excitation", "conductance:steps=2:relu=0"}) {
    const auto map = explain(net, input, parse_explainer(text)).values<float>();
    EXPECT_NE(*std::min_element(map.begin(), map.end()), *std::max_element(map.begin(), map.end())) << text;
  }
  EXPECT_THROW(explain(net, input, parse_explainer("cam")), Error);
}

TEST(MaskedSegmenter, PredictedMasksShareOutThePicture) {
  TrainedSegmenter segmenter = small_segmenter();
  const Tensor x = test::random_tensor({1, 3, 64, 64}, "x");
  std::vector<float> sum(64 * 64);
  for (int c = 0; c < 3; ++c) {
    const auto mask = predicted_mask(segmenter, x, c).values<float>();
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += mask[i];
  }
  EXPECT_EQ(sum, std::vector<float>(64 * 64, 1));
  expect_error([&] { predicted_mask(segmenter, x, 3); }, "class 3 is outside [0, 3)");
}

TEST(MaskedSegmenter, AnEmptyMaskIsSaid) {
  TrainedSegmenter segmenter = small_segmenter();
  const MaskedSegmenter net(segmenter, Tensor::zeros({64, 64}));
  expect_error([&] { net.logits(Var(Tensor::zeros({1, 3, 64, 64}))); }, "the mask covers no pixel");
}

}  // namespace
}  // namespace clearcut
