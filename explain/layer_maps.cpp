#include "explain/layer_maps.h"

#include "explain/tap_pass.h"

namespace clearcut {

LayerMaps::LayerMaps(const Classifier& classifier, const ExplainInput& input, const ExplainOptions& options)
    : path_(tap_path(classifier, options)),
      margin_(tap_margin(classifier, path_)),
      name_(options.explainer),
      relu_(options.relu),
      pictures_(input.x.dim(0)) {}

void LayerMaps::write(std::int64_t n, const Shape& shape, const double* values) {
  check(shape.rank() == 4, name_, "'", path_, "' must give feature maps [N, K, h, w]; got ", shape,
        "; `clearcut model layers` lists paths");
  const std::int64_t K = shape[1], h = shape[2], w = shape[3];
  CamMap sums(static_cast<std::size_t>(h * w));
  for (std::int64_t k = 0; k < K; ++k)
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += *values++;
  if (!maps_.defined()) maps_ = Tensor({pictures_, h - 2 * margin_, w - 2 * margin_});
  write_cam(sums, h, w, margin_, relu_, maps_.data<float>() + n * maps_.dim(1) * maps_.dim(2));
}

}  // namespace clearcut
