#include "nn/loss.h"

#include "autograd/arithmetic.h"
#include "autograd/region_losses.h"
#include "autograd/resize.h"
#include "autograd/softmax.h"
#include "tensor/collective.h"

namespace clearcut {

namespace {

Var loss_of(const Var& output, const Tensor& labels, const SegmentationLossOptions& o) {
  Var loss;
  const auto add = [&](double factor, const auto& term) {
    if (factor == 0) return;
    const Var part = factor == 1 ? term() : term() * factor;
    loss = loss.defined() ? loss + part : part;
  };
  const auto& terms = o.terms;
  add(terms.cross_entropy,
      [&] { return upsampled_cross_entropy(output, labels, o.align_corners, o.cross_entropy); });
  if (terms.dice == 0 && terms.lovasz == 0 && terms.boundary == 0) return loss;
  const std::optional<std::int64_t> ignore = o.cross_entropy.ignore_index;
  const Var p = softmax(resize_bilinear(output, {labels.dim(1), labels.dim(2)}, o.align_corners));
  const double share = 1.0 / OneOfRanks::count();  // of the mean over ranks
  add(terms.dice * share, [&] { return dice_loss(p, labels, ignore); });
  add(terms.lovasz * share, [&] { return lovasz_softmax(p, labels, ignore); });
  add(terms.boundary * share, [&] { return boundary_loss(p, labels, ignore); });
  return loss;
}

}  // namespace

SegmentationLoss segmentation_loss(const std::vector<Var>& outputs, const Tensor& labels,
                                   const SegmentationLossOptions& o) {
  check(!outputs.empty() && outputs.size() == o.coefficients.size(), "segmentation_loss",
        "one coefficient per output is needed; the network has ", outputs.size(), " outputs, got ",
        o.coefficients.size(), " coefficients");
  const auto& t = o.terms;
  check(t.cross_entropy >= 0 && t.dice >= 0 && t.lovasz >= 0 && t.boundary >= 0 &&
            t.cross_entropy + t.dice + t.lovasz + t.boundary > 0,
        "segmentation_loss", "factors of terms must be >= 0 and not all 0; got ", t.cross_entropy, ", ",
        t.dice, ", ", t.lovasz, ", ", t.boundary);
  SegmentationLoss loss;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Var part = loss_of(outputs[i], labels, o);
    loss.parts.push_back(part.value().item());
    loss.total = i == 0 ? part * o.coefficients[i] : loss.total + part * o.coefficients[i];
  }
  return loss;
}

}  // namespace clearcut
