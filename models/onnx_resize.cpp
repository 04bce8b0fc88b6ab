// Operators of an ONNX graph that change the number of pixels: Resize, Upsample, pixel shuffles.
#include <algorithm>
#include <cmath>

#include "autograd/matmul.h"
#include "autograd/rearrange.h"
#include "autograd/resize.h"
#include "models/onnx_node.h"

namespace clearcut::onnx {

namespace {

using Ints = std::vector<std::int64_t>;
using Values = std::vector<Var>;

constexpr std::int64_t kMaxSide = 1 << 14, kMostShares = 1 << 24;

enum class Mode : std::uint8_t { kNearest, kLinear, kCubic };
enum class Where : std::uint8_t { kHalfPixel, kCorners, kAsymmetric };
enum class Round : std::uint8_t { kPreferFloor, kPreferCeil, kFloor, kCeil };  // Prefer: of halves

struct ResizeRule {
  Mode mode = Mode::kNearest;
  Where where = Where::kHalfPixel;
  Round round = Round::kPreferFloor;  // nearest
  double a = -0.75;                   // cubic: Keys' parameter
  bool exclude_outside = false;       // cubic: pixels outside x do not count, else those at its border serve
  std::optional<std::vector<double>> scales = {};
  std::optional<IntegerInput> sizes = {};
};

Size2 output_size(const Var& x, const ResizeRule& rule, const Values& in) {
  check(x.shape().rank() == 4, "resize", "x must be [N, C, H, W], got ", x.shape());
  Ints sizes;
  if (rule.sizes) {
    sizes = rule.sizes->of(in);
    check(sizes.size() == 4 && sizes[0] == x.dim(0) && sizes[1] == x.dim(1), "resize",
          "only height and width can change, ", x.shape(), " should become ", Shape(sizes));
  } else {
    check(rule.scales->size() == 4 && (*rule.scales)[0] == 1 && (*rule.scales)[1] == 1, "resize",
          "needs four scales, those of batch and channels 1");
    for (int d = 0; d < 4; ++d)
      sizes.push_back(static_cast<std::int64_t>(std::floor(std::clamp(
          static_cast<double>(x.dim(d)) * (*rule.scales)[static_cast<std::size_t>(d)], 0.0, 1e9))));
  }
  check(sizes[2] >= 1 && sizes[3] >= 1 && sizes[2] <= kMaxSide && sizes[3] <= kMaxSide, "resize",
        "sides must be 1 to ", kMaxSide, ", got ", sizes[2], " x ", sizes[3]);
  return {sizes[2], sizes[3]};
}

// The share of a pixel at distance d. Source of the cubic one: Keys 1981, "Cubic convolution interpolation
// for digital image processing", with the parameter a.
double share(const ResizeRule& rule, double d) {
  const double a = rule.a;
  d = std::abs(d);
  if (rule.mode == Mode::kLinear) return std::max(0.0, 1 - d);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

// Where output i lies among the inputs of its axis. Scales are float32 and divide as such: 1 / 0.33333334
// is 3.
double place(const ResizeRule& rule, std::int64_t i, std::int64_t inputs, std::int64_t outputs,
             double scale) {
  const auto at = static_cast<double>(i), n = static_cast<double>(inputs), m = static_cast<double>(outputs);
  if (rule.where == Where::kCorners) return outputs == 1 ? 0 : at * (n - 1) / (m - 1);
  const double half = rule.where == Where::kHalfPixel ? 0.5 : 0;
  if (rule.sizes) return (at + half) * n / m - half;
  return static_cast<double>(static_cast<float>(at + half) / static_cast<float>(scale)) - half;
}

std::int64_t nearest_pixel(const ResizeRule& rule, double at, std::int64_t inputs) {
  const double whole = rule.round == Round::kFloor         ? std::floor(at)
                       : rule.round == Round::kCeil        ? std::ceil(at)
                       : rule.round == Round::kPreferFloor ? std::ceil(at - 0.5)
                                                           : std::floor(at + 0.5);
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(whole), 0, inputs - 1);
}

// [outputs, inputs]: row i has the shares of the inputs in output i.
Tensor shares_along(const ResizeRule& rule, std::int64_t inputs, std::int64_t outputs, double scale) {
  Tensor shares = Tensor::zeros({outputs, inputs}, DType::kFloat64);
  const std::int64_t reach = rule.mode == Mode::kCubic ? 2 : 1;
  for (std::int64_t i = 0; i < outputs; ++i) {
    double* row = shares.data<double>() + i * inputs;
    const double at = place(rule, i, inputs, outputs, scale);
    if (rule.mode == Mode::kNearest) {
      row[nearest_pixel(rule, at, inputs)] = 1;
      continue;
    }
    const auto below = static_cast<std::int64_t>(std::floor(at));
    double sum = 0;
    for (std::int64_t k = below - reach + 1; k <= below + reach; ++k) {
      const bool outside = k < 0 || k >= inputs;
      if (outside && rule.exclude_outside) continue;
      const double part = share(rule, at - static_cast<double>(k));
      row[std::clamp<std::int64_t>(k, 0, inputs - 1)] += part;
      sum += part;
    }
    for (std::int64_t k = 0; k < inputs; ++k) row[k] /= sum;
  }
  return shares;
}

double scale_of(const ResizeRule& rule, int axis, std::int64_t inputs, std::int64_t outputs) {
  return rule.sizes ? static_cast<double>(outputs) / static_cast<double>(inputs)
                    : (*rule.scales)[static_cast<std::size_t>(axis)];
}

// Rows, then columns, as products with matrices of shares.
Var interpolated(const ResizeRule& rule, const Var& x, Size2 size) {
  const auto shares = [&](int axis, std::int64_t outputs) {
    const std::int64_t inputs = x.dim(axis);
    check(inputs * outputs <= kMostShares, "resize", inputs, " to ", outputs, " pixels is too much");
    const double scale = scale_of(rule, axis, inputs, outputs);
    return Var(shares_along(rule, inputs, outputs, scale).to(x.dtype()).to(x.device()));
  };
  const Var planes = reshape(x, {x.dim(0) * x.dim(1), x.dim(2), x.dim(3)});
  const Var y = matmul(matmul(shares(2, size.h), planes), shares(3, size.w), {.transpose_b = true});
  return reshape(y, {x.dim(0), x.dim(1), size.h, size.w});
}

// Whether an axis is what our operators make of its two lengths: bilinear at half pixels or corners, and
// nearest pixel floor(i inputs / outputs). A scale whose output was rounded down is not.
bool follows_from_lengths(const ResizeRule& rule, int axis, std::int64_t inputs, std::int64_t outputs) {
  const double scale = scale_of(rule, axis, inputs, outputs);
  if (rule.mode == Mode::kNearest) {
    for (std::int64_t i = 0; i < outputs; ++i)
      if (nearest_pixel(rule, place(rule, i, inputs, outputs, scale), inputs) != i * inputs / outputs)
        return false;
    return true;
  }
  const auto m = static_cast<double>(outputs);
  const bool whole = std::abs(static_cast<double>(inputs) * scale - m) <= 1e-6 * m;  // scale is a float
  return rule.mode == Mode::kLinear &&
         (rule.where == Where::kCorners || (rule.where == Where::kHalfPixel && whole));
}

Var run_resize(const ResizeRule& rule, const Values& in) {
  const Var& x = in[0];
  const Size2 size = output_size(x, rule, in);
  if (size == Size2(x.dim(2), x.dim(3))) return x;
  if (!follows_from_lengths(rule, 2, x.dim(2), size.h) || !follows_from_lengths(rule, 3, x.dim(3), size.w))
    return interpolated(rule, x, size);
  if (rule.mode == Mode::kNearest) return resize_nearest(x, size, false);
  return resize_bilinear(x, size, rule.where == Where::kCorners);
}

std::vector<double> checked_scales(NodeReader& node, const std::vector<double>& scales) {
  const auto bad = [](double scale) { return !(scale > 0 && scale <= kMaxSide); };
  if (scales.size() > 6 || std::any_of(scales.begin(), scales.end(), bad))
    node.refuse("needs four scales from 0 to ", kMaxSide);
  return scales;
}

std::vector<double> constant_scales(NodeReader& node, std::size_t input) {
  const Tensor scales = node.constant(input, "scales").to(DType::kFloat64);
  return checked_scales(node, scales.reshape({-1}).values<double>());
}

// Opset 7 has the scales as attribute, 9 as input; pixels are placed by their corners.
Run build_upsample(NodeReader& node) {
  const std::string mode = node.text("mode", "nearest");
  if (mode != "nearest" && mode != "linear") node.refuse("mode '", mode, "' is not supported");
  ResizeRule rule{.mode = mode == "linear" ? Mode::kLinear : Mode::kNearest,
                  .where = Where::kAsymmetric,
                  .round = Round::kFloor};
  if (node.opset < 9) {
    node.inputs(1, 1);
    const std::vector<float> scales = node.reals("scales");
    rule.scales = checked_scales(node, {scales.begin(), scales.end()});
  } else {
    node.inputs(2, 2);
    rule.scales = constant_scales(node, 1);
  }
  return [rule](const Values& in) { return run_resize(rule, in); };
}

// pytorch_half_pixel differs from half_pixel only where one pixel is left, tf_crop_and_resize is another
// thing.
Where where_of(NodeReader& node) {
  const std::string mode = node.text("coordinate_transformation_mode", "half_pixel");
  if (mode == "half_pixel" || mode == "pytorch_half_pixel") return Where::kHalfPixel;
  if (mode == "align_corners") return Where::kCorners;
  if (mode == "asymmetric") return Where::kAsymmetric;
  node.refuse("coordinate_transformation_mode '", mode, "' is not supported");
}

Round round_of(NodeReader& node) {
  const std::string mode = node.text("nearest_mode", "round_prefer_floor");
  if (mode == "round_prefer_floor") return Round::kPreferFloor;
  if (mode == "round_prefer_ceil") return Round::kPreferCeil;
  if (mode == "floor") return Round::kFloor;
  if (mode == "ceil") return Round::kCeil;
  node.refuse("nearest_mode '", mode, "' is not supported");
}

Mode mode_of(NodeReader& node) {
  const std::string mode = node.text("mode", "nearest");
  if (mode == "nearest") return Mode::kNearest;
  if (mode == "linear") return Mode::kLinear;
  if (mode == "cubic") return Mode::kCubic;
  node.refuse("mode '", mode, "' is not supported; nearest, linear and cubic are");
}

Run build_resize(NodeReader& node) {
  if (node.opset < 11) return build_upsample(node);
  node.inputs(1, 4);
  ResizeRule rule{.mode = mode_of(node), .where = where_of(node), .round = round_of(node)};
  rule.a = node.real("cubic_coeff_a", -0.75f);
  rule.exclude_outside = node.integer("exclude_outside", 0) != 0;
  if (rule.exclude_outside && rule.mode != Mode::kCubic) node.refuse("exclude_outside goes with cubic only");
  node.ignore("extrapolation_value");
  if (node.integer("antialias", 0) != 0) node.refuse("antialias = 1 is not supported");
  if (node.integers("axes")) node.refuse("axes are not supported");
  if (node.text("keep_aspect_ratio_policy", "stretch") != "stretch")
    node.refuse("only keep_aspect_ratio_policy 'stretch' is supported");
  if (node.given(1)) node.constant(1, "roi");
  if (node.given(2)) rule.scales = constant_scales(node, 2);
  if (node.given(3)) rule.sizes = node.integer_input(3, "sizes");
  if (!rule.sizes && (!rule.scales || rule.scales->empty())) node.refuse("it has neither scales nor sizes");
  return [rule](const Values& in) { return run_resize(rule, in); };
}

// [N, C, H, W] -> [N, C / b^2, b H, b W]: channels become pixels. DCR takes the block's rows and columns from
// the front of the channels, CRD from their back (PyTorch's pixel shuffle).
Run build_depth_to_space(NodeReader& node) {
  node.inputs(1, 1);
  const std::int64_t b = node.integer("blocksize", 0);
  const std::string mode = node.text("mode", "DCR");
  if (b < 1 || b > 64 || (mode != "DCR" && mode != "CRD"))
    node.refuse("needs a blocksize from 1 to 64 and mode DCR or CRD");
  return [b, front = mode == "DCR"](const Values& in) {
    const Var& x = in[0];
    check(x.shape().rank() == 4 && x.dim(1) % (b * b) == 0, "depth_to_space",
          "x must be [N, C, H, W] with C a multiple of ", b * b, ", got ", x.shape());
    const std::int64_t n = x.dim(0), c = x.dim(1) / (b * b), h = x.dim(2), w = x.dim(3);
    const Var y = front ? permute(reshape(x, {n, b, b, c, h, w}), {0, 3, 4, 1, 5, 2})
                        : permute(reshape(x, {n, c, b, b, h, w}), {0, 1, 4, 2, 5, 3});
    return reshape(y, {n, c, h * b, w * b});
  };
}

// [N, C, H, W] -> [N, C b^2, H / b, W / b]: pixels become channels, the block's rows and columns in front.
Run build_space_to_depth(NodeReader& node) {
  node.inputs(1, 1);
  const std::int64_t b = node.integer("blocksize", 0);
  if (b < 1 || b > 64) node.refuse("needs a blocksize from 1 to 64");
  return [b](const Values& in) {
    const Var& x = in[0];
    check(x.shape().rank() == 4 && x.dim(2) % b == 0 && x.dim(3) % b == 0, "space_to_depth",
          "x must be [N, C, H, W] with sides that are multiples of ", b, ", got ", x.shape());
    const std::int64_t n = x.dim(0), c = x.dim(1), h = x.dim(2) / b, w = x.dim(3) / b;
    return reshape(permute(reshape(x, {n, c, h, b, w, b}), {0, 3, 5, 1, 2, 4}), {n, c * b * b, h, w});
  };
}

constexpr BuilderRow kRows[] = {{"DepthToSpace", build_depth_to_space},
                                {"Resize", build_resize},
                                {"SpaceToDepth", build_space_to_depth},
                                {"Upsample", build_upsample}};

}  // namespace

BuilderTable resize_builders() { return kRows; }

}  // namespace clearcut::onnx
