#include "autograd/folded_conv.h"

#include <algorithm>

#include "autograd/conv2d.h"

namespace clearcut {

bool FoldedConv::possible(const Var& x, const ConvAndNorm& l) {
  if (x.device() == Device::kReference) return false;
  return NoGrad::active() || !(l.w.requires_grad() || l.conv_bias.requires_grad() ||
                               l.weight.requires_grad() || l.bias.requires_grad());
}

std::array<FoldedConv::Source, 6> FoldedConv::sources_of(const ConvAndNorm& l) {
  const auto source = [](const Tensor& t) { return Source{t, t.defined() ? t.version() : 0}; };
  return {source(l.w.value()),    source(l.conv_bias.value()), source(l.weight.value()),
          source(l.bias.value()), source(l.running.mean),      source(l.running.variance)};
}

Var FoldedConv::operator()(const Var& x, const ConvAndNorm& l, const After& after) {
  const auto now = sources_of(l);
  const auto same = [](const Source& a, const Source& b) {
    return a.value.same_view(b.value) && a.version == b.version;
  };
  std::shared_ptr<const Made> made;
  {
    const std::lock_guard lock(mutex_);
    if (!made_ || made_->eps != l.eps || !std::equal(now.begin(), now.end(), made_->sources.begin(), same)) {
      const auto s = ops::fixed_statistics(l.running.mean, l.running.variance, l.eps);
      made_ = std::make_shared<Made>(
          Made{ops::fold_batch_norm(l.w.value(), l.conv_bias.value(), s, l.weight.value(), l.bias.value()),
               now, l.eps, std::make_shared<PreparedWeights>()});
    }
    made = made_;
  }
  return conv2d(x, Var(made->weights.weight), Var(made->weights.bias), l.options, made->prepared, after);
}

void FoldedConv::clear() {
  const std::lock_guard lock(mutex_);
  made_ = nullptr;
}

}  // namespace clearcut
