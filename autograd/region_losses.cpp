#include "autograd/region_losses.h"

#include "autograd/arithmetic.h"
#include "autograd/reduce.h"
#include "tensor/ops/cross_entropy.h"
#include "tensor/ops/region_losses.h"

namespace clearcut {

Var dice_loss(const Var& p, const Tensor& labels, std::optional<std::int64_t> ignore, double smooth) {
  const ops::RegionLoss r = ops::dice_loss(p.value(), labels, ignore, smooth);
  return record("dice_loss", r.loss, {p}, [p = save(p), r](const Tensor& dy, const Need&) {
    return Grads{ops::dice_loss_backward(dy, p, r)};
  });
}

Var lovasz_softmax(const Var& p, const Tensor& labels, std::optional<std::int64_t> ignore) {
  const ops::RegionLoss r = ops::lovasz_softmax(p.value(), labels, ignore);
  return record("lovasz_softmax", r.loss, {p},
                [r](const Tensor& dy, const Need&) { return Grads{ops::lovasz_softmax_backward(dy, r)}; });
}

Var boundary_loss(const Var& p, const Tensor& labels, std::optional<std::int64_t> ignore) {
  check_rank("boundary_loss", "p", p.value(), 4, "[N, C, H, W]");
  check(labels.shape() == Shape{p.dim(0), p.dim(2), p.dim(3)}, "boundary_loss", "p ", p.shape(),
        " needs labels [N, H, W]; got ", labels.shape());
  const Tensor known = ops::known_labels("boundary_loss", p.value(), labels, ignore).to(Device::kCpu);
  const Tensor phi = ops::signed_distances(known, p.dim(1));
  const std::int64_t plane = p.dim(2) * p.dim(3);
  std::int64_t counted = 0;
  const auto y = known.values<std::int32_t>();
  double* value = phi.data<double>();
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (y[i] >= 0) {
      ++counted;
      continue;
    }
    const auto pixel = static_cast<std::int64_t>(i);
    for (std::int64_t c = 0; c < p.dim(1); ++c)
      value[(pixel / plane * p.dim(1) + c) * plane + pixel % plane] = 0;
  }
  const double n = static_cast<double>(std::max<std::int64_t>(counted, 1)) * static_cast<double>(p.dim(1));
  return sum(p * Var(phi.to(p.dtype()).to(p.device()))) * (1 / n);
}

}  // namespace clearcut
