#include "train/predict.h"

#include "tensor/parallel.h"
#include "train/config.h"
#include "train/logit_views.h"

namespace clearcut {

namespace {

Size2 read_size(const Config& config, const std::string& key) {
  auto sides = config.numbers_or(key, {0, 0}, {.low = 0, .high = 100'000});
  if (sides.size() == 1) sides.push_back(sides[0]);
  if (sides.size() != 2 || (sides[0] == 0) != (sides[1] == 0))
    config.fail(key, "must be [height, width] or one side, or 0 for none");
  return {static_cast<std::int64_t>(sides[0]), static_cast<std::int64_t>(sides[1])};
}

}  // namespace

Normalize normalize_of(const PixelScale& pixels) {
  check(!pixels.bgr, "predict", "networks for segmentation take RGB, this one says BGR");
  Normalize n;
  for (std::size_t c = 0; c < 3; ++c) {
    n.mean[c] = pixels.mean[c] / 255;
    n.deviation[c] = 1 / (pixels.scale[c] * 255);
  }
  return n;
}

PixelScale pixels_of(const Normalize& normalize) {
  PixelScale p;
  for (std::size_t c = 0; c < 3; ++c) {
    p.mean[c] = normalize.mean[c] * 255;
    p.scale[c] = 1 / (normalize.deviation[c] * 255);
  }
  return p;
}

Blend blend_from_name(std::string_view name) {
  check(name == "mean" || name == "gauss", "predict", "blending is mean or gauss; got '", name, "'");
  return name == "mean" ? Blend::kMean : Blend::kGauss;
}

PredictOptions read_predict_options(const Config& config) {
  PredictOptions o;
  o.resize_short = config.integer_or("resize_short", 0, {.low = 0, .high = 20'000});
  o.pad = read_size(config, "pad");
  o.scales = config.numbers_or("scales", {1}, {.low = 0.05, .high = 20});
  o.flip = config.flag_or("flip", false);
  o.window = read_size(config, "slide");
  o.stride = config.number_or("stride", o.stride, {.low = 0.01, .high = 1});
  o.blend = blend_from_name(config.choice_or("blend", {"mean", "gauss"}, "gauss"));
  return o;
}

Tensor predict_logits(Segmenter& model, const Tensor& picture, const Normalize& normalize,
                      const PredictOptions& options) {
  return LogitViews(model, picture, normalize, options).rows(0, picture.dim(0));
}

Tensor argmax_classes(const Tensor& logits) {
  check_rank("argmax_classes", "logits", logits, 3, "[C, H, W]");
  const std::int64_t C = logits.dim(0), P = logits.dim(1) * logits.dim(2);
  Tensor labels({logits.dim(1), logits.dim(2)}, DType::kInt32);
  const float* z = logits.data<const float>();
  std::int32_t* y = labels.data<std::int32_t>();
  parallel_for(P, 4096, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) {
      std::int64_t best = 0;
      for (std::int64_t c = 1; c < C; ++c)
        if (z[c * P + p] > z[best * P + p]) best = c;
      y[p] = static_cast<std::int32_t>(best);
    }
  });
  return labels;
}

Tensor predict_labels(Segmenter& model, const Tensor& picture, const Normalize& normalize,
                      const PredictOptions& options) {
  return LogitViews(model, picture, normalize, options).labels(options.memory);
}

}  // namespace clearcut
