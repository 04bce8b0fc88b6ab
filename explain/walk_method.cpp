#include "explain/walk_method.h"

namespace clearcut {

Tensor score_gradients(const Tensor& z, const ExplainInput& input, std::int64_t first) {
  return target_gradients(
      z, [&](std::int64_t i) -> const Target& { return input.targets[static_cast<std::size_t>(first + i)]; });
}

ExplainInput of_logits(const ExplainInput& input) {
  ExplainInput result = input;
  for (Target& target : result.targets) target.probability = false;
  return result;
}

void walk_pictures(Passes& passes, const ExplainInput& input, const WalkJob& job, const Arrivals& use) {
  const InputRows rows = picture_rows(input);
  const std::int64_t size = rows.shape.numel();
  passes.batches(rows, [&](std::int64_t first, const Tensor& x) {
    const Var leaf(x, true);
    const OpenPass pass(passes.classifier(), leaf);
    pass.walk(job.start(pass.logits().value(), first), job.name, job.rules(pass));
    const Tensor arrived = leaf.grad().to(Device::kCpu);
    for (std::int64_t i = 0; i < x.dim(0); ++i) use(first + i, arrived.data<const float>() + i * size);
  });
}

}  // namespace clearcut
