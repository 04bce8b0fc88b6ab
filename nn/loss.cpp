#include "nn/loss.h"

#include "autograd/arithmetic.h"

namespace clearcut {

SegmentationLoss segmentation_loss(const std::vector<Var>& outputs, const Tensor& labels,
                                   const SegmentationLossOptions& o) {
  check(!outputs.empty() && outputs.size() == o.coefficients.size(), "segmentation_loss",
        "one coefficient per output is needed; the network has ", outputs.size(), " outputs, got ",
        o.coefficients.size(), " coefficients");
  SegmentationLoss loss;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Var part = upsampled_cross_entropy(outputs[i], labels, o.align_corners, o.cross_entropy);
    loss.parts.push_back(part.value().item());
    loss.total = i == 0 ? part * o.coefficients[i] : loss.total + part * o.coefficients[i];
  }
  return loss;
}

}  // namespace clearcut
