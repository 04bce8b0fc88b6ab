// What the heads of segmentation networks share.
#pragma once

#include "nn/layers.h"

namespace clearcut {

/// A convolution of a head that keeps the size of the plane, with bias also before a batch norm. Initial
/// values are Paddle's default, weights N(0, 2 / fan_in) and biases 0, unless the head says otherwise.
Conv2dOptions head_conv(std::int64_t in, std::int64_t out, std::int64_t kernel,
                        const Init& weight_init = kaiming_normal(Init::Fan::kIn));

/// x, bilinearly (align_corners = false) brought to the height and width of `like`.
Var resized_like(const Var& x, const Var& like);

/// Adaptive average pooling to bin x bin "0", then a 1x1 convolution with batch norm and ReLU "1":
/// [N, in, h, w] -> [N, out, bin, bin].
///
/// Throws Error for one picture and one bin in training: each channel of the batch norm would have a single
/// value, whose variance is 0, and the branch would put out its bias whatever the picture shows. With
/// mode().freeze_batch_norm one picture will do.
struct PooledConv : Module {
  AdaptiveAvgPool2d pool;
  ConvBnRelu conv;

  PooledConv(const Scope& at, const Conv2dOptions& o, std::int64_t bin);
  Var operator()(const Var& x) const;
};

}  // namespace clearcut
