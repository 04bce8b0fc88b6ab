#include "explain/measures/measure.h"

#include <algorithm>
#include <limits>

#include "explain/methods.h"
#include "explain/pieces.h"
#include "explain/target.h"

namespace clearcut {

Subject::Subject(Classifier& classifier, ExplainInput input, Frame frame, Evidence known)
    : evidence(std::move(known)),
      input_(std::move(input)),
      frame_(frame),
      passes_(classifier, input_.budget_bytes) {
  check(input_.x.defined() && input_.x.rank() == 4 && input_.x.dim(0) == 1 && input_.targets.size() == 1 &&
            input_.items.size() == 1,
        "measure", "a subject is one picture [1, 3, H, W] with one target and one item id; got ",
        input_.x.defined() ? input_.x.shape() : Shape{}, ", ", input_.targets.size(), " and ",
        input_.items.size());
  check_target(input_.targets[0], classifier.classes());
}

std::vector<double> Subject::scores(std::int64_t count,
                                    const std::function<void(std::int64_t r, const Tensor& slot)>& fill,
                                    bool probability) {
  std::vector<double> result(static_cast<std::size_t>(count));
  const Target asked{.classes = target().classes, .probability = probability};
  passes_.scores({.count = count, .shape = input_.x.shape().without_leading(), .fill = fill},
                 [&](std::int64_t r, const float* z) {
                   result[static_cast<std::size_t>(r)] = target_score(z, passes_.classes(), asked);
                 });
  return result;
}

double Subject::score(bool probability) {
  return kept(probability ? "probability" : "logit", [&] {
    return scores(
        1, [&](std::int64_t, const Tensor& slot) { slot.copy_from(x()); }, probability);
  })[0];
}

const std::vector<double>& Subject::kept(const std::string& name,
                                         const std::function<std::vector<double>()>& make) {
  const auto found = kept_.find(name);
  return found != kept_.end() ? found->second : kept_.emplace(name, make()).first->second;
}

std::vector<float> Subject::colour(std::array<std::uint8_t, 3> rgb) const {
  const Tensor pixel = Tensor::from<std::uint8_t>({1, 1, 3}, {rgb[0], rgb[1], rgb[2]});
  return to_network_input(pixel, classifier().preprocess().pixels).values<float>();
}

Tensor map_over_input(const Tensor& map, std::int64_t height, std::int64_t width) {
  if (map.dim(0) == height && map.dim(1) == width) return map;
  const Box whole{0, 0, static_cast<double>(height), static_cast<double>(width)};
  return map_to_picture({whole, height, width, height, width}, map);
}

Tensor unit_scaled(const Tensor& map) {
  const float* from = map.data<const float>();
  const auto [low, high] = std::minmax_element(from, from + map.numel());
  Tensor result = Tensor::zeros(map.shape());
  if (!(*high > *low)) return result;
  const double bottom = *low, range = static_cast<double>(*high) - bottom;
  float* to = result.data<float>();
  for (std::int64_t i = 0; i < map.numel(); ++i) to[i] = static_cast<float>((from[i] - bottom) / range);
  return result;
}

Trial::Trial(Subject& subject, const ExplainOptions& explainer, const Explanation& said)
    : subject_(subject), explainer_(explainer), said_(said) {
  check(said.maps.defined() && said.maps.rank() == 3 && said.maps.dim(0) == 1, "measure",
        "an explanation of one picture is [1, h, w]; got ",
        said.maps.defined() ? said.maps.shape() : Shape{});
  map_ = map_over_input(said.maps[0], subject.height(), subject.width());
}

const Tensor& Trial::unit_map() {
  if (!unit_.defined()) unit_ = unit_scaled(map_);
  return unit_;
}

const Tensor& Trial::picture_map() {
  if (!picture_.defined()) picture_ = map_to_picture(subject_.frame(), said_.maps[0]);
  return picture_;
}

const Tensor& Trial::segments() {
  if (segments_.defined()) return segments_;
  const ExplainInput& input = subject_.input();
  const Preprocess& rule = subject_.classifier().preprocess();
  segments_ = explainer_.grid > 0      ? grid_labels(subject_.height(), subject_.width(), explainer_.grid)
              : input.segments.empty() ? superpixels(to_picture(rule, subject_.x()), explainer_.superpixels)
                                       : input.segments[0];
  return segments_;
}

const Tensor& Trial::signed_native() {
  if (signed_native_.defined()) return signed_native_;
  ExplainOptions options = explainer_;
  options.reduction = "signed";
  options.relu = false;
  signed_native_ = describe(options) == describe(explainer_)
                       ? said_.maps[0]
                       : explain(subject_.classifier(), subject_.input(), options)[0];
  return signed_native_;
}

const Tensor& Trial::signed_map() {
  if (!signed_.defined()) signed_ = map_over_input(signed_native(), subject_.height(), subject_.width());
  return signed_;
}

Tensor Trial::explain_again(Classifier& classifier, const Tensor& x, const Target& target) const {
  ExplainInput input = subject_.input();
  const auto n = static_cast<std::size_t>(x.dim(0));
  input.x = x;
  input.targets.assign(n, target);
  input.items.assign(n, subject_.item());
  if (!input.segments.empty()) input.segments.assign(n, subject_.input().segments[0]);
  return explain(classifier, input, explainer_);
}

const Verdict& Trial::kept(const std::string& name, const std::function<Verdict()>& make) {
  const auto found = kept_.find(name);
  return found != kept_.end() ? found->second : kept_.emplace(name, make()).first->second;
}

}  // namespace clearcut
