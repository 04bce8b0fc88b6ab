// OCRNet: each pixel looks at the mean appearance of every class in its picture. Source: Yuan et al. 2020,
// arXiv:1909.11065; head, biases, initial values and parameter names as PaddleSeg's OCRNet, without the
// underscores of its names.
#pragma once

#include <vector>

#include "models/head_layers.h"
#include "models/hrnet.h"

namespace clearcut {

/// Object region representations, f[n, k, c] = sum over positions p of m[n, c, p] * pixels[n, k, p], where m
/// is the softmax of the class map regions[n, c] over its positions: for each class the weighted mean of its
/// pixels.
///
/// pixels   [N, K, h, w]
/// regions  [N, C, h, w] logits
/// returns  [N, K, C, 1]
Var gather_objects(const Var& pixels, const Var& regions);

struct OcrOptions {
  std::int64_t classes = 0;
  std::int64_t mid = 512, key = 256;  // channels of pixels and objects, and of their comparison
};

/// Object contextual representations: pixel p gets f_up(sum over c of w[p, c] v_c), w the softmax over
/// classes of q_p . k_c / sqrt(key). pixels [N, mid, h, w], objects [N, mid, C, 1] -> [N, mid, h, w].
struct ObjectAttention : Module {
  Sequence<ConvBnRelu> f_pixel;   // q: two 1x1 convolutions, mid -> key -> key
  Sequence<ConvBnRelu> f_object;  // k: the same of objects
  ConvBnRelu f_down;              // values, mid -> key
  ConvBnRelu f_up;                // key -> mid

  ObjectAttention(const Scope& at, const OcrOptions& o);
  Var operator()(const Var& pixels, const Var& objects) const;
};

/// [context, pixels] through a 1x1 convolution "conv1x1.0" back to mid channels, and dropout of whole
/// channels, 0.1.
struct SpatialOcr : Module {
  ObjectAttention attention_block;
  ConvBnRelu conv1x1;
  Dropout dropout;

  SpatialOcr(const Scope& at, const OcrOptions& o);
  Var operator()(const Var& pixels, const Var& objects) const;
};

/// Coarse class maps of a 1x1 convolution with batch norm and ReLU "0" and a 1x1 convolution "1".
struct SoftRegions : Module {
  ConvBnRelu conv;
  Conv2d cls;

  SoftRegions(const Scope& at, std::int64_t in, std::int64_t classes);
  Var operator()(const Var& x) const;
};

struct OcrHead : Module {
  SpatialOcr spatial_ocr;
  ConvBnRelu conv3x3_ocr;
  Conv2d cls_head;
  SoftRegions aux_head;  // its output both gathers the objects and is the auxiliary output

  OcrHead(const Scope& at, std::int64_t in, const OcrOptions& o);
  /// features [N, in, h, w], regions = aux_head(features) -> [N, classes, h, w].
  Var operator()(const Var& features, const Var& regions) const;
};

/// The net: HRNet's joined branches as "backbone", and "head".
struct OcrNet : Module {
  static constexpr Notes kNotes{
      .source = "Yuan et al. 2020, arXiv:1909.11065",
      .differs =
          "As PaddleSeg's, whose names it has without their underscores: convolutions of the head have "
          "biases in front of batch norms too; weights of the head start at N(0, 0.001^2). torchvision "
          "has no OCRNet."};
  HrNet backbone;
  OcrHead head;

  OcrNet(const Scope& at, const HrNetOptions& trunk, const OcrOptions& o);
  /// x [N, 3, H, W] -> logits [N, classes, H / 4, W / 4], and the soft regions if wanted.
  std::vector<Var> logits(const Var& x, bool with_auxiliary) const;
};

}  // namespace clearcut
