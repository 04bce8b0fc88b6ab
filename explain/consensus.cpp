#include "explain/consensus.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "data/text_lines.h"
#include "explain/pssl.h"
#include "explain/regions.h"

namespace clearcut {

namespace {

constexpr std::array<std::pair<const char*, Variant>, 7> kVariants = {{{"abs", Variant::kAbs},
                                                                       {"square", Variant::kSquare},
                                                                       {"minmax", Variant::kMinMax},
                                                                       {"percentile", Variant::kPercentile},
                                                                       {"rank", Variant::kRank},
                                                                       {"lime", Variant::kLime},
                                                                       {"regions", Variant::kRegions}}};
constexpr std::array<std::pair<const char*, Wrong>, 3> kWrongs = {
    {{"keep", Wrong::kKeep}, {"downweight", Wrong::kDownweight}, {"drop", Wrong::kDrop}}};
constexpr std::array<std::pair<const char*, MemberWeights>, 3> kWeights = {
    {{"uniform", MemberWeights::kUniform},
     {"accuracy", MemberWeights::kAccuracy},
     {"agreement", MemberWeights::kAgreement}}};

template <class List>
auto from_name(const char* what, const List& list, std::string_view name) {
  std::string known;
  for (const auto& [word, value] : list) {
    if (name == word) return value;
    known += known.empty() ? word : cat(", ", word);
  }
  fail(what, "must be one of ", known, "; got '", name, "'");
}
template <class List, class E>
std::string_view to_name(const List& list, E value) {
  for (const auto& [word, known] : list)
    if (known == value) return word;
  fail("consensus", "a value without a name");
}

// From the smallest value to `top`, or to the largest if that is not above the smallest; cut at 1.
Tensor scaled(const Tensor& map, double top) {
  Tensor y = zeros_like(map);
  const float* from = map.data<const float>();
  const auto [low, high] = std::minmax_element(from, from + map.numel());
  if (map.numel() == 0 || *low == *high) return y;
  const double bottom = *low, range = (top > bottom ? top : *high) - bottom;
  float* to = y.data<float>();
  for (std::int64_t i = 0; i < map.numel(); ++i)
    to[i] = static_cast<float>(std::min(1.0, (from[i] - bottom) / range));
  return y;
}
Tensor scaled(const Tensor& map) { return scaled(map, -std::numeric_limits<double>::infinity()); }

// Between the two pixels around place q (n - 1) of the sorted ones, as numpy.percentile.
double percentile(const Tensor& map, double q) {
  std::vector<float> values = map.values<float>();
  const double place = q * static_cast<double>(values.size() - 1);
  const auto below = values.begin() + static_cast<std::ptrdiff_t>(place);
  std::nth_element(values.begin(), below, values.end());
  const double low = *below, part = place - std::floor(place);
  if (part == 0) return low;
  const double high = *std::min_element(below + 1, values.end());
  return low + part * (high - low);
}

Tensor superpixel_share(const MemberMap& member) {
  std::vector<double> w = member.coefficients;
  const auto K = static_cast<std::size_t>(region_count(member.segments));
  if (w.empty()) w = region_averages(member.map, member.segments);
  w.resize(K, 0);
  const double norm = std::sqrt(std::inner_product(w.begin(), w.end(), w.begin(), 0.0));
  for (double& value : w) value = norm > 0 ? value * value / norm : 0;
  return paint_regions(member.segments, w);
}

bool constant(const Tensor& x) {
  const float* p = x.data<const float>();
  const auto [low, high] = std::minmax_element(p, p + x.numel());
  return x.numel() == 0 || *low == *high;
}

}  // namespace

Variant variant_from_name(std::string_view name) { return from_name("consensus", kVariants, name); }
std::string_view name_of(Variant variant) { return to_name(kVariants, variant); }
std::vector<std::string> variant_names() {
  std::vector<std::string> names;
  for (const auto& [word, value] : kVariants) names.emplace_back(word);
  return names;
}
bool needs_superpixels(Variant variant) { return variant == Variant::kLime || variant == Variant::kRegions; }
Wrong wrong_from_name(std::string_view name) { return from_name("wrong", kWrongs, name); }
std::string_view name_of(Wrong wrong) { return to_name(kWrongs, wrong); }
MemberWeights weights_from_name(std::string_view name) { return from_name("weights", kWeights, name); }
std::string_view name_of(MemberWeights weights) { return to_name(kWeights, weights); }

Fusion parse_fusion(const std::string& text) {
  const std::vector<std::string> parts = split_at(text, ":");
  Fusion fusion{.variant = variant_from_name(parts.empty() ? "" : parts[0])};
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const auto weights = std::find_if(kWeights.begin(), kWeights.end(),
                                      [&](const auto& known) { return parts[i] == known.first; });
    const auto wrong = std::find_if(kWrongs.begin(), kWrongs.end(),
                                    [&](const auto& known) { return parts[i] == known.first; });
    check(weights != kWeights.end() || wrong != kWrongs.end(), "fusion",
          "behind the name may stand keep, downweight, drop; uniform, accuracy, agreement; got '", parts[i],
          "' in '", text, "'");
    if (weights != kWeights.end()) fusion.weights = weights->second;
    if (wrong != kWrongs.end()) fusion.wrong = wrong->second;
  }
  return fusion;
}
std::string describe(const Fusion& fusion) {
  std::string text(name_of(fusion.variant));
  if (fusion.wrong != Wrong::kKeep) text += cat(":", name_of(fusion.wrong));
  if (fusion.weights != MemberWeights::kUniform) text += cat(":", name_of(fusion.weights));
  return text;
}
bool needs_beliefs(const Fusion& fusion) { return fusion.wrong != Wrong::kKeep; }

Tensor member_share(Variant variant, const MemberMap& member) {
  check(member.map.defined() && member.map.rank() == 2 && member.map.dtype() == DType::kFloat32, "consensus",
        "a member's map must be float32 [H, W]; got ",
        member.map.defined() ? cat(member.map.dtype(), " ", member.map.shape()) : "nothing");
  check(!needs_superpixels(variant) ||
            (member.segments.defined() && member.segments.shape() == member.map.shape()),
        "consensus", "variant ", name_of(variant), " needs superpixels of the map's size ",
        member.map.shape());
  if (constant(member.map)) return zeros_like(member.map);
  if (variant == Variant::kMinMax) return scaled(member.map);
  if (variant == Variant::kPercentile) return scaled(member.map, percentile(member.map, 0.99));
  if (variant == Variant::kRank) return strength(member.map, Measure::kRank);
  if (variant == Variant::kLime) return superpixel_share(member);
  if (variant == Variant::kRegions) return scaled(region_means(member.map, member.segments));
  if (variant == Variant::kSquare && member.square.defined()) return member.square;
  Tensor e = member.map.clone();
  float* p = e.data<float>();
  for (std::int64_t i = 0; i < e.numel(); ++i)
    p[i] = variant == Variant::kSquare ? p[i] * p[i] : std::abs(p[i]);
  return e;
}

Consensus::Consensus(std::int64_t height, std::int64_t width, double vote_at)
    : shape_({height, width}),
      vote_at_(vote_at),
      sum_(static_cast<std::size_t>(shape_.numel())),
      directions_(sum_.size()),
      votes_(sum_.size()) {}

void Consensus::add(const Tensor& e, double weight) {
  check(e.shape() == shape_, "consensus", "members must have the size ", shape_, "; got ", e.shape());
  check(weight >= 0 && std::isfinite(weight), "consensus", "weights must be >= 0; got ", weight);
  const float* p = e.data<const float>();
  double square = 0;
  for (std::size_t i = 0; i < sum_.size(); ++i) square += static_cast<double>(p[i]) * p[i];
  if (weight == 0 || !(square > 0)) return;
  const double norm = std::sqrt(square);
  const auto [low, high] = std::minmax_element(p, p + sum_.size());
  const double bar = *low + vote_at_ * (static_cast<double>(*high) - *low);
  for (std::size_t i = 0; i < sum_.size(); ++i) {
    sum_[i] += weight * p[i];
    directions_[i] += p[i] / norm;
    votes_[i] += p[i] >= bar ? weight : 0;
  }
  weight_ += weight;
  ++members_;
}

bool Consensus::empty() const {
  const auto [low, high] = std::minmax_element(sum_.begin(), sum_.end());
  return members_ == 0 || *low == *high;
}

namespace {
Tensor divided(const Shape& shape, const std::vector<double>& sum, double by) {
  Tensor y(shape);
  float* p = y.data<float>();
  for (std::size_t i = 0; i < sum.size(); ++i) p[i] = static_cast<float>(by > 0 ? sum[i] / by : 0);
  return y;
}
}  // namespace

Tensor Consensus::mean() const { return divided(shape_, sum_, weight_); }
Tensor Consensus::votes() const { return divided(shape_, votes_, weight_); }

double Consensus::agreement() const {
  if (members_ == 0) return std::nan("");
  if (members_ == 1) return 1;
  const double m = members_;
  const double square = std::inner_product(directions_.begin(), directions_.end(), directions_.begin(), 0.0);
  return (square - m) / (m * (m - 1));
}

double Consensus::agreement_of(const Tensor& e) const {
  check(e.shape() == shape_, "consensus", "members must have the size ", shape_, "; got ", e.shape());
  const float* p = e.data<const float>();
  double product = 0, square = 0;
  for (std::size_t i = 0; i < directions_.size(); ++i) {
    product += directions_[i] * p[i];
    square += static_cast<double>(p[i]) * p[i];
  }
  if (!(square > 0)) return 0;
  return members_ < 2 ? 1 : std::max(0.0, (product / std::sqrt(square) - 1) / (members_ - 1));
}

double cosine(const Tensor& a, const Tensor& b) {
  check(a.shape() == b.shape(), "cosine", "maps differ in size: ", a.shape(), " and ", b.shape());
  const float* p = a.data<const float>();
  const float* q = b.data<const float>();
  double pq = 0, pp = 0, qq = 0;
  for (std::int64_t i = 0; i < a.numel(); ++i) {
    pq += static_cast<double>(p[i]) * q[i];
    pp += static_cast<double>(p[i]) * p[i];
    qq += static_cast<double>(q[i]) * q[i];
  }
  return pp > 0 && qq > 0 ? pq / std::sqrt(pp * qq) : 0;
}

std::vector<double> belief_weights(Wrong wrong, const std::vector<Belief>& beliefs) {
  std::vector<double> weights(beliefs.size(), 1);
  const bool some_right =
      std::any_of(beliefs.begin(), beliefs.end(), [](const Belief& b) { return b.right; });
  for (std::size_t k = 0; k < beliefs.size() && wrong != Wrong::kKeep; ++k)
    weights[k] = wrong == Wrong::kDrop && some_right ? (beliefs[k].right ? 1 : 0) : beliefs[k].probability;
  if (std::all_of(weights.begin(), weights.end(), [](double w) { return !(w > 0); }))
    std::fill(weights.begin(), weights.end(), 1.0);
  return weights;
}

std::vector<double> classifier_weights(const Fusion& fusion, const std::vector<Belief>& beliefs,
                                       const std::vector<double>& accuracy) {
  std::vector<double> weights = belief_weights(fusion.wrong, beliefs);
  if (fusion.weights != MemberWeights::kAccuracy) return weights;
  check(accuracy.size() == weights.size(), "weights", "there are ", weights.size(), " classifiers, but ",
        accuracy.size(), " accuracies; a file of them is needed, as the classifiers.json of label fuse");
  bool any = false;
  for (std::size_t k = 0; k < weights.size(); ++k) any = (weights[k] *= accuracy[k]) > 0 || any;
  return any ? weights : std::vector<double>(weights.size(), 1);
}

}  // namespace clearcut
