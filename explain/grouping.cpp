#include "explain/grouping.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "explain/lab.h"
#include "explain/regions.h"

namespace clearcut {

namespace {

constexpr std::size_t kColourBins = 25, kTextureBins = 10, kDirections = 8;
using Histogram = std::vector<double>;

// Three channels in [0, 1].
Tensor channels(const Tensor& picture, bool lab) {
  if (!lab) return picture_to_unit(picture);
  Tensor x = picture_to_lab(picture, false);
  double* p = x.data<double>();
  for (std::int64_t i = 0; i < x.numel(); ++i) p[i] = i % 3 == 0 ? p[i] / 100 : (p[i] + 128) / 255;
  return x;
}

// Bin of a value in [0, limit].
std::size_t bin_of(double value, double limit, std::size_t bins) {
  const double at = std::clamp(value / limit * static_cast<double>(bins), 0.0, static_cast<double>(bins - 1));
  return static_cast<std::size_t>(at);
}

void to_sum_one(Histogram& h) {
  double sum = 0;
  for (const double v : h) sum += v;
  for (double& v : h) v /= sum;
}

std::vector<Histogram> colour_histograms(const Tensor& x, const Tensor& superpixels, std::size_t K) {
  std::vector<Histogram> histograms(K, Histogram(3 * kColourBins));
  const double* p = x.data<const double>();
  const std::int32_t* label = superpixels.data<const std::int32_t>();
  for (std::int64_t i = 0; i < superpixels.numel(); ++i)
    for (std::size_t c = 0; c < 3; ++c)
      ++histograms[static_cast<std::size_t>(label[i])]
                  [c * kColourBins + bin_of(p[i * 3 + static_cast<std::int64_t>(c)], 1, kColourBins)];
  for (Histogram& h : histograms) to_sum_one(h);
  return histograms;
}

std::vector<Histogram> texture_histograms(const Tensor& x, const Tensor& superpixels, std::size_t K) {
  const double limit = 1 / std::sqrt(2 * 3.14159265358979323846);
  const Tensor smoothed = smooth(x, 1, smoothing_radius(1));
  const double* p = smoothed.data<const double>();
  const std::int32_t* label = superpixels.data<const std::int32_t>();
  const std::int64_t H = superpixels.dim(0), W = superpixels.dim(1);
  std::array<double, kDirections> cosine, sine;
  for (std::size_t d = 0; d < kDirections; ++d) {
    cosine[d] = std::cos(static_cast<double>(d) * 3.14159265358979323846 / 4);
    sine[d] = std::sin(static_cast<double>(d) * 3.14159265358979323846 / 4);
  }
  std::vector<Histogram> histograms(K, Histogram(3 * kDirections * kTextureBins));
  for (std::int64_t y = 0; y < H; ++y)
    for (std::int64_t col = 0; col < W; ++col)
      for (std::size_t c = 0; c < 3; ++c) {
        // Beyond the border the picture is mirrored: the pixel itself stands there.
        const auto at = [&](std::int64_t r, std::int64_t q) {
          return p[(std::clamp<std::int64_t>(r, 0, H - 1) * W + std::clamp<std::int64_t>(q, 0, W - 1)) * 3 +
                   static_cast<std::int64_t>(c)];
        };
        const double dx = (at(y, col + 1) - at(y, col - 1)) / 2, dy = (at(y + 1, col) - at(y - 1, col)) / 2;
        Histogram& h = histograms[static_cast<std::size_t>(label[y * W + col])];
        for (std::size_t d = 0; d < kDirections; ++d)
          ++h[(c * kDirections + d) * kTextureBins +
              bin_of(std::max(0.0, cosine[d] * dx + sine[d] * dy), limit, kTextureBins)];
      }
  for (Histogram& h : histograms) to_sum_one(h);
  return histograms;
}

double intersection(const Histogram& a, const Histogram& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::min(a[i], b[i]);
  return sum;
}

PixelBox around(const PixelBox& a, const PixelBox& b) {
  return {std::min(a.top, b.top), std::min(a.left, b.left), std::max(a.bottom, b.bottom),
          std::max(a.right, b.right)};
}

class Grouper {
 public:
  Grouper(const Tensor& picture, const Tensor& superpixels, const GroupingOptions& options)
      : options_(options), picture_size_(static_cast<double>(superpixels.numel())) {
    const auto K = static_cast<std::size_t>(region_count(superpixels));
    const Tensor x = channels(picture, options.lab);
    colour_ = colour_histograms(x, superpixels, K);
    texture_ = texture_histograms(x, superpixels, K);
    regions_.resize(K);
    beside_.resize(K);
    look_at(superpixels);
    for (std::size_t a = 0; a < K; ++a)
      for (const int b : beside_[a])
        if (b > static_cast<int>(a)) pair(static_cast<int>(a), b);
  }

  std::vector<Region> run() {
    while (!pairs_.empty()) {
      const Order best = *pairs_.begin();
      join(best.a, best.b, -best.similarity);
    }
    return regions_;
  }

 private:
  // The most similar first, then the lowest numbers.
  struct Order {
    double similarity;  // negative
    int a, b;
    auto operator<=>(const Order&) const = default;
  };

  void look_at(const Tensor& superpixels) {
    const std::int64_t H = superpixels.dim(0), W = superpixels.dim(1);
    const std::int32_t* label = superpixels.data<const std::int32_t>();
    for (std::int64_t i = 0; i < H * W; ++i) {
      Region& region = regions_[static_cast<std::size_t>(label[i])];
      const PixelBox pixel = {i / W, i % W, i / W + 1, i % W + 1};
      region.box = region.size++ == 0 ? pixel : around(region.box, pixel);
      for (const auto& [inside, q] : {std::pair{i % W + 1 < W, i + 1}, std::pair{i / W + 1 < H, i + W}})
        if (inside && label[q] != label[i]) {
          beside_[static_cast<std::size_t>(label[i])].insert(label[q]);
          beside_[static_cast<std::size_t>(label[q])].insert(label[i]);
        }
    }
  }

  double similarity(std::size_t a, std::size_t b) const {
    const double together = static_cast<double>(regions_[a].size + regions_[b].size);
    const double hole = static_cast<double>(around(regions_[a].box, regions_[b].box).area()) - together;
    return options_.colour * intersection(colour_[a], colour_[b]) +
           options_.texture * intersection(texture_[a], texture_[b]) +
           options_.size * (1 - together / picture_size_) + options_.fill * (1 - hole / picture_size_);
  }

  Order key(int a, int b) const {
    return {-similarity(static_cast<std::size_t>(a), static_cast<std::size_t>(b)), std::min(a, b),
            std::max(a, b)};
  }
  void pair(int a, int b) { pairs_.insert(key(a, b)); }

  static Histogram mixed(const Histogram& a, double weight_a, const Histogram& b, double weight_b) {
    Histogram h(a.size());
    for (std::size_t i = 0; i < h.size(); ++i)
      h[i] = (a[i] * weight_a + b[i] * weight_b) / (weight_a + weight_b);
    return h;
  }

  void join(int a, int b, double similarity) {
    const auto i = static_cast<std::size_t>(a), j = static_cast<std::size_t>(b);
    const int group = static_cast<int>(regions_.size());
    std::set<int> beside;
    for (const int part : {a, b})
      for (const int other : beside_[static_cast<std::size_t>(part)]) {
        pairs_.erase(key(part, other));
        beside_[static_cast<std::size_t>(other)].erase(part);
        if (other != a && other != b) beside.insert(other);
      }
    const auto m = static_cast<double>(regions_[i].size), n = static_cast<double>(regions_[j].size);
    colour_.push_back(mixed(colour_[i], m, colour_[j], n));
    texture_.push_back(mixed(texture_[i], m, texture_[j], n));
    regions_.push_back({.box = around(regions_[i].box, regions_[j].box),
                        .size = regions_[i].size + regions_[j].size,
                        .first = a,
                        .second = b,
                        .similarity = similarity});
    beside_.push_back(beside);
    for (const int other : beside) {
      beside_[static_cast<std::size_t>(other)].insert(group);
      pair(group, other);
    }
  }

  GroupingOptions options_;
  double picture_size_;
  std::vector<Region> regions_;
  std::vector<Histogram> colour_, texture_;
  std::vector<std::set<int>> beside_;
  std::set<Order> pairs_;
};

}  // namespace

Grouping group_regions(const Tensor& picture, const Tensor& superpixels, const GroupingOptions& options) {
  check(picture.defined() && superpixels.defined() && picture.rank() == 3 &&
            superpixels.shape() == Shape({picture.dim(0), picture.dim(1)}),
        "group_regions", "superpixels must be [H, W] of the picture [H, W, 3]");
  return {.superpixels = superpixels, .regions = Grouper(picture, superpixels, options).run()};
}

Tensor region_mask(const Grouping& grouping, int region) {
  check(region >= 0 && region < static_cast<int>(grouping.regions.size()), "region_mask", "there are ",
        grouping.regions.size(), " regions; got ", region);
  std::vector<char> in(grouping.regions.size());
  in[static_cast<std::size_t>(region)] = 1;
  for (int k = region; k >= 0; --k) {  // parts come before their groups
    const Region& r = grouping.regions[static_cast<std::size_t>(k)];
    if (in[static_cast<std::size_t>(k)] && r.first >= 0)
      in[static_cast<std::size_t>(r.first)] = in[static_cast<std::size_t>(r.second)] = 1;
  }
  Tensor mask(grouping.superpixels.shape(), DType::kUInt8);
  const std::int32_t* label = grouping.superpixels.data<const std::int32_t>();
  std::uint8_t* p = mask.data<std::uint8_t>();
  for (std::int64_t i = 0; i < mask.numel(); ++i)
    p[i] = static_cast<std::uint8_t>(in[static_cast<std::size_t>(label[i])]);
  return mask;
}

std::vector<PixelBox> proposal_boxes(const Grouping& grouping) {
  std::vector<PixelBox> boxes;
  std::set<PixelBox> seen;
  for (auto region = grouping.regions.rbegin(); region != grouping.regions.rend(); ++region)
    if (seen.insert(region->box).second) boxes.push_back(region->box);
  return boxes;
}

}  // namespace clearcut
