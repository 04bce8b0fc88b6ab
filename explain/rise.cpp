// RISE: the mean of random soft masks, each weighted by the score of the picture under it.
#include "explain/perturbation.h"
#include "explain/versions.h"
#include "tensor/ops/add_products.h"
#include "tensor/ops/arithmetic.h"
#include "tensor/ops/elementwise.h"
#include "tensor/ops/soft_grid.h"
#include "tensor/random.h"

namespace clearcut {

RiseMasks::RiseMasks(std::int64_t H, std::int64_t W, std::int64_t cells, double keep)
    : H_(H), W_(W), cells_(cells), keep_(keep) {
  check(cells >= 1 && keep > 0 && keep <= 1, "rise", "cells must be >= 1 and keep in (0, 1]; got ", cells,
        " and ", keep);
  cell_ = {(H + cells - 1) / cells, (W + cells - 1) / cells};
}

Tensor RiseMasks::draw(std::uint64_t seed, std::uint64_t item, std::int64_t i, Device device) const {
  const RandomStream stream(seed, "rise", item, static_cast<std::uint32_t>(i));
  std::vector<float> grid(static_cast<std::size_t>(cells_ * cells_));
  for (std::size_t j = 0; j < grid.size(); ++j)
    grid[j] = stream.uniform(2 + static_cast<std::int64_t>(j)) < keep_ ? 1 : 0;
  const Tensor mask({H_, W_}, DType::kFloat32, device);
  ops::soft_grid(Tensor::from<float>({cells_, cells_}, grid, device), cell_,
                 {stream.below(0, cell_.h), stream.below(1, cell_.w)}, mask);
  return mask;
}

Explanation rise(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  const std::int64_t N = input.x.dim(0), H = input.x.dim(2), W = input.x.dim(3);
  const std::int64_t samples = samples_of(options);
  const RiseMasks masks(H, W, options.cells, options.keep);
  const Tensor x = input.x.to(passes.device());
  const auto mask = [&](std::int64_t n, std::int64_t i) {
    return masks.draw(input.seed, input.items[static_cast<std::size_t>(n)], i, passes.device());
  };
  Explanation result{.maps = empty_maps(input)};
  Tensor sum;
  const auto use = [&](std::int64_t n, std::int64_t i, double score) {
    if (i == 0) sum = Tensor::zeros({H, W}, DType::kFloat64, passes.device());
    ops::add_products(sum, mask(n, i), Tensor(), score);
    if (i + 1 < samples) return;
    const double scale = 1 / (static_cast<double>(samples) * options.keep);
    result.maps[n].copy_from(ops::mul(sum, scale).to(DType::kFloat32));
  };
  score_versions(passes, input,
                 {.count = std::vector<std::int64_t>(static_cast<std::size_t>(N), samples),
                  .fill = [&](std::int64_t n, std::int64_t i,
                              const Tensor& slot) { slot.copy_from(ops::mul(x[n], mask(n, i))); },
                  .on_device = true,
                  .use = use});
  return result;
}

}  // namespace clearcut
