#include "models/ocrnet.h"

#include <cmath>

#include "autograd/arithmetic.h"
#include "autograd/matmul.h"
#include "autograd/rearrange.h"
#include "autograd/softmax.h"

namespace clearcut {

namespace {

Conv2dOptions ocr_conv(std::int64_t in, std::int64_t out, std::int64_t kernel = 1) {
  return head_conv(in, out, kernel, normal(0.001));
}

auto two_to_key(const OcrOptions& o) {
  return [&o](auto& layers) {
    layers.add(ocr_conv(o.mid, o.key));
    layers.add(ocr_conv(o.key, o.key));
  };
}

}  // namespace

Var gather_objects(const Var& pixels, const Var& regions) {
  const Var m = softmax(flatten(regions, 2), 2);                       // [N, C, h w]
  const Var f = matmul(flatten(pixels, 2), m, {.transpose_b = true});  // [N, K, C]
  return reshape(f, {f.dim(0), f.dim(1), f.dim(2), 1});
}

ObjectAttention::ObjectAttention(const Scope& at, const OcrOptions& o)
    : Module(at),
      f_pixel(at / "f_pixel", two_to_key(o)),
      f_object(at / "f_object", two_to_key(o)),
      f_down(at / "f_down", ocr_conv(o.mid, o.key)),
      f_up(at / "f_up", ocr_conv(o.key, o.mid)) {}

// The root of the number of keys divides the few vectors of the classes instead of one value per class and
// pixel.
Var ObjectAttention::operator()(const Var& pixels, const Var& objects) const {
  return run([&] {
    const Var q = flatten(f_pixel(pixels), 2);                                               // [N, key, h w]
    const Var k = flatten(f_object(objects), 2) / std::sqrt(static_cast<double>(q.dim(1)));  // [N, key, C]
    const Var v = flatten(f_down(objects), 2);                                               // [N, key, C]
    const Var w = softmax(matmul(k, q, {.transpose_a = true}), 1);                           // [N, C, h w]
    return f_up(unflatten(matmul(v, w), pixels));
  });
}

SpatialOcr::SpatialOcr(const Scope& at, const OcrOptions& o)
    : Module(at),
      attention_block(at / "attention_block", o),
      conv1x1(at / "conv1x1" / 0, ocr_conv(2 * o.mid, o.mid)),
      dropout(at / "conv1x1" / 1, {.p = 0.1, .whole_channels = true}) {}

Var SpatialOcr::operator()(const Var& pixels, const Var& objects) const {
  return run([&] { return dropout(conv1x1(concat({attention_block(pixels, objects), pixels}, 1))); });
}

SoftRegions::SoftRegions(const Scope& at, std::int64_t in, std::int64_t classes)
    : Module(at), conv(at / 0, ocr_conv(in, in)), cls(at / 1, ocr_conv(in, classes)) {}

Var SoftRegions::operator()(const Var& x) const {
  return run([&] { return cls(conv(x)); });
}

OcrHead::OcrHead(const Scope& at, std::int64_t in, const OcrOptions& o)
    : Module(at),
      spatial_ocr(at / "spatial_ocr", o),
      conv3x3_ocr(at / "conv3x3_ocr", ocr_conv(in, o.mid, 3)),
      cls_head(at / "cls_head", ocr_conv(o.mid, o.classes)),
      aux_head(at / "aux_head", in, o.classes) {}

Var OcrHead::operator()(const Var& features, const Var& regions) const {
  return run([&] {
    const Var pixels = conv3x3_ocr(features);
    return cls_head(spatial_ocr(pixels, gather_objects(pixels, regions)));
  });
}

OcrNet::OcrNet(const Scope& at, const HrNetOptions& trunk, const OcrOptions& o)
    : Module(at), backbone(at / "backbone", trunk), head(at / "head", backbone.joined_channels(), o) {}

std::vector<Var> OcrNet::logits(const Var& x, bool with_auxiliary) const {
  const Var features = backbone.joined(x), regions = head.aux_head(features);
  std::vector<Var> outputs{head(features, regions)};
  if (with_auxiliary) outputs.push_back(regions);
  return outputs;
}

}  // namespace clearcut
