#include "explain/lab.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "tensor/parallel.h"

namespace clearcut {

namespace {

double linear_light(double value) {
  return value <= 0.04045 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4);
}

// The cube root with a straight piece near 0.
double lab_curve(double t) { return t > 0.008856 ? std::cbrt(t) : 7.787 * t + 16.0 / 116; }

void check_picture(const char* op, const Tensor& picture) {
  check(picture.defined() && picture.rank() == 3 && picture.dim(2) == 3 && picture.numel() > 0 &&
            picture.dtype() == DType::kUInt8,
        op, "picture must be uint8 [H, W, 3] with H, W > 0; got ",
        picture.defined() ? cat(picture.dtype(), " ", picture.shape()) : "an undefined tensor");
}

// Index i mirrored into [0, n): -1 -> 0, n -> n - 1.
std::int64_t mirrored(std::int64_t i, std::int64_t n) {
  const std::int64_t period = 2 * n;
  const std::int64_t at = ((i % period) + period) % period;
  return at < n ? at : period - 1 - at;
}

// One pass: `count` lines of n points, `stride` apart, each point `channels` wide.
struct Lines {
  std::int64_t count, n, line_stride, point_stride, channels;
};

void smooth_lines(const Lines& at, const std::vector<double>& weights, const double* x, double* y) {
  const auto radius = static_cast<std::int64_t>(weights.size() / 2);
  parallel_for(at.count, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t line = begin; line < end; ++line)
      for (std::int64_t i = 0; i < at.n; ++i)
        for (std::int64_t c = 0; c < at.channels; ++c) {
          double sum = 0;
          for (std::int64_t k = -radius; k <= radius; ++k)
            sum += weights[static_cast<std::size_t>(k + radius)] *
                   x[line * at.line_stride + mirrored(i + k, at.n) * at.point_stride + c];
          y[line * at.line_stride + i * at.point_stride + c] = sum;
        }
  });
}

}  // namespace

std::array<double, 3> srgb_to_lab(double red, double green, double blue) {
  const double r = linear_light(red), g = linear_light(green), b = linear_light(blue);
  const double fx = lab_curve((0.412453 * r + 0.357580 * g + 0.180423 * b) / 0.95047);
  const double fy = lab_curve(0.212671 * r + 0.715160 * g + 0.072169 * b);
  const double fz = lab_curve((0.019334 * r + 0.119193 * g + 0.950227 * b) / 1.08883);
  return {116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)};
}

Tensor picture_to_lab(const Tensor& picture, bool stretch) {
  check_picture("picture_to_lab", picture);
  const std::uint8_t* p = picture.data<const std::uint8_t>();
  const auto [low, high] = std::minmax_element(p, p + picture.numel());
  const bool by_range = stretch && *low < *high;
  const double offset = by_range ? *low : 0, scale = by_range ? 1.0 / (*high - *low) : 1.0 / 255;
  Tensor lab(picture.shape(), DType::kFloat64);
  double* y = lab.data<double>();
  parallel_for(picture.numel() / 3, 4096, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto at = [&](std::int64_t c) { return (p[i * 3 + c] - offset) * scale; };
      const auto colour = srgb_to_lab(at(0), at(1), at(2));
      std::copy(colour.begin(), colour.end(), y + i * 3);
    }
  });
  return lab;
}

Tensor picture_to_unit(const Tensor& picture) {
  check_picture("picture_to_unit", picture);
  return scaled(picture.to(DType::kFloat64), 1.0 / 255);
}

int smoothing_radius(double deviation) { return static_cast<int>(4 * deviation + 0.5); }

Tensor scaled(const Tensor& x, double factor) {
  Tensor y = empty_like(x);
  const double* from = x.data<const double>();
  double* to = y.data<double>();
  for (std::int64_t i = 0; i < x.numel(); ++i) to[i] = factor * from[i];
  return y;
}

Tensor smooth(const Tensor& x, double deviation, int radius) {
  check(x.defined() && x.rank() == 3 && x.dtype() == DType::kFloat64, "smooth",
        "x must be float64 [H, W, C]; got ", x.defined() ? cat(x.dtype(), " ", x.shape()) : "nothing");
  check(deviation >= 0 && radius >= 0, "smooth", "deviation and radius must be >= 0; got ", deviation, ", ",
        radius);
  if (deviation == 0 || radius == 0 || x.numel() == 0) return x;
  std::vector<double> weights;
  double total = 0;
  for (int k = -radius; k <= radius; ++k) {
    weights.push_back(std::exp(-0.5 * k * k / (deviation * deviation)));
    total += weights.back();
  }
  for (double& w : weights) w /= total;
  const std::int64_t H = x.dim(0), W = x.dim(1), C = x.dim(2);
  Tensor rows = empty_like(x), y = empty_like(x);
  smooth_lines({H, W, W * C, C, C}, weights, x.data<const double>(), rows.data<double>());
  smooth_lines({W, H, C, W * C, C}, weights, rows.data<const double>(), y.data<double>());
  return y;
}

}  // namespace clearcut
