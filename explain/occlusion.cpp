// Occlusion: how much the score drops when a window of the picture is covered.
#include <algorithm>

#include "explain/perturbation.h"
#include "explain/versions.h"
#include "tensor/ops/rearrange.h"

namespace clearcut {

namespace {

// Where windows stand along one side.
struct Windows {
  std::int64_t side, window, stride, count;

  Windows(std::int64_t length, const ExplainOptions& options)
      : side(length),
        window(std::min<std::int64_t>(options.window, length)),
        stride(options.stride),
        count(0) {
    check(options.window >= 1 && options.stride >= 1, "occlusion", "window and stride must be >= 1; got ",
          options.window, " and ", options.stride);
    count = (length - window + stride - 1) / stride + 1;
  }
  std::int64_t begin(std::int64_t i) const { return i * stride; }
  std::int64_t end(std::int64_t i) const { return std::min(side, i * stride + window); }
};

class Occluder {
 public:
  Occluder(const ExplainInput& input, const ExplainOptions& options, Device device)
      : x_(input.x.to(device)), rows_(input.x.dim(2), options), columns_(input.x.dim(3), options) {
    check(options.stride <= options.window, "occlusion",
          "stride must be <= window, or pixels are never covered; got ", options.stride, " and ",
          options.window);
    for (std::int64_t n = 0; n < input.x.dim(0); ++n)
      baselines_.push_back(baseline_of(input.x[n], options.baseline).to(device));
  }

  std::int64_t windows() const { return rows_.count * columns_.count; }

  // The picture with window i - 1 covered; i = 0: as it is.
  void show(std::int64_t n, std::int64_t i, const Tensor& slot) const {
    slot.copy_from(x_[n]);
    if (i == 0) return;
    const Size2 corner{rows_.begin(row(i - 1)), columns_.begin(column(i - 1))};
    const Size2 size{rows_.end(row(i - 1)) - corner.h, columns_.end(column(i - 1)) - corner.w};
    ops::copy_box(baselines_[static_cast<std::size_t>(n)], corner, slot, corner, size);
  }

  // Adds `value` to the pixels of window i.
  void add(std::int64_t i, double value, std::vector<double>& map) const {
    for (std::int64_t y = rows_.begin(row(i)); y < rows_.end(row(i)); ++y)
      for (std::int64_t x = columns_.begin(column(i)); x < columns_.end(column(i)); ++x)
        map[static_cast<std::size_t>(y * columns_.side + x)] += value;
  }

 private:
  std::int64_t row(std::int64_t i) const { return i / columns_.count; }
  std::int64_t column(std::int64_t i) const { return i % columns_.count; }

  Tensor x_;
  Windows rows_, columns_;
  std::vector<Tensor> baselines_;
};

}  // namespace

Explanation occlusion(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  const Occluder occluder(input, options, passes.device());
  const std::int64_t N = input.x.dim(0), pixels = input.x.dim(2) * input.x.dim(3);
  std::vector<double> covers(static_cast<std::size_t>(pixels)), map(covers.size());
  for (std::int64_t i = 0; i < occluder.windows(); ++i) occluder.add(i, 1, covers);
  Explanation result{.maps = empty_maps(input)};
  double whole = 0;  // the score of the picture as it is
  const auto use = [&](std::int64_t n, std::int64_t i, double score) {
    if (i == 0) {
      whole = score;
      std::fill(map.begin(), map.end(), 0.0);
      return;
    }
    occluder.add(i - 1, whole - score, map);
    if (i < occluder.windows()) return;
    if (options.overlap == Overlap::kMean)
      for (std::size_t j = 0; j < map.size(); ++j) map[j] /= covers[j];
    reduce_channels(map.data(), 1, pixels, reduction_of(options), result.maps.data<float>() + n * pixels);
  };
  score_versions(
      passes, input,
      {.count = std::vector<std::int64_t>(static_cast<std::size_t>(N), 1 + occluder.windows()),
       .fill = [&](std::int64_t n, std::int64_t i, const Tensor& slot) { occluder.show(n, i, slot); },
       .on_device = true,
       .use = use});
  return result;
}

}  // namespace clearcut
