#include "explain/masked_segmenter.h"

#include "autograd/arithmetic.h"
#include "autograd/reduce.h"
#include "tensor/ops/arithmetic.h"
#include "tensor/ops/resize.h"

namespace clearcut {

namespace {

// The last feature map that the trunk puts out, seen in one pass over an empty picture.
std::string last_of_trunk(TrainedSegmenter& segmenter, std::int64_t H, std::int64_t W) {
  Registry& registry = segmenter.model->registry();
  registry.record_paths(true);
  {
    const NoGrad guard;
    segmenter.model->main_logits(Var(Tensor::zeros({1, 3, H, W}, DType::kFloat32, registry.device())));
  }
  std::string last;
  for (const SeenPath& seen : registry.seen_paths())
    if (seen.shape.rank() == 4 && seen.path.rfind("backbone", 0) == 0) last = seen.path;
  registry.record_paths(false);
  check(!last.empty(), "explain", segmenter.model->name(),
        " has no trunk 'backbone'; name a tap with layer=");
  return last;
}

}  // namespace

MaskedSegmenter::MaskedSegmenter(TrainedSegmenter& segmenter, Tensor mask)
    : segmenter_(segmenter), mask_(std::move(mask)), names_(segmenter.card.spec.class_names) {
  check(mask_.rank() == 2, "explain", "a mask is [H, W]; got ", mask_.shape());
  for (std::int64_t c = static_cast<std::int64_t>(names_.size()); c < segmenter.model->classes(); ++c)
    names_.push_back(cat("class ", c));
  feature_path_ = last_of_trunk(segmenter, mask_.dim(0), mask_.dim(1));
}

Var MaskedSegmenter::logits(const Var& x) const {
  const Var z = segmenter_.model->main_logits(x);
  const Tensor small =
      ops::resize_bilinear(mask_.reshape({1, 1, mask_.dim(0), mask_.dim(1)}), {z.dim(2), z.dim(3)}, false);
  double sum = 0;
  for (const float value : small.values<float>()) sum += value;
  check(sum > 0, "explain", "the mask covers no pixel of the network's output [", z.dim(2), ", ", z.dim(3),
        "]; give a larger one");
  const Tensor weight = ops::mul(small, Tensor::full({}, 1 / sum)).to(z.device());
  return clearcut::sum(z * Var(weight), {2, 3});
}

Tensor predicted_mask(TrainedSegmenter& segmenter, const Tensor& x, int c) {
  const NoGrad guard;
  const Tensor z = segmenter.model->main_logits(Var(x.to(segmenter.model->registry().device()))).value();
  const Tensor full = ops::resize_bilinear(z, {x.dim(2), x.dim(3)}, false).to(Device::kCpu);
  const std::int64_t C = full.dim(1), n = x.dim(2) * x.dim(3);
  check(c >= 0 && c < C, "explain", "class ", c, " is outside [0, ", C, ") of the network's classes");
  const float* p = full.data<const float>();
  Tensor mask({x.dim(2), x.dim(3)});
  for (std::int64_t i = 0; i < n; ++i) {
    std::int64_t best = 0;
    for (std::int64_t k = 1; k < C; ++k)
      if (p[k * n + i] > p[best * n + i]) best = k;
    mask.data<float>()[i] = best == c ? 1.0F : 0.0F;
  }
  return mask;
}

}  // namespace clearcut
