// 3x3 depthwise windows at all widths around a vector's, with and without padding at each side.
#include "tensor/kernel_wishes.h"
#include "tensor/ops/conv2d.h"
#include "tests/each_isa.h"

namespace clearcut {
namespace {

using DepthwiseWindow = EachIsa;

// Paddings by the bits of `sides`.
ConvOptions options_of(std::int64_t stride, int sides) {
  const Padding2 padding(sides & 1, sides >> 1 & 1, sides >> 2 & 1, sides >> 3 & 1);
  return {.stride = stride, .padding = padding, .groups = 2};
}

// Calls body(x shape, options) for maps of 1 to 38 columns; 33 and more are ends with columns between.
template <class Body>
void for_all_windows(const Body& body) {
  for (std::int64_t W = 1; W <= 38; ++W)
    for (const std::int64_t stride : {1, 2})
      for (int sides = 0; sides < 16; ++sides) {
        const ConvOptions o = options_of(stride, sides);
        const std::int64_t H = 2 + W % 9;
        if (H + o.padding.top + o.padding.bottom < 3 || W + o.padding.left + o.padding.right < 3) continue;
        body(Shape{1, 2, H, W}, o);
      }
}

TEST_P(DepthwiseWindow, IsReference) {
  const Tensor w = normal({2, 1, 3, 3}, "w"), bias = normal({2}, "bias");
  for_all_windows([&](const Shape& shape, const ConvOptions& o) {
    const Tensor x = normal(shape, "x");
    const Tensor y = ops::conv2d(exact(x), exact(w), exact(bias), o);
    const std::string what = cat(shape, " stride ", o.stride.h, " padding ", o.padding);
    expect_near_reference(ops::conv2d(x, w, bias, o), y, 10, what);
    const Tensor dy = normal(y.shape(), "dy");
    expect_near_reference(ops::conv2d_backward_input(dy, w, shape, o),
                          ops::conv2d_backward_input(exact(dy), exact(w), shape, o), 9, what + " gradient");
  });
}

TEST_P(DepthwiseWindow, AddsAndClampsWhereItWrites) {
  const Tensor w = normal({2, 1, 3, 3}, "w");
  for_all_windows([&](const Shape& shape, const ConvOptions& o) {
    const Tensor x = normal(shape, "x");
    const Tensor add = normal(ops::conv2d_shape(shape, w.shape(), o), "add");
    expect_near_reference(ops::conv2d(x, w, {}, o, {add, 0.0, 1.5}),
                          ops::conv2d(exact(x), exact(w), {}, o, {exact(add), 0.0, 1.5}), 10,
                          cat(shape, " stride ", o.stride.h, " padding ", o.padding));
  });
}

INSTANTIATE_TEST_SUITE_P(Depthwise, DepthwiseWindow, testing::ValuesIn(supported_isas()),
                         [](const auto& row) { return std::string(row.param); });

}  // namespace
}  // namespace clearcut
