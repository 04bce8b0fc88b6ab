// Extremal perturbations: the smooth mask of a given area that keeps the score highest.
#include <algorithm>
#include <cmath>

#include "explain/perturbation.h"
#include "explain/versions.h"
#include "tensor/ops/blur_by.h"
#include "tensor/ops/mask_search.h"
#include "tensor/ops/smooth_mask.h"

namespace clearcut {

namespace {

// The settings of the published code.
constexpr double kRate = 0.01, kMomentum = 0.9, kAreaWeight = 300, kAreaGrowth = 1.0035;
constexpr std::int64_t kGroup = 8;  // pictures at a time: their blur levels are kept

// The masks of pictures under way, on the classifier's device.
class MaskSearch {
 public:
  MaskSearch(const Tensor& x, Device device, double area)  // x [N, 3, H, W]
      : weights_(ops::mask_weights(device)),
        p_(Tensor::full({x.dim(0), mask_parameters(x.dim(2)), mask_parameters(x.dim(3))}, 1, DType::kFloat64,
                        device)),
        speed_(zeros_like(p_)),
        mask_(ops::smooth_mask(p_, weights_)),
        dm_(empty_like(mask_.m)),
        zeros_(static_cast<std::int64_t>(static_cast<double>(mask_.m[0].numel()) * (1 - area))) {
    for (std::int64_t n = 0; n < x.dim(0); ++n) levels_.push_back(ops::blur_levels(x[n].to(device)));
  }

  void blur(std::int64_t n, bool mirrored, const Tensor& slot) const {
    ops::blur_by(levels_[static_cast<std::size_t>(n)], mask_.m[n], {kMaskMargin, mirrored}, slot);
  }
  // ds [3, H, W] is the gradient of the score of the picture that blur() made.
  void reward(std::int64_t n, bool mirrored, const Tensor& ds) const {
    ops::blur_by_backward(levels_[static_cast<std::size_t>(n)], mask_.m[n], ds, {kMaskMargin, mirrored},
                          dm_[n]);
  }
  // A step up the scores and down the distance from the area, when all have their reward.
  void step(double area_weight, double momentum) {
    ops::pull_to_area(mask_.m, zeros_, area_weight, dm_);
    ops::damped_step(ops::smooth_mask_backward(p_, mask_, dm_, weights_), {kRate, momentum}, speed_, p_);
    mask_ = ops::smooth_mask(p_, weights_);
  }
  void write(const Tensor& maps) const {  // [N, H, W]
    const Tensor m = mask_.m.to(Device::kCpu);
    const std::int64_t H = maps.dim(1), W = maps.dim(2);
    for (std::int64_t row = 0; row < maps.dim(0) * H; ++row) {
      const double* from = m[row / H].data<const double>() + (row % H + kMaskMargin) * m.dim(2) + kMaskMargin;
      std::transform(from, from + W, maps.data<float>() + row * W,
                     [](double v) { return static_cast<float>(std::clamp(v, 0.0, 1.0)); });
    }
  }

 private:
  Tensor weights_, p_, speed_;
  ops::SmoothMask mask_;
  Tensor dm_;
  std::int64_t zeros_;
  std::vector<Tensor> levels_;
};

void search_group(Passes& passes, const ExplainInput& input, const ExplainOptions& options,
                  std::int64_t begin, std::int64_t end, const Tensor& maps) {
  MaskSearch search(input.x.slice(begin, end), passes.device(), options.area);
  double area_weight = kAreaWeight;
  for (int t = 0; t + 1 < options.iterations; ++t, area_weight *= kAreaGrowth) {
    const bool mirrored = t % 2 == 0;
    passes.gradients(
        {.count = end - begin,
         .shape = input.x.shape().without_leading(),
         .fill = [&](std::int64_t r, const Tensor& slot) { search.blur(r, mirrored, slot); },
         .on_device = true},
        [&](std::int64_t r) -> const Target& { return input.targets[static_cast<std::size_t>(begin + r)]; },
        [&](std::int64_t r, const Tensor& ds) { search.reward(r, mirrored, ds); });
    search.step(area_weight, t == 0 ? 0 : kMomentum);
  }
  search.write(maps.slice(begin, end));
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
