#include "data/visual.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "tensor/error.h"

namespace clearcut {
namespace {

constexpr Rgb kFlat{128, 128, 128}, kIgnored{224, 224, 224};

std::uint8_t to_byte(double value) {
  return static_cast<std::uint8_t>(std::clamp(std::floor(value + 0.5), 0.0, 255.0));
}

void put(std::uint8_t* pixel, const Rgb& c) { pixel[0] = c.r, pixel[1] = c.g, pixel[2] = c.b; }

Rgb colour_of(std::int32_t label, const std::vector<Rgb>& colours, int ignore) {
  if (label == ignore) return kIgnored;
  return label >= 0 && label < static_cast<std::int32_t>(colours.size())
             ? colours[static_cast<std::size_t>(label)]
             : Rgb{};
}

/// True if a pixel above, below, left or right has another label.
bool on_edge(const std::int32_t* labels, std::int64_t i, std::int64_t j, std::int64_t height,
             std::int64_t width) {
  const std::int32_t here = labels[i * width + j];
  return (i > 0 && labels[(i - 1) * width + j] != here) ||
         (i + 1 < height && labels[(i + 1) * width + j] != here) ||
         (j > 0 && labels[i * width + j - 1] != here) || (j + 1 < width && labels[i * width + j + 1] != here);
}

}  // namespace

Rgb heat_colour(double t) {
  static constexpr std::array<Rgb, 8> kRamp = {{{68, 1, 84},
                                                {70, 50, 126},
                                                {54, 92, 141},
                                                {39, 127, 142},
                                                {31, 161, 135},
                                                {74, 193, 109},
                                                {160, 218, 57},
                                                {253, 231, 37}}};
  const double at = std::clamp(t, 0.0, 1.0) * (kRamp.size() - 1);
  const std::size_t low = std::min(static_cast<std::size_t>(at), kRamp.size() - 2);
  const double f = at - static_cast<double>(low);
  const Rgb &a = kRamp[low], &b = kRamp[low + 1];
  return {to_byte(a.r + f * (b.r - a.r)), to_byte(a.g + f * (b.g - a.g)), to_byte(a.b + f * (b.b - a.b))};
}

Tensor heat_picture(const Tensor& map) {
  check_rank("heat_picture", "map", map, 2, "[H, W]");
  Tensor y(Shape{map.dim(0), map.dim(1), 3}, DType::kUInt8);
  const auto* x = map.data<const float>();
  auto* pixel = y.data<std::uint8_t>();
  const auto [low, high] = std::minmax_element(x, x + map.numel());
  for (std::int64_t i = 0; i < map.numel(); ++i, pixel += 3)
    put(pixel, *high > *low ? heat_colour((x[i] - *low) / (*high - *low)) : kFlat);
  return y;
}

Tensor label_picture(const Tensor& labels, const std::vector<Rgb>& colours, int ignore) {
  check_rank("label_picture", "labels", labels, 2, "[H, W]");
  Tensor y(Shape{labels.dim(0), labels.dim(1), 3}, DType::kUInt8);
  const auto* label = labels.data<const std::int32_t>();
  auto* pixel = y.data<std::uint8_t>();
  for (std::int64_t i = 0; i < labels.numel(); ++i, pixel += 3)
    put(pixel, colour_of(label[i], colours, ignore));
  return y;
}

Tensor overlay(const Tensor& picture, const Tensor& labels, const std::vector<Rgb>& colours,
               const OverlayOptions& options) {
  check_rank("overlay", "picture", picture, 3, "[H, W, 3]");
  check_rank("overlay", "labels", labels, 2, "[H, W]");
  const std::int64_t height = labels.dim(0), width = labels.dim(1);
  check(picture.dim(0) == height && picture.dim(1) == width, "overlay", "picture is ", picture.shape(),
        " but labels are ", labels.shape());
  Tensor y = picture.clone();
  const auto* label = labels.data<const std::int32_t>();
  auto* pixel = y.data<std::uint8_t>();
  for (std::int64_t i = 0; i < height; ++i)
    for (std::int64_t j = 0; j < width; ++j, pixel += 3) {
      const std::int32_t here = label[i * width + j];
      const bool edge = options.outline && on_edge(label, i, j, height, width);
      if (here == options.background) continue;
      const Rgb c = colour_of(here, colours, options.ignore);
      const double a = edge ? 1 : options.opacity;
      put(pixel, {to_byte((1 - a) * pixel[0] + a * c.r), to_byte((1 - a) * pixel[1] + a * c.g),
                  to_byte((1 - a) * pixel[2] + a * c.b)});
    }
  return y;
}

}  // namespace clearcut
