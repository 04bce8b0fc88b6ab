#include "explain/views.h"

#include <algorithm>
#include <cmath>

#include "data/text_lines.h"
#include "explain/settings.h"
#include "tensor/ops/arithmetic.h"
#include "tensor/ops/resize.h"

namespace clearcut {

namespace {

std::vector<double> scales_of(const ExplainOptions& options) {
  if (options.scales.empty()) return {1};
  std::vector<double> scales;
  for (const std::string& word : split_at(options.scales, "+"))
    scales.push_back(read_number("scales", word, 0.05));
  return scales;
}

// Each row of the last dimension back to front.
Tensor mirrored(const Tensor& x) {
  Tensor y = empty_like(x);
  const std::int64_t W = x.dim(x.rank() - 1);
  const float* from = x.data<const float>();
  float* to = y.data<float>();
  for (std::int64_t i = 0; i < x.numel(); i += W) std::reverse_copy(from + i, from + i + W, to + i);
  return y;
}

Tensor resized(const Tensor& x, std::int64_t H, std::int64_t W) {
  return x.dim(2) == H && x.dim(3) == W ? x : ops::resize_bilinear(x, {H, W}, false);
}

}  // namespace

bool has_views(const ExplainOptions& options) { return options.flip || !options.scales.empty(); }

Explanation explain_views(Classifier& classifier, const ExplainInput& input, const ExplainOptions& options) {
  const std::int64_t N = input.x.dim(0), H = input.x.dim(2), W = input.x.dim(3);
  ExplainOptions plain = options;
  plain.scales.clear();
  plain.flip = false;
  const std::vector<double> scales = scales_of(options);
  Tensor sum;
  for (const double scale : scales)
    for (int flip = 0; flip <= static_cast<int>(options.flip); ++flip) {
      ExplainInput view = input;
      view.segments.clear();
      view.x = resized(input.x, std::max(1L, std::lround(scale * static_cast<double>(H))),
                       std::max(1L, std::lround(scale * static_cast<double>(W))));
      if (flip != 0) view.x = mirrored(view.x);
      Tensor maps = explain(classifier, view, plain);
      if (flip != 0) maps = mirrored(maps);
      maps = resized(maps.reshape({N, 1, maps.dim(1), maps.dim(2)}), H, W);
      sum = sum.defined() ? ops::add(sum, maps) : maps;
    }
  const double count = static_cast<double>(scales.size()) * (options.flip ? 2 : 1);
  return {.maps = ops::mul(sum, Tensor::full({}, 1 / count)).reshape({N, H, W})};
}

}  // namespace clearcut
