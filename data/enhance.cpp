// The colour steps of data/transforms.h on 8-bit pixels.
#include <algorithm>
#include <array>
#include <cmath>

#include "data/transforms.h"

namespace clearcut {

namespace {

using Byte = std::uint8_t;

void check_rgb(const char* op, const Tensor& picture) {
  check(picture.rank() == 3 && picture.dim(2) == 3 && picture.dtype() == DType::kUInt8, op,
        "the picture must be uint8 [H, W, 3], got ", picture.dtype(), " ", picture.shape());
}

Byte cut(float v) { return static_cast<Byte>(v <= 0 ? 0 : v >= 255 ? 255 : v); }

// from + factor * (to - from), cut to 0..255 and truncated.
Byte blend(Byte from, Byte to, float factor) {
  return cut(static_cast<float>(from) + factor * static_cast<float>(to - from));
}

// ITU-R 601 luma in 16-bit fixed point: 0.299 R + 0.587 G + 0.114 B.
Byte luma(const Byte* rgb) {
  return static_cast<Byte>((rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >> 16);
}

// y = blend(base(i, c), x) where base(i, c) is channel c of pixel i of the picture that factor 0 would give.
template <class Base>
Tensor blend_with(const Tensor& picture, double factor, const Base& base) {
  const Tensor y = empty_like(picture);
  const auto* in = picture.data<const Byte>();
  auto* out = y.data<Byte>();
  for (std::int64_t i = 0; i < picture.numel(); ++i)
    out[i] = blend(base(i / 3, i % 3), in[i], static_cast<float>(factor));
  return y;
}

// 3 x 3 mean with weight 5 in the middle, sum 13; the outermost pixels stay.
Tensor smooth(const Tensor& picture) {
  const std::int64_t H = picture.dim(0), row = picture.dim(1) * 3;
  Tensor y = picture.clone();
  const auto* in = picture.data<const Byte>();
  auto* out = y.data<Byte>();
  for (std::int64_t h = 1; h + 1 < H; ++h)
    for (std::int64_t i = 3; i + 3 < row; ++i) {
      const Byte* p = in + h * row + i;
      int sum = 4 * p[0];
      for (int dy = -1; dy <= 1; ++dy)
        for (int dx = -1; dx <= 1; ++dx) sum += p[dy * row + 3 * dx];
      out[h * row + i] = static_cast<Byte>(static_cast<float>(sum) / 13.0F + 0.5F);
    }
  return y;
}

struct Hsv {
  Byte h, s, v;
};

// Hue as a share of a turn: 0 red, 1/3 green, 2/3 blue; times 255, truncated. Saturation = (max - min) / max.
// Source: A. R. Smith, "Color gamut transform pairs", SIGGRAPH 1978.
Hsv to_hsv(const Byte* rgb) {
  const int r = rgb[0], g = rgb[1], b = rgb[2];
  const int high = std::max({r, g, b}), low = std::min({r, g, b});
  if (high == low) return {0, 0, static_cast<Byte>(high)};
  const auto range = static_cast<float>(high - low);
  const float from_r = static_cast<float>(high - r) / range, from_g = static_cast<float>(high - g) / range,
              from_b = static_cast<float>(high - b) / range;
  double sixths = 0;
  if (r == high)
    sixths = from_b - from_g;
  else if (g == high)
    sixths = 2.0 + from_r - from_b;
  else
    sixths = 4.0 + from_g - from_r;
  const auto h = static_cast<float>(std::fmod(static_cast<float>(sixths) / 6.0 + 1.0, 1.0));
  const float s = range / static_cast<float>(high);
  return {cut(static_cast<float>(h * 255.0)), cut(static_cast<float>(s * 255.0)), static_cast<Byte>(high)};
}

void to_rgb(const Hsv& x, Byte* rgb) {
  if (x.s == 0) {
    std::fill(rgb, rgb + 3, x.v);
    return;
  }
  const int sector = static_cast<int>(std::floor(x.h * 6.0 / 255.0));
  const float part = static_cast<float>(x.h * 6.0 / 255.0 - sector);
  const float s = static_cast<float>(x.s / 255.0);
  const auto level = [&](double share) {
    return static_cast<Byte>(std::clamp(std::round(x.v * share), 0.0, 255.0));
  };
  const Byte v = x.v, p = level(1.0 - s), q = level(1.0 - s * part), t = level(1.0 - s * (1.0 - part));
  const std::array<std::array<Byte, 3>, 6> sectors = {
      {{v, t, p}, {q, v, p}, {p, v, t}, {p, q, v}, {t, p, v}, {v, p, q}}};
  std::copy_n(sectors[static_cast<std::size_t>(sector % 6)].begin(), 3, rgb);
}

}  // namespace

Tensor enhance_brightness(const Tensor& picture, double factor) {
  check_rgb("enhance_brightness", picture);
  return blend_with(picture, factor, [](std::int64_t, std::int64_t) { return Byte{0}; });
}

Tensor enhance_contrast(const Tensor& picture, double factor) {
  check_rgb("enhance_contrast", picture);
  const std::int64_t pixels = picture.numel() / 3;
  const auto* in = picture.data<const Byte>();
  std::int64_t sum = 0;
  for (std::int64_t i = 0; i < pixels; ++i) sum += luma(in + 3 * i);
  const double mean = static_cast<double>(sum) / static_cast<double>(std::max<std::int64_t>(pixels, 1));
  const auto gray = static_cast<Byte>(mean + 0.5);
  return blend_with(picture, factor, [=](std::int64_t, std::int64_t) { return gray; });
}

Tensor enhance_saturation(const Tensor& picture, double factor) {
  check_rgb("enhance_saturation", picture);
  const auto* in = picture.data<const Byte>();
  return blend_with(picture, factor, [=](std::int64_t i, std::int64_t) { return luma(in + 3 * i); });
}

Tensor enhance_sharpness(const Tensor& picture, double factor) {
  check_rgb("enhance_sharpness", picture);
  const Tensor smoothed = smooth(picture);
  const auto* base = smoothed.data<const Byte>();
  return blend_with(picture, factor, [=](std::int64_t i, std::int64_t c) { return base[3 * i + c]; });
}

Tensor shift_hue(const Tensor& picture, double delta) {
  check_rgb("shift_hue", picture);
  const Tensor y = empty_like(picture);
  const auto* in = picture.data<const Byte>();
  auto* out = y.data<Byte>();
  for (std::int64_t i = 0; i < picture.numel(); i += 3) {
    Hsv x = to_hsv(in + i);
    x.h = static_cast<Byte>(static_cast<int>(std::trunc(x.h + delta)) & 0xFF);  // 8-bit wrap-around
    to_rgb(x, out + i);
  }
  return y;
}

}  // namespace clearcut
