#include "data/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "tensor/parallel.h"

namespace clearcut {

namespace {

constexpr int kFixedBits = 22;     // of uint8 weights of PIL's filters
constexpr std::int64_t kRows = 8;  // rows per chunk of work

// What one axis does: output i is the sum over k of weights[i * width + k] * input[first[i] + k].
struct Axis {
  std::vector<std::int64_t> first;
  std::vector<double> weights;
  std::int64_t width = 0;  // taps per output; unused ones have weight 0
};

double tent(double distance) { return std::max(0.0, 1.0 - distance); }

double keys_cubic(double d) {
  constexpr double a = -0.5;
  if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
}

// Output i lies at from + (i + 0.5) * size / out; inputs outside [0, in) take no part. `kernel` reaches to
// `radius`; where the axis shrinks it is widened.
Axis filtered_axis(double from, double size, std::int64_t in, std::int64_t out, double radius,
                   double (*kernel)(double)) {
  const double scale = size / static_cast<double>(out), wide = std::max(1.0, scale), support = radius * wide;
  Axis axis;
  axis.width = std::min(in, 2 * static_cast<std::int64_t>(std::ceil(support)) + 1);
  for (std::int64_t i = 0; i < out; ++i) {
    const double centre = from + (static_cast<double>(i) + 0.5) * scale;
    const auto begin = std::max<std::int64_t>(0, static_cast<std::int64_t>(centre - support + 0.5));
    const auto end = std::min(in, static_cast<std::int64_t>(centre + support + 0.5));
    std::vector<double> w(static_cast<std::size_t>(axis.width), 0.0);
    double sum = 0;
    for (std::int64_t j = begin; j < end; ++j)
      sum += w[static_cast<std::size_t>(j - begin)] =
          kernel(std::abs((static_cast<double>(j) - centre + 0.5) * (1.0 / wide)));
    for (double& v : w) v /= sum;
    axis.first.push_back(std::min(begin, in - axis.width));
    std::rotate(w.begin(), w.end() - (begin - axis.first.back()), w.end());
    axis.weights.insert(axis.weights.end(), w.begin(), w.end());
  }
  return axis;
}

// Shares of the inputs that [from + i * scale, from + (i + 1) * scale) covers.
Axis area_axis(double from, double size, std::int64_t in, std::int64_t out) {
  const double scale = size / static_cast<double>(out);
  Axis axis;
  axis.width = std::min(in, static_cast<std::int64_t>(std::ceil(scale)) + 1);
  for (std::int64_t i = 0; i < out; ++i) {
    const double begin = from + static_cast<double>(i) * scale, end = begin + scale;
    const auto first = std::min(static_cast<std::int64_t>(begin), in - axis.width);
    axis.first.push_back(first);
    for (std::int64_t j = first; j < first + axis.width; ++j) {
      const auto left = static_cast<double>(j);
      axis.weights.push_back(std::max(0.0, std::min(end, left + 1) - std::max(begin, left)) / scale);
    }
  }
  return axis;
}

// OpenCV's INTER_AREA where a side grows: pixel j as it is, but for the outputs that its end falls into.
Axis growing_area_axis(double from, double size, std::int64_t in, std::int64_t out) {
  const double scale = size / static_cast<double>(out);
  Axis axis;
  axis.width = std::min<std::int64_t>(2, in);
  for (std::int64_t i = 0; i < out; ++i) {
    const double at = std::floor(static_cast<double>(i) * scale);
    const double share = static_cast<double>(i + 1) - (at + 1) / scale;
    const double next = share <= 0 ? 0 : share - std::floor(share);
    const auto pixel = std::min(in - 1, static_cast<std::int64_t>(from + at));
    const std::int64_t first = std::min(pixel, in - axis.width);
    axis.first.push_back(first);
    if (axis.width == 1)
      axis.weights.push_back(1);
    else if (first < pixel)  // the last pixel, repeated
      axis.weights.insert(axis.weights.end(), {0, 1});
    else
      axis.weights.insert(axis.weights.end(), {1 - next, next});
  }
  return axis;
}

Axis nearest_axis(double from, double size, std::int64_t in, std::int64_t out) {
  const double scale = size / static_cast<double>(out);
  Axis axis;
  axis.width = 1;
  for (std::int64_t i = 0; i < out; ++i)
    axis.first.push_back(
        std::min(in - 1, static_cast<std::int64_t>(std::floor(from + static_cast<double>(i) * scale))));
  axis.weights.assign(static_cast<std::size_t>(out), 1);
  return axis;
}

// Two taps; beyond the first and last pixel that the box touches the border repeats.
Axis bilinear_axis(double from, double size, std::int64_t in, std::int64_t out) {
  const double scale = size / static_cast<double>(out);
  const auto low = static_cast<std::int64_t>(std::floor(from));
  const auto high = std::min(in, static_cast<std::int64_t>(std::ceil(from + size))) - 1;
  Axis axis;
  axis.width = std::min<std::int64_t>(2, in);
  for (std::int64_t i = 0; i < out; ++i) {
    const double at = from + (static_cast<double>(i) + 0.5) * scale - 0.5;
    const double inside = std::clamp(at, static_cast<double>(low), static_cast<double>(high));
    const auto j = std::min(static_cast<std::int64_t>(std::floor(inside)), in - axis.width);
    const double share = inside - static_cast<double>(j);
    axis.first.push_back(j);
    axis.weights.push_back(1.0 - share);
    if (axis.width == 2) axis.weights.push_back(share);
  }
  return axis;
}

// Sums in fixed point for the exact PIL rounding.
struct FixedSum {
  using Weight = std::int32_t;
  using Value = std::uint8_t;
  static Weight weight(double w) { return static_cast<Weight>(w * (1 << kFixedBits) + (w < 0 ? -0.5 : 0.5)); }
  std::int32_t total = 1 << (kFixedBits - 1);
  void add(Weight w, Value v) { total += w * v; }
  Value result() const { return static_cast<Value>(std::clamp(total >> kFixedBits, 0, 255)); }
};

struct FloatSum {
  using Weight = float;
  using Value = float;
  static Weight weight(double w) { return static_cast<float>(w); }
  float total = 0;
  void add(Weight w, Value v) { total += w * v; }
  Value result() const { return total; }
};

template <class Sum>
std::vector<typename Sum::Weight> weights_of(const Axis& axis) {
  std::vector<typename Sum::Weight> w;
  for (const double v : axis.weights) w.push_back(Sum::weight(v));
  return w;
}

// [H, W, C] -> [H, out, C]
template <class Sum>
Tensor along_columns(const Tensor& x, const Axis& axis) {
  using V = typename Sum::Value;
  const std::int64_t H = x.dim(0), W = x.dim(1), C = x.dim(2),
                     out = static_cast<std::int64_t>(axis.first.size());
  const Tensor y({H, out, C}, x.dtype());
  const auto weights = weights_of<Sum>(axis);
  const V* from = x.data<const V>();
  V* to = y.data<V>();
  parallel_for(H, kRows, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t h = begin; h < end; ++h)
      for (std::int64_t i = 0; i < out; ++i) {
        const auto* w = weights.data() + i * axis.width;
        const V* in = from + (h * W + axis.first[static_cast<std::size_t>(i)]) * C;
        for (std::int64_t c = 0; c < C; ++c) {
          Sum sum;
          for (std::int64_t k = 0; k < axis.width; ++k) sum.add(w[k], in[k * C + c]);
          to[(h * out + i) * C + c] = sum.result();
        }
      }
  });
  return y;
}

// [H, W, C] -> [out, W, C]
template <class Sum>
Tensor along_rows(const Tensor& x, const Axis& axis) {
  using V = typename Sum::Value;
  const std::int64_t row = x.dim(1) * x.dim(2), out = static_cast<std::int64_t>(axis.first.size());
  const Tensor y({out, x.dim(1), x.dim(2)}, x.dtype());
  const auto weights = weights_of<Sum>(axis);
  const V* from = x.data<const V>();
  V* to = y.data<V>();
  parallel_for(out, kRows, [&](std::int64_t begin, std::int64_t end) {
    std::vector<Sum> sums(static_cast<std::size_t>(row));
    for (std::int64_t i = begin; i < end; ++i) {
      std::fill(sums.begin(), sums.end(), Sum{});
      for (std::int64_t k = 0; k < axis.width; ++k) {
        const V* in = from + (axis.first[static_cast<std::size_t>(i)] + k) * row;
        const auto w = weights[static_cast<std::size_t>(i * axis.width + k)];
        for (std::int64_t j = 0; j < row; ++j) sums[static_cast<std::size_t>(j)].add(w, in[j]);
      }
      for (std::int64_t j = 0; j < row; ++j) to[i * row + j] = sums[static_cast<std::size_t>(j)].result();
    }
  });
  return y;
}

Tensor round_to_uint8(const Tensor& x) {
  const Tensor y(x.shape(), DType::kUInt8);
  const auto* in = x.data<const float>();
  auto* out = y.data<std::uint8_t>();
  for (std::int64_t i = 0; i < x.numel(); ++i)
    out[i] = static_cast<std::uint8_t>(std::clamp(std::floor(in[i] + 0.5F), 0.0F, 255.0F));
  return y;
}

// One axis of a picture; `shrinks`: no side of it grows.
Axis axis_of(Filter filter, bool shrinks, double from, double size, std::int64_t in, std::int64_t out) {
  switch (filter) {
    case Filter::kTriangle:
      return filtered_axis(from, size, in, out, 1, tent);
    case Filter::kCubic:
      return filtered_axis(from, size, in, out, 2, keys_cubic);
    case Filter::kArea:
      return shrinks ? area_axis(from, size, in, out) : growing_area_axis(from, size, in, out);
    case Filter::kNearest:
      return nearest_axis(from, size, in, out);
    case Filter::kBilinear:
      break;
  }
  return bilinear_axis(from, size, in, out);
}

void check_picture(const char* op, const Tensor& picture) {
  check_rank(op, "picture", picture, 3, "[H, W, C]");
  check(picture.dtype() == DType::kUInt8 || picture.dtype() == DType::kFloat32, op,
        "a picture must be uint8 or float32, got ", picture.dtype());
  check(picture.numel() > 0, op, "the picture is empty: ", picture.shape());
}

void check_size(const char* op, std::int64_t height, std::int64_t width) {
  check(height > 0 && width > 0, op, "the new size must be 1 x 1 or more, got ", height, " x ", width);
}

// y[h, w] = x[rows[h], columns[w]], elements of `bytes` bytes.
Tensor gather(const Tensor& x, const std::vector<std::int64_t>& rows,
              const std::vector<std::int64_t>& columns) {
  const auto height = static_cast<std::int64_t>(rows.size()),
             width = static_cast<std::int64_t>(columns.size());
  const Tensor y(x.shape().with(0, height).with(1, width), x.dtype());
  const std::size_t pixel =
      size_of(x.dtype()) * (x.rank() == 3 ? static_cast<std::size_t>(x.dim(2)) : std::size_t{1});
  on_host<Numbers>("crop", x.device(), x.dtype(), [&]<class T>(auto) {
    const auto* from = reinterpret_cast<const char*>(x.data<const T>());
    auto* to = reinterpret_cast<char*>(y.data<T>());
    for (const std::int64_t h : rows)
      for (const std::int64_t w : columns) {
        std::memcpy(to, from + static_cast<std::size_t>(h * x.dim(1) + w) * pixel, pixel);
        to += pixel;
      }
  });
  return y;
}

std::vector<std::int64_t> nearest_indices(std::int64_t in, std::int64_t out) {
  std::vector<std::int64_t> index;
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  for (std::int64_t i = 0; i < out; ++i)
    index.push_back(std::min(in - 1, static_cast<std::int64_t>(std::floor(static_cast<double>(i) * scale))));
  return index;
}

std::vector<std::int64_t> range(std::int64_t begin, std::int64_t n) {
  std::vector<std::int64_t> index;
  for (std::int64_t i = 0; i < n; ++i) index.push_back(begin + i);
  return index;
}

struct FilterName {
  const char* name;
  Filter filter;
};
constexpr FilterName kFilters[] = {{"bilinear", Filter::kBilinear},
                                   {"triangle", Filter::kTriangle},
                                   {"cubic", Filter::kCubic},
                                   {"area", Filter::kArea},
                                   {"nearest", Filter::kNearest}};

}  // namespace

std::string name_of(Filter filter) { return kFilters[static_cast<std::size_t>(filter)].name; }

Filter filter_from_name(const std::string& name) {
  for (const FilterName& row : kFilters)
    if (name == row.name) return row.filter;
  fail("resize", "no filter is called '", name, "'; there are bilinear, triangle, cubic, area and nearest");
}

Tensor resize_picture(const Tensor& picture, std::int64_t height, std::int64_t width, Filter filter) {
  check_picture("resize_picture", picture);
  const Box whole{0, 0, static_cast<double>(picture.dim(0)), static_cast<double>(picture.dim(1))};
  return resize_box(picture, whole, height, width, filter);
}

Tensor resize_box(const Tensor& picture, const Box& box, std::int64_t height, std::int64_t width,
                  Filter filter) {
  check_picture("resize_box", picture);
  check_size("resize_box", height, width);
  const std::int64_t H = picture.dim(0), W = picture.dim(1);
  check(box.top >= 0 && box.left >= 0 && box.height > 0 && box.width > 0 &&
            box.top + box.height <= static_cast<double>(H) && box.left + box.width <= static_cast<double>(W),
        "resize_box", "the box (top ", box.top, ", left ", box.left, ", ", box.height, " x ", box.width,
        ") must lie inside the picture ", picture.shape());
  const bool shrinks = static_cast<double>(height) <= box.height && static_cast<double>(width) <= box.width;
  const Axis columns = axis_of(filter, shrinks, box.left, box.width, W, width);
  const Axis rows = axis_of(filter, shrinks, box.top, box.height, H, height);
  const bool as_pil = filter == Filter::kTriangle || filter == Filter::kCubic;
  const bool fixed = picture.dtype() == DType::kUInt8 && as_pil;
  if (fixed) return along_rows<FixedSum>(along_columns<FixedSum>(picture, columns), rows);
  const Tensor y = along_rows<FloatSum>(along_columns<FloatSum>(picture.to(DType::kFloat32), columns), rows);
  return picture.dtype() == DType::kUInt8 ? round_to_uint8(y) : y;
}

Box centre_square(std::int64_t height, std::int64_t width, double share) {
  const double side = share * static_cast<double>(std::min(height, width));
  return {(static_cast<double>(height) - side) / 2, (static_cast<double>(width) - side) / 2, side, side};
}

Box centre_square_pixels(std::int64_t height, std::int64_t width, double share) {
  const Box exact = centre_square(height, width, share);
  const double side = std::max(1.0, std::nearbyint(exact.height));
  return {std::nearbyint((static_cast<double>(height) - side) / 2),
          std::nearbyint((static_cast<double>(width) - side) / 2), side, side};
}

Tensor resize_labels(const Tensor& labels, std::int64_t height, std::int64_t width) {
  check_rank("resize_labels", "labels", labels, 2, "[H, W]");
  check_size("resize_labels", height, width);
  check(labels.numel() > 0, "resize_labels", "the label map is empty: ", labels.shape());
  return gather(labels, nearest_indices(labels.dim(0), height), nearest_indices(labels.dim(1), width));
}

Tensor crop(const Tensor& x, std::int64_t top, std::int64_t left, std::int64_t height, std::int64_t width) {
  check(x.rank() == 2 || x.rank() == 3, "crop", "x must be [H, W] or [H, W, C], got ", x.shape());
  check(top >= 0 && left >= 0 && height >= 0 && width >= 0 && top + height <= x.dim(0) &&
            left + width <= x.dim(1),
        "crop", "rows ", top, " to ", top + height, " and columns ", left, " to ", left + width,
        " must lie inside ", x.shape());
  return gather(x, range(top, height), range(left, width));
}

Tensor flip_columns(const Tensor& x) {
  check(x.rank() == 2 || x.rank() == 3, "flip_columns", "x must be [H, W] or [H, W, C], got ", x.shape());
  std::vector<std::int64_t> columns = range(0, x.dim(1));
  std::reverse(columns.begin(), columns.end());
  return gather(x, range(0, x.dim(0)), columns);
}

Tensor to_network_input(const Tensor& picture, const PixelScale& pixels) {
  check_picture("to_network_input", picture);
  check(picture.dim(2) == 3, "to_network_input", "the picture must have 3 channels, got ", picture.shape());
  const Tensor x = picture.to(DType::kFloat32);
  const std::int64_t plane = picture.dim(0) * picture.dim(1);
  const Tensor y({3, picture.dim(0), picture.dim(1)});
  const auto* in = x.data<const float>();
  auto* out = y.data<float>();
  for (std::size_t c = 0; c < 3; ++c) {
    const std::size_t from = pixels.bgr ? 2 - c : c;
    const auto mean = static_cast<float>(pixels.mean[c]), scale = static_cast<float>(pixels.scale[c]);
    for (std::int64_t i = 0; i < plane; ++i)
      *out++ = (in[3 * i + static_cast<std::int64_t>(from)] - mean) * scale;
  }
  return y;
}

}  // namespace clearcut
