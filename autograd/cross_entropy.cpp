#include "autograd/cross_entropy.h"

#include "tensor/collective.h"

namespace clearcut {

namespace {

// The share of this rank in a mean over the pixels of all ranks.
void take_share(ops::CrossEntropy& r) {
  const OneOfRanks* ranks = OneOfRanks::active();
  if (!ranks) return;
  const double mine = r.denominator;
  r.denominator = ranks->share_denominator(mine);
  if (r.denominator > 0)
    r.loss = Tensor::full({}, r.loss.item() * (mine / r.denominator), r.loss.dtype(), r.loss.device());
}

}  // namespace

Var cross_entropy(const Var& logits, const Tensor& labels, const CrossEntropyOptions& options) {
  ops::CrossEntropy r = ops::cross_entropy(logits.value(), labels, options);
  take_share(r);
  return record("cross_entropy", r.loss, {logits}, [z = save(logits), r](const Tensor& dy, const Need&) {
    return Grads{ops::cross_entropy_backward(dy, z, r)};
  });
}

Var upsampled_cross_entropy(const Var& logits, const Tensor& labels, bool align_corners,
                            const CrossEntropyOptions& options) {
  ops::CrossEntropy r = ops::upsampled_cross_entropy(logits.value(), labels, align_corners, options);
  take_share(r);
  return record("upsampled_cross_entropy", r.loss, {logits},
                [z = save(logits), r, align_corners](const Tensor& dy, const Need&) {
                  return Grads{ops::upsampled_cross_entropy_backward(dy, z, align_corners, r)};
                });
}

}  // namespace clearcut
