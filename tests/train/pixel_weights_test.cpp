// Weights of pixels on their way into the loss.
#include <gtest/gtest.h>

#include <cmath>

#include "models/build.h"
#include "tensor/random.h"
#include "train/tasks.h"

namespace clearcut {
namespace {

// From the formula of the loss: a pixel of weight 0 stands in neither sum, as an ignored one does.
TEST(PixelWeights, PixelsOfWeightZeroAreIgnored) {
  const auto model =
      make_segmenter({.name = "pspnet_small_resnet", .classes = 3, .width = 0.25, .auxiliary = false});
  model->registry().mode.training = false;
  SegmentationLossOptions loss{};
  loss.cross_entropy.ignore_index = 255;
  SegmentTask task(*model, {}, loss, std::nullopt, {});
  Batch weighed;
  weighed.images = Tensor({2, 3, 32, 32});
  RandomStream(3, "pictures").fill_normal(weighed.images, 0, 1);
  weighed.labels = Tensor({2, 32, 32}, DType::kInt32);
  weighed.weights = Tensor({2, 32, 32});
  Batch ignoring = weighed;
  ignoring.labels = Tensor({2, 32, 32}, DType::kInt32);
  ignoring.weights = {};
  Batch plain = weighed;
  plain.weights = {};
  for (std::int64_t i = 0; i < 2 * 32 * 32; ++i) {
    const bool counts = i % 3 != 0;
    weighed.labels.data<std::int32_t>()[i] = static_cast<std::int32_t>(i / 7 % 3);
    ignoring.labels.data<std::int32_t>()[i] = counts ? static_cast<std::int32_t>(i / 7 % 3) : 255;
    weighed.weights.data<float>()[i] = counts ? 1 : 0;
  }
  const double with_weights = task.loss(weighed).total.value().item();
  EXPECT_FLOAT_EQ(static_cast<float>(with_weights),
                  static_cast<float>(task.loss(ignoring).total.value().item()));
  EXPECT_GT(std::abs(with_weights - task.loss(plain).total.value().item()), 1e-5);  // they matter
}

}  // namespace
}  // namespace clearcut
