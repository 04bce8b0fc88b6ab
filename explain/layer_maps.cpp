#include "explain/layer_maps.h"

#include "explain/tap_pass.h"
#include "tensor/ops/reduce.h"

namespace clearcut {

LayerMaps::LayerMaps(const Classifier& classifier, const ExplainInput& input, const ExplainOptions& options)
    : path_(tap_path(classifier, options)),
      margin_(tap_margin(classifier, path_)),
      name_(options.explainer),
      relu_(options.relu),
      pictures_(input.x.dim(0)) {}

void LayerMaps::write(std::int64_t n, const Tensor& values) {
  check(values.rank() == 3, name_, "'", path_, "' must give feature maps [K, h, w]; got ", values.shape(),
        "; `clearcut model layers` lists paths");
  const std::int64_t h = values.dim(1), w = values.dim(2);
  if (!maps_.defined()) maps_ = Tensor({pictures_, h - 2 * margin_, w - 2 * margin_});
  write_cam(ops::sum(values.to(DType::kFloat64), {0}).values<double>(), h, w, margin_, relu_,
            maps_.data<float>() + n * maps_.dim(1) * maps_.dim(2));
}

}  // namespace clearcut
