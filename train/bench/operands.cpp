#include "train/bench/operands.h"

#include "tensor/random.h"

namespace clearcut {

using conv::Direction;

namespace {

Tensor normal(std::uint64_t seed, const Shape& shape, const char* purpose) {
  Tensor x(shape);
  RandomStream(seed, purpose).fill_normal(x, 0, 1);
  return x;
}

}  // namespace

ConvOperands::ConvOperands(const LayerShape& shape, std::uint64_t seed)
    : x(normal(seed, shape.x(), "x")),
      w(normal(seed, shape.w(), "w")),
      y(normal(seed, ops::conv2d_shape(shape.x(), shape.w(), shape.options()), "y")),
      options(shape.options()) {}

conv::Layer ConvOperands::layer() const {
  return conv::layer_of(nchw<const float>(x), nchw<const float>(w), nchw<const float>(y), options);
}

void ConvOperands::run(const conv::Kernel& kernel, Direction direction,
                       const PreparedWeights::Form* form) const {
  if (direction == Direction::kForward)
    kernel.forward(nchw<const float>(x), {nchw<const float>(w), form}, options, {}, nchw<float>(y));
  else if (direction == Direction::kBackwardInput)
    kernel.backward_input(nchw<const float>(y), {nchw<const float>(w), form}, options, nchw<float>(x));
  else
    kernel.backward_weight(nchw<const float>(y), nchw<const float>(x), options, nchw<float>(w));
}

const Tensor& ConvOperands::result(Direction direction) const {
  return direction == Direction::kForward ? y : direction == Direction::kBackwardInput ? x : w;
}

}  // namespace clearcut
