// Convolution and pooling nodes of an ONNX graph: sizes, strides and paddings of their windows.
#include <algorithm>

#include "autograd/conv2d.h"
#include "autograd/folded_conv.h"
#include "autograd/pool.h"
#include "models/onnx_node.h"

namespace clearcut::onnx {

namespace {

using Ints = std::vector<std::int64_t>;
using Values = std::vector<Var>;

// Larger numbers only come from damaged files; the limit keeps a bad one from asking for terabytes.
constexpr std::int64_t kMaxWindow = 512;

enum class AutoPad : std::uint8_t { kExplicit, kSameUpper, kSameLower };

struct Window {
  std::optional<Size2> kernel;  // a Conv may leave it to its weights
  Size2 stride, dilation;
  AutoPad automatic = AutoPad::kExplicit;
  Padding2 padding;

  // SAME: Ho = ceil(H / stride); the odd pixel goes to bottom and right (upper) or top and left (lower).
  Padding2 padding_of(const Shape& x, Size2 size) const;
};

std::optional<Size2> read_pair(NodeReader& node, const char* name) {
  const auto values = node.integers(name);
  if (!values) return std::nullopt;
  const auto fits = [](std::int64_t v) { return v >= 1 && v <= kMaxWindow; };
  if (values->size() != 2 || !std::all_of(values->begin(), values->end(), fits))
    node.refuse(name, " must be two numbers from 1 to ", kMaxWindow,
                "; only two-dimensional windows are supported");
  return Size2((*values)[0], (*values)[1]);
}

Window read_window(NodeReader& node) {
  Window w;
  w.kernel = read_pair(node, "kernel_shape");
  w.stride = read_pair(node, "strides").value_or(1);
  w.dilation = read_pair(node, "dilations").value_or(1);
  const Ints pads = node.integers("pads").value_or(Ints{0, 0, 0, 0});
  const auto fits = [](std::int64_t v) { return v >= 0 && v <= kMaxWindow; };
  if (pads.size() != 4 || !std::all_of(pads.begin(), pads.end(), fits))
    node.refuse("pads must be four numbers from 0 to ", kMaxWindow);
  w.padding = Padding2(pads[0], pads[1], pads[2], pads[3]);
  const std::string automatic = node.text("auto_pad", "NOTSET");
  if (automatic == "SAME_UPPER")
    w.automatic = AutoPad::kSameUpper;
  else if (automatic == "SAME_LOWER")
    w.automatic = AutoPad::kSameLower;
  else if (automatic == "VALID")
    w.padding = 0;
  else if (automatic != "NOTSET")
    node.refuse("auto_pad '", automatic, "' does not exist; NOTSET, VALID, SAME_UPPER or SAME_LOWER");
  return w;
}

// Pixels before and after: their sum makes ceil(size / stride) windows fit.
std::pair<std::int64_t, std::int64_t> same(std::int64_t size, std::int64_t kernel, std::int64_t stride,
                                           std::int64_t dilation, AutoPad mode) {
  const std::int64_t windows = (size + stride - 1) / stride;
  const std::int64_t total =
      std::max<std::int64_t>((windows - 1) * stride + dilation * (kernel - 1) + 1 - size, 0);
  const std::int64_t less = total / 2;
  return mode == AutoPad::kSameUpper ? std::pair(less, total - less) : std::pair(total - less, less);
}

Padding2 Window::padding_of(const Shape& x, Size2 size) const {
  if (automatic == AutoPad::kExplicit) return padding;
  const auto [top, bottom] = same(x[2], size.h, stride.h, dilation.h, automatic);
  const auto [left, right] = same(x[3], size.w, stride.w, dilation.w, automatic);
  return {top, left, bottom, right};
}

Window read_pool_window(NodeReader& node) {
  Window window = read_window(node);
  if (!window.kernel) node.refuse("it has no kernel_shape");
  return window;
}

void check_map(const char* op, const Var& x) {
  check(x.shape().rank() == 4, op, "x must be [N, C, H, W], got ", x.shape());
}

struct Conv {
  Window window;
  std::int64_t groups;
  std::shared_ptr<PreparedWeights> kept = std::make_shared<PreparedWeights>();
  std::shared_ptr<FoldedConv> folded = std::make_shared<FoldedConv>();

  Var operator()(const Values& in, const NormBehind* norm, const After& after) const {
    const Var &x = in[0], &w = in[1], bias = in.size() > 2 ? in[2] : Var();
    check_map("conv", x);
    check(w.shape().rank() == 4, "conv", "weights must be [K, C / group, R, S], got ", w.shape());
    const Size2 size(w.dim(2), w.dim(3));
    check(!window.kernel || *window.kernel == size, "conv", "kernel_shape is ", window.kernel.value_or(size),
          " but the weights are ", w.shape());
    const ConvOptions options{.stride = window.stride,
                              .padding = window.padding_of(x.shape(), size),
                              .dilation = window.dilation,
                              .groups = groups};
    const Var& added = after.residual;  // an addition that repeats one side stays an operator of its own
    if (added.defined() && added.shape() != ops::conv2d_shape(x.shape(), w.shape(), options)) return {};
    if (norm == nullptr) return conv2d(x, w, bias, options, kept, after);
    const ConvAndNorm layers{w, bias, options, norm->weight, norm->bias, norm->running, norm->eps};
    return FoldedConv::possible(x, layers) ? (*folded)(x, layers, after) : Var();
  }
};

Run build_conv(NodeReader& node) {
  node.inputs(2, 3);
  const Window window = read_window(node);
  const std::int64_t groups = node.integer("group", 1);
  if (groups < 1) node.refuse("group must be at least 1, got ", groups);
  const Conv conv{.window = window, .groups = groups};
  node.part = {.kind = Part::Kind::kConv, .conv = conv};
  return [conv](const Values& in) { return conv(in, nullptr, {}); };
}

// Each pixel of x is sent through the taps of a convolution backwards.
Run build_conv_transpose(NodeReader& node) {
  node.inputs(2, 3);
  const Window window = read_window(node);
  const std::int64_t groups = node.integer("group", 1);
  const Ints more = node.integers("output_padding").value_or(Ints{0, 0});
  if (groups < 1) node.refuse("group must be at least 1, got ", groups);
  if (more.size() != 2 || more[0] < 0 || more[1] < 0 || more[0] >= window.stride.h ||
      more[1] >= window.stride.w)
    node.refuse("output_padding must be two numbers from 0 to below the strides");
  if (window.automatic != AutoPad::kExplicit || node.integers("output_shape"))
    node.refuse("auto_pad SAME and output_shape are not supported; export it with pads and output_padding");
  return [=](const Values& in) {
    check_map("conv_transpose", in[0]);
    return conv_transpose2d(
        in[0], in[1], in.size() > 2 ? in[2] : Var(),
        {.stride = window.stride, .padding = window.padding, .dilation = window.dilation, .groups = groups},
        {more[0], more[1]});
  };
}

Run build_max_pool(NodeReader& node) {
  node.inputs(1, 1);
  const Window window = read_pool_window(node);
  const bool ceil_mode = node.integer("ceil_mode", 0) != 0;
  node.ignore("storage_order");  // of the indices, which are not read
  return [window, ceil_mode](const Values& in) {
    check_map("max_pool", in[0]);
    return max_pool2d(in[0], {.kernel = *window.kernel,
                              .stride = window.stride,
                              .padding = window.padding_of(in[0].shape(), *window.kernel),
                              .dilation = window.dilation,
                              .ceil_mode = ceil_mode});
  };
}

Run build_average_pool(NodeReader& node) {
  node.inputs(1, 1);
  const Window window = read_pool_window(node);
  if (window.dilation != Size2(1)) node.refuse("dilations other than 1 are not supported");
  const bool ceil_mode = node.integer("ceil_mode", 0) != 0;
  const bool count_pad = node.integer("count_include_pad", 0) != 0;
  return [window, ceil_mode, count_pad](const Values& in) {
    check_map("average_pool", in[0]);
    return avg_pool2d(in[0], {.kernel = *window.kernel,
                              .stride = window.stride,
                              .padding = window.padding_of(in[0].shape(), *window.kernel),
                              .ceil_mode = ceil_mode,
                              .count_include_pad = count_pad});
  };
}

constexpr BuilderRow kRows[] = {{"AveragePool", build_average_pool},
                                {"Conv", build_conv},
                                {"ConvTranspose", build_conv_transpose},
                                {"MaxPool", build_max_pool}};

}  // namespace

BuilderTable window_builders() { return kRows; }

}  // namespace clearcut::onnx
