#include "train/bench/operands.h"

#include "tensor/random.h"

namespace clearcut {

using conv::Direction;

namespace {

Tensor normal(std::uint64_t seed, const Shape& shape, const char* purpose, Device device) {
  Tensor x(shape);
  RandomStream(seed, purpose).fill_normal(x, 0, 1);
  return x.to(device);
}

template <class T>
kernels::Matrices<T> matrices(const Tensor& x, bool turned) {
  const std::int64_t rows = x.dim(1), cols = x.dim(2);
  if (turned) return {x.data<T>(), x.dim(0), cols, rows, rows * cols, 1, cols};
  return {x.data<T>(), x.dim(0), rows, cols, rows * cols, cols, 1};
}

}  // namespace

ConvOperands::ConvOperands(const LayerShape& shape, std::uint64_t seed, Device device)
    : x(normal(seed, shape.x(), "x", device)),
      w(normal(seed, shape.w(), "w", device)),
      y(normal(seed, ops::conv2d_shape(shape.x(), shape.w(), shape.options()), "y", device)),
      options(shape.options()) {}

ProductOperands::ProductOperands(const ProductShape& s, std::int64_t batch, std::uint64_t seed, Device device)
    : turn_a(s.form[0] == 'T'), turn_b(s.form[1] == 'T') {
  a = normal(seed, turn_a ? Shape{batch, s.K, s.M} : Shape{batch, s.M, s.K}, "a", device);
  b = normal(seed, turn_b ? Shape{batch, s.N, s.K} : Shape{batch, s.K, s.N}, "b", device);
  c = Tensor(Shape{batch, s.M, s.N}, DType::kFloat32, device);
}

cuda::Product ProductOperands::product() const {
  return {matrices<const float>(a, turn_a), matrices<const float>(b, turn_b), matrices<float>(c, false)};
}

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

Tensor ConvOperands::reference(Direction direction) const {
  const auto exact = [](const Tensor& t) { return t.to(DType::kFloat64).to(Device::kReference); };
  if (direction == Direction::kForward) return ops::conv2d(exact(x), exact(w), {}, options);
  if (direction == Direction::kBackwardInput)
    return ops::conv2d_backward_input(exact(y), exact(w), x.shape(), options);
  return ops::conv2d_backward_weight(exact(y), exact(x), w.shape(), options);
}

}  // namespace clearcut
