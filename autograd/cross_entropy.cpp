#include "autograd/cross_entropy.h"

namespace clearcut {

Var cross_entropy(const Var& logits, const Tensor& labels, const CrossEntropyOptions& options) {
  const ops::CrossEntropy r = ops::cross_entropy(logits.value(), labels, options);
  return record("cross_entropy", r.loss, {logits}, [z = save(logits), r](const Tensor& dy, const Need&) {
    return Grads{ops::cross_entropy_backward(dy, z, r)};
  });
}

Var upsampled_cross_entropy(const Var& logits, const Tensor& labels, bool align_corners,
                            const CrossEntropyOptions& options) {
  const ops::CrossEntropy r = ops::upsampled_cross_entropy(logits.value(), labels, align_corners, options);
  return record("upsampled_cross_entropy", r.loss, {logits},
                [z = save(logits), r, align_corners](const Tensor& dy, const Need&) {
                  return Grads{ops::upsampled_cross_entropy_backward(dy, z, align_corners, r)};
                });
}

}  // namespace clearcut
