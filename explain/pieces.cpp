#include "explain/pieces.h"

#include <algorithm>

#include "explain/methods.h"
#include "explain/regions.h"
#include "explain/versions.h"
#include "tensor/ops/show_regions.h"
#include "tensor/parallel.h"

namespace clearcut {

namespace {

std::vector<float> mean_colours(const Tensor& x, const Tensor& labels, std::int64_t K) {
  const std::int64_t n = labels.numel();
  const float* p = x.data<const float>();
  const std::int32_t* s = labels.data<const std::int32_t>();
  std::vector<double> sum(static_cast<std::size_t>(3 * K)), size(static_cast<std::size_t>(K));
  for (std::int64_t i = 0; i < n; ++i) {
    size[static_cast<std::size_t>(s[i])] += 1;
    for (std::int64_t c = 0; c < 3; ++c) sum[static_cast<std::size_t>(c * K + s[i])] += p[c * n + i];
  }
  std::vector<float> mean(sum.size());
  for (std::size_t i = 0; i < sum.size(); ++i)
    mean[i] = static_cast<float>(sum[i] / std::max(1.0, size[i % static_cast<std::size_t>(K)]));
  return mean;
}

}  // namespace

Tensor grid_labels(std::int64_t H, std::int64_t W, std::int64_t grid) {
  const std::int64_t rows = std::min(grid, H), columns = std::min(grid, W);
  Tensor labels({H, W}, DType::kInt32);
  std::int32_t* to = labels.data<std::int32_t>();
  for (std::int64_t y = 0; y < H; ++y)
    for (std::int64_t x = 0; x < W; ++x)
      to[y * W + x] = static_cast<std::int32_t>((y * rows / H) * columns + x * columns / W);
  return labels;
}

std::vector<Pieces> cut_pictures(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  const Tensor grid = options.grid > 0 ? grid_labels(input.x.dim(2), input.x.dim(3), options.grid) : Tensor();
  const std::vector<Tensor>* labels =
      options.grid > 0 ? nullptr : &passes.segments(input, options.superpixels);
  std::vector<Pieces> all(static_cast<std::size_t>(input.x.dim(0)));
  parallel_for(input.x.dim(0), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) {
      Pieces& pieces = all[static_cast<std::size_t>(n)];
      pieces.labels = labels != nullptr ? (*labels)[static_cast<std::size_t>(n)] : grid;
      pieces.K = region_count(pieces.labels);
      pieces.off = options.off == Off::kMeanColour
                       ? mean_colours(input.x[n], pieces.labels, pieces.K)
                       : std::vector<float>(static_cast<std::size_t>(3 * pieces.K));
    }
  });
  return all;
}

void score_pieces(Passes& passes, const ExplainInput& input, const std::vector<Pieces>& pieces,
                  const PieceVersions& versions) {
  const Device device = passes.device();
  const Tensor x = input.x.to(device);
  std::vector<Tensor> labels, off;
  for (const Pieces& one : pieces) {
    labels.push_back(one.labels.to(device));
    off.push_back(Tensor::from<float>({3, one.K}, one.off, device));
  }
  const auto show = [&](std::int64_t n, std::int64_t i, const Tensor& slot) {
    const auto item = static_cast<std::size_t>(n);
    const Tensor on = Tensor::from<std::uint8_t>({pieces[item].K}, versions.draw(n, i), device);
    ops::show_regions(x[n], labels[item], on, off[item], slot);
  };
  score_versions(passes, input,
                 {.count = versions.count,
                  .first = versions.first,
                  .fill = show,
                  .on_device = true,
                  .use = [&](std::int64_t n, std::int64_t i, double score) {
                    versions.use(n, i, versions.draw(n, i), score);
                  }});
}

Explanation painted(const std::vector<Pieces>& pieces, std::vector<std::vector<double>> coefficients,
                    const ExplainOptions& options) {
  const auto N = static_cast<std::int64_t>(pieces.size());
  Explanation result{.maps = Tensor({N, pieces[0].labels.dim(0), pieces[0].labels.dim(1)})};
  for (std::int64_t n = 0; n < N; ++n) {
    const Pieces& one = pieces[static_cast<std::size_t>(n)];
    const std::vector<double>& w = coefficients[static_cast<std::size_t>(n)];
    std::vector<float> value(w.size());
    reduce_channels(w.data(), 1, one.K, reduction_of(options), value.data());
    result.maps[n].copy_from(paint_regions(one.labels, std::vector<double>(value.begin(), value.end())));
  }
  result.coefficients = std::move(coefficients);
  return result;
}

}  // namespace clearcut
