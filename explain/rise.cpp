// RISE: the mean of random soft masks, each weighted by the score of the picture under it.
#include <algorithm>
#include <cmath>

#include "explain/perturbation.h"
#include "explain/versions.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace clearcut {

RiseMasks::RiseMasks(std::int64_t H, std::int64_t W, std::int64_t cells, double keep)
    : H_(H), W_(W), cells_(cells), keep_(keep), cell_{(H + cells - 1) / cells, (W + cells - 1) / cells} {
  check(cells >= 1 && keep > 0 && keep <= 1, "rise", "cells must be >= 1 and keep in (0, 1]; got ", cells,
        " and ", keep);
  rows_ = places(cell_.h);
  columns_ = places(cell_.w);
}

std::vector<RiseMasks::Place> RiseMasks::places(std::int64_t cell) const {
  const std::int64_t size = (cells_ + 1) * cell;
  const double last = static_cast<double>(cells_ - 1);
  std::vector<Place> result;
  for (std::int64_t i = 0; i < size; ++i) {
    double at = std::abs(
        (static_cast<double>(i) + 0.5) * static_cast<double>(cells_) / static_cast<double>(size) - 0.5);
    at = std::clamp(at > last ? 2 * last - at : at, 0.0, last);
    const auto low = static_cast<std::int64_t>(at);
    result.push_back({low, std::min(low + 1, cells_ - 1), at - static_cast<double>(low)});
  }
  return result;
}

void RiseMasks::draw(std::uint64_t seed, std::uint64_t item, std::int64_t i, float* mask) const {
  const RandomStream stream(seed, "rise", item, static_cast<std::uint32_t>(i));
  const std::int64_t down = stream.below(0, cell_.h), right = stream.below(1, cell_.w);
  std::vector<double> grid(static_cast<std::size_t>(cells_ * cells_)), line(static_cast<std::size_t>(cells_));
  for (std::int64_t j = 0; j < cells_ * cells_; ++j)
    grid[static_cast<std::size_t>(j)] = stream.uniform(2 + j) < keep_ ? 1 : 0;
  for (std::int64_t y = 0; y < H_; ++y) {
    const Place& row = rows_[static_cast<std::size_t>(y + down)];
    for (std::int64_t j = 0; j < cells_; ++j)
      line[static_cast<std::size_t>(j)] =
          (1 - row.share) * grid[static_cast<std::size_t>(row.low * cells_ + j)] +
          row.share * grid[static_cast<std::size_t>(row.high * cells_ + j)];
    for (std::int64_t x = 0; x < W_; ++x) {
      const Place& column = columns_[static_cast<std::size_t>(x + right)];
      mask[y * W_ + x] = static_cast<float>((1 - column.share) * line[static_cast<std::size_t>(column.low)] +
                                            column.share * line[static_cast<std::size_t>(column.high)]);
    }
  }
}

Explanation rise(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  const std::int64_t N = input.x.dim(0), H = input.x.dim(2), W = input.x.dim(3), pixels = H * W;
  const std::int64_t samples = samples_of(options);
  const RiseMasks masks(H, W, options.cells, options.keep);
  const auto item = [&](std::int64_t n) { return input.items[static_cast<std::size_t>(n)]; };
  const auto fill = [&](std::int64_t n, std::int64_t i, const Tensor& slot) {
    std::vector<float> mask(static_cast<std::size_t>(pixels));
    masks.draw(input.seed, item(n), i, mask.data());
    const float* x = input.x.data<const float>() + n * 3 * pixels;
    float* to = slot.data<float>();
    for (std::int64_t j = 0; j < 3 * pixels; ++j) to[j] = x[j] * mask[static_cast<std::size_t>(j % pixels)];
  };
  Explanation result{.maps = empty_maps(input)};
  std::vector<double> sum(static_cast<std::size_t>(pixels));
  std::vector<float> mask(sum.size());
  const auto use = [&](std::int64_t n, std::int64_t i, double score) {
    if (i == 0) std::fill(sum.begin(), sum.end(), 0.0);
    masks.draw(input.seed, item(n), i, mask.data());
    for (std::size_t j = 0; j < sum.size(); ++j) sum[j] += score * mask[j];
    if (i + 1 < samples) return;
    const double scale = 1 / (static_cast<double>(samples) * options.keep);
    float* map = result.maps.data<float>() + n * pixels;
    for (std::size_t j = 0; j < sum.size(); ++j) map[j] = static_cast<float>(scale * sum[j]);
  };
  score_versions(
      passes, input,
      {.count = std::vector<std::int64_t>(static_cast<std::size_t>(N), samples), .fill = fill, .use = use});
  return result;
}

}  // namespace clearcut
