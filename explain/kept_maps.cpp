#include "explain/kept_maps.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <utility>

#include "data/file_names.h"
#include "data/resize.h"
#include "tensor/stored.h"

namespace clearcut {

namespace {

// Nearest float16 (ties to even) of v in [0, 1].
std::uint16_t half_of(double v) {
  constexpr double kSmallestNormal = 1.0 / 16384;
  if (v < kSmallestNormal) return static_cast<std::uint16_t>(std::nearbyint(v * 16777216));
  int exponent = 0;
  const double fraction = std::frexp(v, &exponent);  // in [1/2, 1)
  return static_cast<std::uint16_t>((exponent + 14) * 1024 + std::nearbyint(fraction * 2048) - 1024);
}

template <class T>
const T* array(const NamedTensors& arrays, const char* name, const Shape& shape, const std::string& path) {
  const Tensor& x = find_array(arrays, name, path);
  check(x.shape() == shape, "maps", path, ": ", name, " must be ", shape, "; got ", x.shape());
  return x.data<const T>();
}
template <class T>
std::vector<T> numbers(const NamedTensors& arrays, const char* name, const Shape& shape,
                       const std::string& path) {
  const T* from = array<T>(arrays, name, shape, path);
  return {from, from + shape.numel()};
}

std::int64_t sized(std::size_t n) { return static_cast<std::int64_t>(n); }

}  // namespace

KeepOptions parse_keep(const std::string& text) {
  const std::size_t colon = text.find(':');
  const std::string type = text.substr(0, colon);
  check(type == "u8" || type == "f16", "maps", "they are kept as u8 or f16; got '", text, "'");
  KeepOptions keep{.type = type == "u8" ? MapType::kU8 : MapType::kF16};
  if (colon == std::string::npos) return keep;
  const auto [end, error] = std::from_chars(text.data() + colon + 1, text.data() + text.size(), keep.side);
  check(error == std::errc{} && end == text.data() + text.size() && keep.side >= 2 && keep.side <= 4096,
        "maps", "the side of kept maps must be 2 to 4096; got '", text, "'");
  return keep;
}

std::string describe(const KeepOptions& keep) {
  return cat(keep.type == MapType::kU8 ? "u8:" : "f16:", keep.side);
}

KeptPicture::KeptPicture(std::vector<int> labels, std::size_t classifiers, std::size_t explainers,
                         KeepOptions keep, std::string isa)
    : labels_(std::move(labels)),
      classifiers_(classifiers),
      explainers_(explainers),
      keep_(keep),
      isa_(std::move(isa)) {
  const std::size_t members = labels_.size() * classifiers_ * explainers_;
  maps_.resize(members * map_bytes());
  empty_.assign(members, 1);
  low_.resize(members);
  high_.resize(members);
  right_.resize(labels_.size() * classifiers_);
  probability_.resize(right_.size());
}

KeptPicture KeptPicture::renumbered(int shift) const {
  KeptPicture kept = *this;
  for (int& label : kept.labels_) label += shift;
  return kept;
}

std::size_t KeptPicture::map_bytes() const {
  return static_cast<std::size_t>(keep_.side * keep_.side) * (keep_.type == MapType::kF16 ? 2 : 1);
}

void KeptPicture::put(std::size_t label, std::size_t classifier, std::size_t explainer, const Tensor& map,
                      bool empty) {
  const std::size_t m = member(label, classifier, explainer);
  empty_[m] = empty ? 1 : 0;
  if (empty) return;
  const Tensor small = resize_picture(map.reshape(Shape{map.dim(0), map.dim(1), 1}), keep_.side, keep_.side);
  const float* p = small.data<const float>();
  const auto [low, high] = std::minmax_element(p, p + small.numel());
  low_[m] = *low;
  high_[m] = *high;
  const double bottom = *low, range = *high - bottom;
  std::uint8_t* to = maps_.data() + m * map_bytes();
  for (std::int64_t i = 0; i < small.numel(); ++i) {
    const double v = range > 0 ? (p[i] - bottom) / range : 0;
    if (keep_.type == MapType::kU8) {
      to[i] = static_cast<std::uint8_t>(std::lround(v * 255));
    } else {
      const std::uint16_t half = half_of(v);
      to[2 * i] = static_cast<std::uint8_t>(half & 255);
      to[2 * i + 1] = static_cast<std::uint8_t>(half >> 8);
    }
  }
}

void KeptPicture::put(std::size_t label, std::size_t classifier, const Belief& belief) {
  right_[label * classifiers_ + classifier] = belief.right ? 1 : 0;
  probability_[label * classifiers_ + classifier] = belief.probability;
}

Tensor KeptPicture::map(std::size_t label, std::size_t classifier, std::size_t explainer) const {
  const std::size_t m = member(label, classifier, explainer);
  Tensor y({keep_.side, keep_.side});
  float* to = y.data<float>();
  const std::uint8_t* from = maps_.data() + m * map_bytes();
  const double bottom = low_[m], range = high_[m] - bottom;
  for (std::int64_t i = 0; i < y.numel(); ++i) {
    const double v = keep_.type == MapType::kU8
                         ? from[i] / 255.0
                         : float_of_half(static_cast<std::uint16_t>(from[2 * i] + 256 * from[2 * i + 1]));
    to[i] = static_cast<float>(bottom + v * range);
  }
  return y;
}

bool KeptPicture::empty(std::size_t label, std::size_t classifier, std::size_t explainer) const {
  return empty_[member(label, classifier, explainer)] != 0;
}

Belief KeptPicture::belief(std::size_t label, std::size_t classifier) const {
  const std::size_t at = label * classifiers_ + classifier;
  return {.probability = probability_[at], .right = right_[at] != 0};
}

void KeptPicture::write(const std::string& path) const {
  const std::int64_t Q = sized(labels_.size()), K = sized(classifiers_), X = sized(explainers_);
  const std::int64_t width = keep_.side * (keep_.type == MapType::kF16 ? 2 : 1);
  const std::vector<std::uint8_t> isa(isa_.begin(), isa_.end());
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  write_npz(path, {{"labels", Tensor::from<std::int32_t>({Q}, {labels_.begin(), labels_.end()})},
                   {"maps", Tensor::from({Q, K, X, keep_.side, width}, maps_)},
                   {"low", Tensor::from({Q, K, X}, low_)},
                   {"high", Tensor::from({Q, K, X}, high_)},
                   {"empty", Tensor::from({Q, K, X}, empty_)},
                   {"probability", Tensor::from({Q, K}, probability_)},
                   {"right", Tensor::from({Q, K}, right_)},
                   {"isa", Tensor::from({sized(isa.size())}, isa)}});
}

KeptPicture KeptPicture::read(const std::string& path) {
  const NamedTensors arrays = read_npz(path);
  const Shape maps = find_array(arrays, "maps", path).shape();
  check(maps.rank() == 5 && (maps[4] == maps[3] || maps[4] == 2 * maps[3]), "maps", path,
        ": maps must be [labels, classifiers, explainers, S, S] or, as bytes of float16, [.., S, 2 S]; got ",
        maps);
  const Tensor& isa = find_array(arrays, "isa", path);
  const auto text = isa.values<std::uint8_t>();
  KeptPicture kept(numbers<std::int32_t>(arrays, "labels", {maps[0]}, path),
                   static_cast<std::size_t>(maps[1]), static_cast<std::size_t>(maps[2]),
                   {.type = maps[4] == maps[3] ? MapType::kU8 : MapType::kF16, .side = maps[3]},
                   std::string(text.begin(), text.end()));
  kept.take(arrays, path);
  return kept;
}

void KeptPicture::take(const NamedTensors& arrays, const std::string& path) {
  const Shape maps = find_array(arrays, "maps", path).shape();
  const Shape members{maps[0], maps[1], maps[2]}, answers{maps[0], maps[1]};
  maps_ = numbers<std::uint8_t>(arrays, "maps", maps, path);
  low_ = numbers<float>(arrays, "low", members, path);
  high_ = numbers<float>(arrays, "high", members, path);
  empty_ = numbers<std::uint8_t>(arrays, "empty", members, path);
  probability_ = numbers<double>(arrays, "probability", answers, path);
  right_ = numbers<std::uint8_t>(arrays, "right", answers, path);
}

std::string kept_path(const std::string& folder, const Item& item) {
  return cat(folder, "/maps/", path_below(item.name), ".npz");
}

}  // namespace clearcut
