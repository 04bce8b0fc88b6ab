// Extremal perturbations: the smooth mask of a given area that keeps the score highest.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "explain/perturbation.h"
#include "explain/smooth_mask.h"
#include "explain/versions.h"

namespace clearcut {

namespace {

// The settings of the published code.
constexpr double kRate = 0.01, kMomentum = 0.9, kAreaWeight = 300, kAreaGrowth = 1.0035;
constexpr std::int64_t kStep = 7, kSigma = 21;
constexpr std::int64_t kGroup = 8;  // pictures at a time: their blur levels are kept

// d/dm of  weight mean over pixels of (sorted m - r)^2  where the last `ones` values of r are 1, the others
// 0. Values that differ by less than 1e-9 count as equal, and earlier pixels come first.
std::vector<double> area_gradient(const std::vector<double>& m, std::size_t zeros, double weight) {
  std::vector<std::pair<std::int64_t, std::size_t>> order(m.size());
  for (std::size_t i = 0; i < m.size(); ++i) order[i] = {std::llround(m[i] * 1e9), i};
  std::sort(order.begin(), order.end());
  std::vector<double> dm(m.size());
  const double scale = 2 * weight / static_cast<double>(m.size());
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    const std::size_t i = order[rank].second;
    dm[i] = scale * (m[i] - (rank < zeros ? 0 : 1));
  }
  return dm;
}

void flip_columns(float* plane, std::int64_t rows, std::int64_t W) {
  for (std::int64_t y = 0; y < rows; ++y) std::reverse(plane + y * W, plane + (y + 1) * W);
}

// The mask of one picture under way.
class MaskSearch {
 public:
  MaskSearch(const SmoothMask& shape, const Tensor& x, double area)
      : shape_(shape),
        levels_(blur_levels(x)),
        H_(x.dim(1)),
        W_(x.dim(2)),
        zeros_(static_cast<std::size_t>(static_cast<double>(shape.pixels()) * (1 - area))),
        p_(static_cast<std::size_t>(shape.parameters()), 1),
        cropped_(static_cast<std::size_t>(H_ * W_)) {}

  // Makes the mask of the parameters.
  void draw() {
    shape_.forward(p_, m_);
    for (std::int64_t y = 0; y < H_; ++y)
      for (std::int64_t x = 0; x < W_; ++x)
        cropped_[static_cast<std::size_t>(y * W_ + x)] =
            std::clamp(m_[static_cast<std::size_t>(shape_.at(y, x))], 0.0, 1.0);
  }
  void blur(bool flipped, const Tensor& slot) const {
    blur_by(levels_, cropped_, slot);
    if (flipped) flip_columns(slot.data<float>(), 3 * H_, W_);
  }
  // A step up the score and down the distance from the area; ds [3, H, W] is the score's gradient.
  void step(const float* ds, bool flipped, double area_weight) {
    std::vector<float> upright(ds, ds + 3 * H_ * W_);
    if (flipped) flip_columns(upright.data(), 3 * H_, W_);
    std::vector<double> dm = area_gradient(m_, zeros_, area_weight);
    const std::vector<double> reward = blur_by_backward(levels_, cropped_, upright.data());
    for (std::int64_t y = 0; y < H_; ++y)
      for (std::int64_t x = 0; x < W_; ++x)
        dm[static_cast<std::size_t>(shape_.at(y, x))] -= reward[static_cast<std::size_t>(y * W_ + x)];
    const std::vector<double> dp = shape_.backward(p_, m_, dm);
    const bool first = speed_.empty();
    speed_.resize(dp.size());
    for (std::size_t i = 0; i < dp.size(); ++i) {
      speed_[i] = first ? dp[i] : kMomentum * speed_[i] + (1 - kMomentum) * dp[i];
      p_[i] = std::clamp(p_[i] - kRate * speed_[i], 0.0, 1.0);
    }
  }
  void write(float* map) const {
    std::transform(cropped_.begin(), cropped_.end(), map, [](double v) { return static_cast<float>(v); });
  }

 private:
  const SmoothMask& shape_;
  Tensor levels_;
  std::int64_t H_, W_;
  std::size_t zeros_;
  std::vector<double> p_, speed_, m_, cropped_;
};

void search_group(Passes& passes, const ExplainInput& input, const ExplainOptions& options,
                  std::int64_t begin, std::int64_t end, const Tensor& maps) {
  const SmoothMask shape(input.x.dim(2), input.x.dim(3), kStep, kSigma);
  std::vector<MaskSearch> searches;
  for (std::int64_t n = begin; n < end; ++n) searches.emplace_back(shape, input.x[n], options.area);
  const auto search = [&](std::int64_t r) -> MaskSearch& { return searches[static_cast<std::size_t>(r)]; };
  double area_weight = kAreaWeight;
  for (int t = 0; t < options.iterations; ++t, area_weight *= kAreaGrowth) {
    const bool flipped = t % 2 == 0;
    for (MaskSearch& one : searches) one.draw();
    if (t + 1 == options.iterations) break;  // the map is the mask of the last iteration
    passes.gradients(
        {.count = end - begin,
         .shape = input.x.shape().without_leading(),
         .fill = [&](std::int64_t r, const Tensor& slot) { search(r).blur(flipped, slot); }},
        [&](std::int64_t r) -> const Target& { return input.targets[static_cast<std::size_t>(begin + r)]; },
        [&](std::int64_t r, const Tensor& ds) {
          const Tensor here = ds.to(Device::kCpu);
          search(r).step(here.data<const float>(), flipped, area_weight);
        });
  }
  for (std::int64_t n = begin; n < end; ++n) search(n - begin).write(maps[n].data<float>());
}

}  // namespace

Explanation extremal_perturbation(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  check(options.area > 0 && options.area < 1, "extremal", "area must be in (0, 1); got ", options.area);
  Explanation result{.maps = empty_maps(input)};
  const std::int64_t N = input.x.dim(0);
  for (std::int64_t begin = 0; begin < N; begin += kGroup)
    search_group(passes, input, options, begin, std::min(N, begin + kGroup), result.maps);
  return result;
}

}  // namespace clearcut
