#include "explain/tap_pass.h"

#include <algorithm>

#include "models/classifier.h"

namespace clearcut {

std::string tap_path(const Classifier& classifier, const ExplainOptions& options) {
  return options.layer.empty() ? classifier.feature_path() : options.layer;
}

std::int64_t tap_margin(const Classifier& classifier, const std::string& path) {
  const std::optional<CamWeights> head = classifier.cam_weights();
  return head && head->path == path ? head->margin : 0;
}

void write_cam(const CamMap& values, std::int64_t h, std::int64_t w, std::int64_t margin, bool relu,
               float* map) {
  for (std::int64_t y = margin; y < h - margin; ++y)
    for (std::int64_t x = margin; x < w - margin; ++x) {
      const double value = values[static_cast<std::size_t>(y * w + x)];
      *map++ = static_cast<float>(relu ? std::max(0.0, value) : value);
    }
}

std::vector<std::string> stage_paths(Classifier& classifier, const Tensor& x) {
  constexpr std::size_t kStages = 3;
  Registry& registry = classifier.registry();
  registry.record_paths(true);
  {
    const NoGrad guard;
    classifier.logits(Var(x.to(registry.device())));
  }
  const std::vector<SeenPath> seen = registry.seen_paths();
  registry.record_paths(false);
  const auto last = std::find_if(seen.rbegin(), seen.rend(),
                                 [&](const SeenPath& s) { return s.path == classifier.feature_path(); });
  std::vector<std::string> paths;
  std::int64_t size = 0;  // of the maps of the last path
  for (auto it = last; it != seen.rend() && paths.size() < kStages; ++it) {
    if (it->shape.rank() != 4 || it->shape[2] * it->shape[3] <= size) continue;
    size = it->shape[2] * it->shape[3];
    paths.push_back(it->path);
  }
  check(!paths.empty(), "refinecam", "'", classifier.feature_path(), "' of ", classifier.name(),
        " gives no feature maps; name taps with layer=A+B");
  return paths;
}

void run_tap_pass(
    Passes& passes, const ExplainInput& input, const TapPass& pass, const char* method,
    const std::function<void(std::size_t n, const CamInput& in, std::int64_t h, std::int64_t w)>& use) {
  Classifier& classifier = passes.classifier();
  passes.batches(picture_rows(input), [&](std::int64_t first, const Tensor& x) {
    Tap tap(classifier.registry(), pass.path);
    if (pass.replacement) tap.replace(pass.replacement);
    const Var z = classifier.logits(Var(x));
    const Tensor logits = z.value().to(Device::kCpu), dz = empty_like(logits);
    const std::int64_t C = z.dim(1);
    for (std::int64_t i = 0; i < x.dim(0); ++i)
      pass.seed(static_cast<std::size_t>(first + i), logits.data<const float>() + i * C,
                dz.data<float>() + i * C);
    const Tensor A = tap.activation().to(Device::kCpu);  // an unknown path is said before the way back
    z.backward(dz.to(z.device()));
    const Tensor g = tap.gradient().to(Device::kCpu);
    check(A.rank() == 4, method, "'", pass.path, "' must give feature maps [N, K, h, w]; got ", A.shape(),
          "; `clearcut model layers` lists paths");
    const std::int64_t K = A.dim(1), n = A.dim(2) * A.dim(3);
    for (std::int64_t i = 0; i < x.dim(0); ++i) {
      const auto item = static_cast<std::size_t>(first + i);
      use(item,
          {.A = A.data<const float>() + i * K * n,
           .g = g.data<const float>() + i * K * n,
           .K = K,
           .n = n,
           .random = RandomStream(input.seed, method, input.items[item])},
          A.dim(2), A.dim(3));
    }
  });
}

}  // namespace clearcut
