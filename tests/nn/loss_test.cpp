#include "nn/loss.h"

#include <gtest/gtest.h>

#include "autograd/region_losses.h"
#include "autograd/resize.h"
#include "autograd/softmax.h"

namespace clearcut {
namespace {

// Two outputs of other sizes than the labels; the terms are those of their own functions, which have oracles.
TEST(SegmentationLoss, AddsTermsAndOutputsByTheirFactors) {
  std::vector<float> numbers(1 * 3 * 4 * 4);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<float>(i * 7 % 11) / 5 - 1;
  const Var small(Tensor::from<float>({1, 3, 4, 4}, numbers)), tiny(Tensor::full({1, 3, 1, 1}, 0.5));
  const Tensor labels = Tensor::from<std::int32_t>({1, 2, 3}, {0, 1, 2, 9, 0, 1});
  const Size2 size{2, 3};
  const auto part = [&](const Var& z) {
    const Var p = softmax(resize_bilinear(z, size, false));
    return 2 * upsampled_cross_entropy(z, labels, false, {.ignore_index = 9}).value().item() +
           0.5 * dice_loss(p, labels, 9).value().item() + lovasz_softmax(p, labels, 9).value().item() +
           0.25 * boundary_loss(p, labels, 9).value().item();
  };
  const SegmentationLoss loss =
      segmentation_loss({small, tiny}, labels,
                        {.coefficients = {1, 0.4},
                         .cross_entropy = {.ignore_index = 9},
                         .terms = {.cross_entropy = 2, .dice = 0.5, .lovasz = 1, .boundary = 0.25}});
  ASSERT_EQ(loss.parts.size(), 2U);
  // Float sums of four terms near 1.
  EXPECT_NEAR(loss.parts[0], part(small), 2e-6);
  EXPECT_NEAR(loss.parts[1], part(tiny), 2e-6);
  EXPECT_NEAR(loss.total.value().item(), part(small) + 0.4 * part(tiny), 4e-6);
}

TEST(SegmentationLoss, NeedsATermAndACoefficientForEachOutput) {
  const Var z(Tensor::zeros({1, 2, 2, 2}));
  const Tensor labels = Tensor::zeros({1, 2, 2}, DType::kInt32);
  EXPECT_THROW(segmentation_loss({z}, labels, {.terms = {.cross_entropy = 0}}), Error);
  EXPECT_THROW(segmentation_loss({z}, labels, {.terms = {.dice = -1}}), Error);
  EXPECT_THROW(segmentation_loss({z, z}, labels, {}), Error);
}

}  // namespace
}  // namespace clearcut
