// The shapes that `clearcut bench kernels` times.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/ops/conv2d.h"

namespace clearcut {

/// A convolution of a network; padding keeps the size but for the stride.
struct LayerShape {
  std::string suite = {};  // "resnet50", "segmentation", "hrnet", "mobilenet", "layer"
  std::int64_t batch = 8;
  std::int64_t C = 0, side = 0;  // channels and height = width of the input
  std::int64_t K = 0, kernel = 1;
  std::int64_t stride = 1, dilation = 1, groups = 1;
  int count = 1;  // layers of this shape in the network

  std::string name() const;  // "3x3 s2 128-128 @56 b8"
  Shape x() const, w() const;
  ConvOptions options() const;
};

/// All convolutions of ResNet-50 at 224; those that output stride 8, pyramid pooling and ASPP add;
/// HRNet-W18's four resolutions; the depthwise ones of MobileNet v2.
std::vector<LayerShape> bench_layers();

/// "C:side:K:kernel", then as far as given ":stride:dilation:groups". Throws Error that shows the form.
LayerShape parse_layer(std::string_view text);

/// A product C = A B with A [M, K] and B [K, N]; "NT": B is stored transposed, "TN": A is.
struct ProductShape {
  std::string form, what;  // "NN", "l1 1x1 64-64"
  std::int64_t M, N, K;
  std::string name() const;  // "NN 64x3136x64 l1 1x1 64-64"
};

/// Squares, the products that the layers of ResNet-50 amount to for one picture, gradients, the last layer.
std::vector<ProductShape> bench_products();

}  // namespace clearcut
