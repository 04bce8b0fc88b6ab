#include "train/predict.h"

#include <cmath>

#include "autograd/arithmetic.h"
#include "autograd/resize.h"
#include "tensor/parallel.h"

namespace clearcut {

namespace {

/// x mirrored along its last dimension, in host memory on the way.
Tensor mirrored(const Tensor& x) {
  const Tensor here = x.to(Device::kCpu), y = empty_like(here);
  const std::int64_t W = x.dim(-1), rows = x.numel() / W;
  const float* from = here.data<const float>();
  float* to = y.data<float>();
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t w = 0; w < W; ++w) to[r * W + w] = from[r * W + W - 1 - w];
  return y.to(x.device());
}

std::int64_t scaled(std::int64_t side, double scale) {
  return std::max<std::int64_t>(1, std::llround(static_cast<double>(side) * scale));
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

Tensor predict_logits(Segmenter& model, const Tensor& picture, const Normalize& normalize,
                      const PredictOptions& options) {
  const NoGrad no_tape;
  if (model.registry().mode.training) model.registry().mode.training = false;  // on any thread
  const std::int64_t H = picture.dim(0), W = picture.dim(1);
  LabelledPicture sample = to_sample(picture);
  if (options.resize_short > 0) resize_by_short(sample, options.resize_short);
  const Tensor x3 = clearcut::normalize(sample.image, normalize);
  const Tensor x = x3.reshape(Shape{1, 3, x3.dim(1), x3.dim(2)}).to(model.registry().device());
  Var sum;
  int terms = 0;
  for (const double scale : options.scales) {
    const Size2 size = {scaled(x.dim(2), scale), scaled(x.dim(3), scale)};
    for (int flip = 0; flip <= (options.flip ? 1 : 0); ++flip) {
      Var input(flip != 0 ? mirrored(x) : x);
      if (scale != 1) input = resize_bilinear(input, size, false);
      Var z = resize_bilinear(model.main_logits(input), {H, W}, false);
      if (flip != 0) z = Var(mirrored(z.value()));
      sum = terms++ == 0 ? z : sum + z;
    }
  }
  check(terms > 0, "predict", "scales is empty");
  const Var mean = terms == 1 ? sum : sum * (1.0 / terms);
  return mean.value().reshape(Shape{mean.dim(1), H, W}).to(Device::kCpu);
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
  return argmax_classes(predict_logits(model, picture, normalize, options));
}

}  // namespace clearcut
