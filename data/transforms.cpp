#include "data/transforms.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <optional>

namespace clearcut {

namespace {

RandomStream stream_of(const RandomKey& key, const char* purpose) {
  return RandomStream(key.seed, purpose, key.item, key.step);
}

// Python's round: halves go to the even neighbour (the default rounding mode of nearbyint).
std::int64_t round_side(double side) {
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(std::nearbyint(side)));
}

// The labels, and their weights where there are some.
template <class F>
void for_each_map(LabelledPicture& x, const F& change) {
  for (Tensor* map : {&x.labels, &x.weights})
    if (map->defined()) change(*map);
}

// Both sides times factor; image and labels each from their own size.
void scale_by(LabelledPicture& x, double image_factor, double label_factor) {
  const auto side = [](std::int64_t n, double f) { return round_side(static_cast<double>(n) * f); };
  x.image = resize_picture(x.image, side(x.image.dim(0), image_factor), side(x.image.dim(1), image_factor),
                           Filter::kBilinear);
  for_each_map(x, [&](Tensor& map) {
    map = resize_labels(map, side(map.dim(0), label_factor), side(map.dim(1), label_factor));
  });
}

void resize_by(LabelledPicture& x, std::int64_t side, bool by_short) {
  check(side > 0, by_short ? "resize_by_short" : "resize_by_long", "the side must be 1 or more, got ", side);
  const auto factor = [&](const Tensor& t) {
    const std::int64_t now = by_short ? std::min(t.dim(0), t.dim(1)) : std::max(t.dim(0), t.dim(1));
    return static_cast<double>(side) / static_cast<double>(now);
  };
  scale_by(x, factor(x.image), x.labels.defined() ? factor(x.labels) : 1.0);
}

// Larger at the right and bottom, filled with `value`. [H, W] or [H, W, C]
template <class T>
Tensor pad_right_bottom(const Tensor& x, std::int64_t height, std::int64_t width, T value) {
  if (x.dim(0) == height && x.dim(1) == width) return x;
  Tensor y(x.shape().with(0, height).with(1, width), x.dtype());
  T* out = y.data<T>();
  std::fill(out, out + y.numel(), value);
  const std::int64_t channels = x.rank() == 3 ? x.dim(2) : 1, row = x.dim(1) * channels;
  const T* in = x.data<const T>();
  for (std::int64_t h = 0; h < x.dim(0); ++h) std::copy_n(in + h * row, row, out + h * width * channels);
  return y;
}

void pad_both(LabelledPicture& x, std::int64_t height, std::int64_t width, const PaddingCrop& options) {
  x.image = pad_right_bottom(x.image, height, width, options.image_value);
  if (x.labels.defined()) x.labels = pad_right_bottom(x.labels, height, width, options.label_value);
  if (x.weights.defined()) x.weights = pad_right_bottom(x.weights, height, width, 0);
}

void check_one_size(const char* op, const LabelledPicture& x) {
  check(!x.labels.defined() || (x.labels.dim(0) == x.image.dim(0) && x.labels.dim(1) == x.image.dim(1)), op,
        "image ", x.image.shape(), " and labels ", x.labels.defined() ? x.labels.shape() : Shape(),
        " must have one size here; resize both by the same rule first");
}

}  // namespace

LabelledPicture to_sample(const Tensor& picture, const Tensor& labels, const Tensor& weights) {
  return {picture.to(DType::kFloat32), labels, weights};
}

void resize_by_short(LabelledPicture& x, std::int64_t side) { resize_by(x, side, /*by_short=*/true); }
void resize_by_long(LabelledPicture& x, std::int64_t side) { resize_by(x, side, /*by_short=*/false); }

void resize_to(LabelledPicture& x, std::int64_t height, std::int64_t width) {
  x.image = resize_picture(x.image, height, width, Filter::kBilinear);
  for_each_map(x, [&](Tensor& map) { map = resize_labels(map, height, width); });
}

void resize_step_scaling(LabelledPicture& x, const StepScaling& options, const RandomKey& key) {
  check(options.min > 0 && options.min <= options.max && options.step >= 0, "resize_step_scaling",
        "needs 0 < min <= max and step >= 0; got ", options.min, ", ", options.max, ", ", options.step);
  const RandomStream stream = stream_of(key, "resize_step_scaling");
  double factor = options.min;
  if (options.step == 0) {
    factor = stream.uniform(0, options.min, options.max);
  } else {  // n points from min to max, evenly spaced
    const auto n = static_cast<std::int64_t>((options.max - options.min) / options.step + 1);
    const std::int64_t k = stream.below(0, n);
    if (n > 1) factor += static_cast<double>(k) * (options.max - options.min) / static_cast<double>(n - 1);
  }
  scale_by(x, factor, factor);
}

namespace {

struct Corner {
  std::int64_t top, left;
};

// A window around a pixel of the foreground; numbers 3 and on of the stream.
std::optional<Corner> window_of_foreground(const LabelledPicture& x, const PaddingCrop& o,
                                           const RandomStream& stream) {
  if (!x.labels.defined() || stream.uniform(2) >= o.foreground) return std::nullopt;
  std::map<std::int32_t, std::int64_t> pixels;
  const std::int32_t* y = x.labels.data<const std::int32_t>();
  for (std::int64_t i = 0; i < x.labels.numel(); ++i)
    if (y[i] != o.label_value && y[i] != o.background) ++pixels[y[i]];
  if (pixels.empty()) return std::nullopt;
  const auto chosen = std::next(pixels.begin(), stream.below(3, static_cast<std::int64_t>(pixels.size())));
  std::int64_t which = stream.below(4, chosen->second), at = 0;
  for (; y[at] != chosen->first || which-- > 0; ++at) {
  }
  const auto place = [&](int number, std::int64_t pixel, std::int64_t side, std::int64_t window) {
    const std::int64_t low = std::max<std::int64_t>(0, pixel - window + 1),
                       high = std::min(side - window, pixel);
    return low + stream.below(number, high - low + 1);
  };
  const std::int64_t W = x.labels.dim(1);
  return Corner{place(0, at / W, x.labels.dim(0), o.height), place(1, at % W, W, o.width)};
}

}  // namespace

void random_padding_crop(LabelledPicture& x, const PaddingCrop& options, const RandomKey& key) {
  check_one_size("random_padding_crop", x);
  check(options.height > 0 && options.width > 0, "random_padding_crop",
        "the window must be 1 x 1 or more, got ", options.height, " x ", options.width);
  pad_both(x, std::max(x.image.dim(0), options.height), std::max(x.image.dim(1), options.width), options);
  const RandomStream stream = stream_of(key, "random_padding_crop");
  std::optional<Corner> corner;
  if (options.foreground > 0) corner = window_of_foreground(x, options, stream);
  const std::int64_t top = corner ? corner->top : stream.below(0, x.image.dim(0) - options.height + 1);
  const std::int64_t left = corner ? corner->left : stream.below(1, x.image.dim(1) - options.width + 1);
  x.image = crop(x.image, top, left, options.height, options.width);
  for_each_map(x, [&](Tensor& map) { map = crop(map, top, left, options.height, options.width); });
}

void random_horizontal_flip(LabelledPicture& x, double chance, const RandomKey& key) {
  check(chance >= 0 && chance <= 1, "random_horizontal_flip", "the chance must be 0 to 1, got ", chance);
  if (stream_of(key, "random_horizontal_flip").uniform(0) >= chance) return;
  x.image = flip_columns(x.image);
  for_each_map(x, [](Tensor& map) { map = flip_columns(map); });
}

void random_distort(LabelledPicture& x, const Distort& options, const RandomKey& key) {
  struct Step {
    double range, chance;
    Tensor (*apply)(const Tensor&, double);
    double centre;
  };
  const Step steps[] = {{options.brightness, options.brightness_chance, enhance_brightness, 1},
                        {options.contrast, options.contrast_chance, enhance_contrast, 1},
                        {options.saturation, options.saturation_chance, enhance_saturation, 1},
                        {options.sharpness, options.sharpness_chance, enhance_sharpness, 1},
                        {options.hue, options.hue_chance, shift_hue, 0}};
  const RandomStream draws = stream_of(key, "random_distort");
  Tensor picture = x.image.to(DType::kUInt8);
  for (const std::int64_t i : permutation(stream_of(key, "random_distort order"), std::size(steps))) {
    const Step& step = steps[i];
    if (draws.uniform(2 * i) >= step.chance) continue;
    picture =
        step.apply(picture, draws.uniform(2 * i + 1, step.centre - step.range, step.centre + step.range));
  }
  x.image = picture.to(DType::kFloat32);
}

PaddedFrom pad_to(LabelledPicture& x, const PaddingCrop& options) {
  check_one_size("pad_to", x);
  const PaddedFrom from{x.image.dim(0), x.image.dim(1)};
  check(from.height <= options.height && from.width <= options.width, "pad_to", "the picture ", from.height,
        " x ", from.width, " is larger than ", options.height, " x ", options.width);
  pad_both(x, options.height, options.width, options);
  return from;
}

void random_resized_crop(LabelledPicture& x, const RandomResizedCrop& options, const RandomKey& key) {
  check(!x.labels.defined(), "random_resized_crop", "is for classifiers; there must be no label map");
  check(options.min_area > 0 && options.min_area <= options.max_area && options.max_area <= 1,
        "random_resized_crop", "needs 0 < min_area <= max_area <= 1; got ", options.min_area, ", ",
        options.max_area);
  const auto H = static_cast<double>(x.image.dim(0)), W = static_cast<double>(x.image.dim(1));
  const RandomStream stream = stream_of(key, "random_resized_crop");
  Box box = centre_square(x.image.dim(0), x.image.dim(1), 1.0);
  constexpr int kTries = 10;
  for (int i = 0; i < kTries; ++i) {
    const double area = H * W * stream.uniform(4 * i, options.min_area, options.max_area);
    const double aspect = std::exp(stream.uniform(4 * i + 1, std::log(3.0 / 4), std::log(4.0 / 3)));
    const double height = std::sqrt(area / aspect), width = std::sqrt(area * aspect);
    if (height > H || width > W) continue;
    box = {stream.uniform(4 * i + 2) * (H - height), stream.uniform(4 * i + 3) * (W - width), height, width};
    break;
  }
  x.image = resize_box(x.image, box, options.height, options.width, Filter::kTriangle);
}

Tensor normalize(const Tensor& image, const Normalize& options) {
  PixelScale pixels;
  for (std::size_t c = 0; c < 3; ++c) {
    check(options.deviation[c] > 0, "normalize", "deviations must be positive; channel ", c, " has ",
          options.deviation[c]);
    pixels.mean[c] = 255 * options.mean[c];
    pixels.scale[c] = 1 / (255 * options.deviation[c]);
  }
  return to_network_input(image, pixels);
}

}  // namespace clearcut
