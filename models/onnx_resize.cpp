// Operators of an ONNX graph that change the number of pixels: Resize, Upsample, pixel shuffles.
#include <algorithm>
#include <cmath>

#include "autograd/rearrange.h"
#include "autograd/resize.h"
#include "models/onnx_node.h"

namespace clearcut::onnx {

namespace {

using Ints = std::vector<std::int64_t>;
using Values = std::vector<Var>;

constexpr std::int64_t kMaxSide = 1 << 14;

enum class Where : std::uint8_t { kHalfPixel, kCorners, kAsymmetric };

struct ResizeRule {
  bool nearest = false;
  Where where = Where::kHalfPixel;
  bool floor = false;  // nearest: the pixel at the corner towards the origin, as PyTorch and Paddle take it
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

// Nearest pixels by centres and by corners are the same ones where each pixel becomes a whole number of
// pixels.
void check_nearest(const Var& x, Size2 size, const ResizeRule& rule) {
  if (rule.where == Where::kCorners || (rule.where == Where::kAsymmetric && rule.floor)) return;
  check(size.h % x.dim(2) == 0 && size.w % x.dim(3) == 0, "resize",
        "nearest pixels are taken for whole factors, or by coordinate_transformation_mode asymmetric with "
        "nearest_mode floor; got ",
        x.shape(), " to ", size);
}

Var run_resize(const ResizeRule& rule, const Values& in) {
  const Var& x = in[0];
  const Size2 size = output_size(x, rule, in);
  if (size == Size2(x.dim(2), x.dim(3))) return x;
  const bool corners = rule.where == Where::kCorners;
  if (!rule.nearest) return resize_bilinear(x, size, corners);
  check_nearest(x, size, rule);
  return resize_nearest(x, size, corners);
}

std::vector<double> constant_scales(NodeReader& node, std::size_t input) {
  const Tensor scales = node.constant(input, "scales").to(DType::kFloat64);
  if (scales.numel() > 6) node.refuse("it has ", scales.numel(), " scales; needs four");
  return scales.reshape({-1}).values<double>();
}

// Opset 7 has the scales as attribute, 9 as input; nearest pixels by corners, as PyTorch takes them.
Run build_upsample(NodeReader& node) {
  ResizeRule rule{.nearest = true, .where = Where::kAsymmetric, .floor = true};
  if (node.text("mode", "nearest") != "nearest")
    node.refuse("only mode 'nearest' is supported; export with opset 11 or later for 'linear'");
  if (node.opset < 9) {
    node.inputs(1, 1);
    const std::vector<float> scales = node.reals("scales");
    rule.scales = std::vector<double>(scales.begin(), scales.end());
  } else {
    node.inputs(2, 2);
    rule.scales = constant_scales(node, 1);
  }
  return [rule](const Values& in) { return run_resize(rule, in); };
}

// pytorch_half_pixel differs from half_pixel only where one pixel is left, tf_crop_and_resize is another
// thing.
Where where_of(NodeReader& node, bool nearest) {
  const std::string mode = node.text("coordinate_transformation_mode", "half_pixel");
  if (mode == "half_pixel" || mode == "pytorch_half_pixel") return Where::kHalfPixel;
  if (mode == "align_corners") return Where::kCorners;
  if (mode == "asymmetric" && nearest) return Where::kAsymmetric;
  node.refuse("coordinate_transformation_mode '", mode, "' is not supported for ",
              nearest ? "nearest" : "linear");
}

Run build_resize(NodeReader& node) {
  if (node.opset < 11) return build_upsample(node);
  node.inputs(1, 4);
  ResizeRule rule;
  const std::string mode = node.text("mode", "nearest");
  rule.nearest = mode == "nearest";
  if (mode != "nearest" && mode != "linear")
    node.refuse("mode '", mode, "' is not supported; nearest and linear are");
  rule.where = where_of(node, rule.nearest);
  const std::string nearest = node.text("nearest_mode", "round_prefer_floor");
  rule.floor = nearest == "floor";
  if (rule.nearest && !rule.floor && nearest != "round_prefer_floor" && nearest != "round_prefer_ceil")
    node.refuse("nearest_mode '", nearest, "' is not supported");
  node.ignore("cubic_coeff_a");
  node.ignore("extrapolation_value");
  node.ignore("exclude_outside");
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
