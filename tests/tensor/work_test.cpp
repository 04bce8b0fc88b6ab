#include "tensor/work.h"

#include <gtest/gtest.h>

#include "tensor/ops/conv2d.h"
#include "tensor/ops/matmul.h"

namespace clearcut {
namespace {

// By hand: 2 x 6 x 5 x 4 outputs of 3 channels of a group and 3 x 2 taps each.
TEST(Work, EachDirectionOfAConvolutionCountsTheFormula) {
  const Tensor x = Tensor::zeros({2, 6, 5, 4}), w = Tensor::zeros({6, 3, 3, 2});
  const ConvOptions o{.padding = {1, 1, 1, 0}, .groups = 2};
  const std::int64_t expected = 2 * 6 * 5 * 4 * 3 * 3 * 2;
  const WorkMeter forward;
  const Tensor y = ops::conv2d(x, w, {}, o);
  EXPECT_EQ(forward.multiply_adds(), expected);
  const WorkMeter input;
  ops::conv2d_backward_input(y, w, x.shape(), o);
  EXPECT_EQ(input.multiply_adds(), expected);
  const WorkMeter weight;
  ops::conv2d_backward_weight(y, x, w.shape(), o);
  EXPECT_EQ(weight.multiply_adds(), expected);
}

TEST(Work, MatrixProductsCount) {
  const Tensor a = Tensor::zeros({4, 3}), b = Tensor::zeros({5, 4});
  const WorkMeter meter;
  ops::matmul(a, b, {.transpose_a = true, .transpose_b = true});
  EXPECT_EQ(meter.multiply_adds(), 3 * 4 * 5);
  ops::linear(b, Tensor::zeros({7, 4}));
  EXPECT_EQ(meter.multiply_adds(), 3 * 4 * 5 + 5 * 4 * 7);
}

}  // namespace
}  // namespace clearcut
