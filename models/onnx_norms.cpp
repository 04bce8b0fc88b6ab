// Normalisations and reductions of an ONNX graph.
#include <numeric>

#include "autograd/arithmetic.h"
#include "autograd/elementwise.h"
#include "autograd/pool.h"
#include "autograd/rearrange.h"
#include "autograd/reduce.h"
#include "models/onnx_node.h"

namespace clearcut::onnx {

namespace {

using Ints = std::vector<std::int64_t>;
using Values = std::vector<Var>;

// Sizes that spread a vector of C numbers over the channels of x: [1, C, 1, 1].
Ints per_channel(const Var& x) {
  Ints sizes(static_cast<std::size_t>(x.shape().rank()), 1);
  sizes[1] = x.dim(1);
  return sizes;
}

// y = scale (x - mean) / sqrt(variance + epsilon) + bias, each [C], as one factor and one offset per channel.
Run build_batch_normalization(NodeReader& node) {
  node.inputs(5, 5);
  const double epsilon = node.real("epsilon", 1e-5f);
  node.ignore("momentum");
  if (node.integer("training_mode", 0) != 0)
    node.refuse("it is in training mode; export the model in inference mode");
  if (node.integer("spatial", 1) != 1) node.refuse("spatial = 0 is not supported");
  const Buffer* mean = node.buffer(3, "mean");
  const Buffer* variance = node.buffer(4, "variance");
  node.part = {.kind = Part::Kind::kNorm, .mean = mean, .variance = variance, .eps = epsilon};
  return [=](const Values& in) {
    const Shape channels = in[1].shape();
    check(in[0].shape().rank() >= 2 && channels == Shape{in[0].dim(1)} && in[2].shape() == channels &&
              mean->value().shape() == channels && variance->value().shape() == channels,
          "batch_normalization", "x must be [N, C, ...] and scale, bias, mean, variance [C]; got x ",
          in[0].shape(), ", scale ", channels, ", bias ", in[2].shape());
    const Var factor = in[1] / sqrt(Var(variance->value()) + epsilon);
    const Var offset = in[2] - Var(mean->value()) * factor;
    const Ints sizes = per_channel(in[0]);
    return in[0] * reshape(factor, sizes) + reshape(offset, sizes);
  };
}

// (x - mean) / sqrt(variance + epsilon), both over `dims`.
Var normalised(const Var& x, const std::vector<int>& dims, double epsilon) {
  const Var centred = x - mean(x, dims, true);
  return centred / sqrt(mean(square(centred), dims, true) + epsilon);
}

std::vector<int> dims_from(const Var& x, std::int64_t first) {
  std::vector<int> dims(static_cast<std::size_t>(x.shape().rank() - first));
  std::iota(dims.begin(), dims.end(), static_cast<int>(first));
  return dims;
}

// Over `axis` and all later dimensions. Source: Ba et al. 2016, arXiv:1607.06450.
Run build_layer_normalization(NodeReader& node) {
  node.inputs(2, 3);
  const std::int64_t axis = node.integer("axis", -1);
  const double epsilon = node.real("epsilon", 1e-5f);
  node.ignore("stash_type");  // the precision of the sums
  return [axis, epsilon](const Values& in) {
    const std::int64_t first = positive_axis(axis, in[0].shape().rank(), "layer_normalization");
    const Var y = normalised(in[0], dims_from(in[0], first), epsilon) * in[1];
    return in.size() > 2 && in[2].defined() ? y + in[2] : y;
  };
}

// Each channel of each picture by itself. Source: Ulyanov et al. 2016, arXiv:1607.08022.
Run build_instance_normalization(NodeReader& node) {
  node.inputs(3, 3);
  const double epsilon = node.real("epsilon", 1e-5f);
  return [epsilon](const Values& in) {
    const Ints sizes = per_channel(in[0]);
    return normalised(in[0], dims_from(in[0], 2), epsilon) * reshape(in[1], sizes) + reshape(in[2], sizes);
  };
}

// Channels in groups; scale and bias per group (opset 18) or per channel (21). Source: Wu and He 2018,
// arXiv:1803.08494.
Run build_group_normalization(NodeReader& node) {
  node.inputs(3, 3);
  const std::int64_t groups = node.integer("num_groups", 0);
  const double epsilon = node.real("epsilon", 1e-5f);
  node.ignore("stash_type");
  const bool by_group = node.opset < 21;
  if (groups < 1) node.refuse("num_groups must be at least 1, got ", groups);
  return [=](const Values& in) {
    const Var& x = in[0];
    check(x.shape().rank() >= 2 && x.dim(1) % groups == 0, "group_normalization",
          "channels must be a multiple of ", groups, ", got ", x.shape());
    const Var grouped = normalised(reshape(x, {x.dim(0), groups, -1}), {2}, epsilon);
    const Ints sizes = per_channel(x);
    if (!by_group) return reshape(grouped, x.shape().sizes()) * reshape(in[1], sizes) + reshape(in[2], sizes);
    return reshape(grouped * reshape(in[1], {1, groups, 1}) + reshape(in[2], {1, groups, 1}),
                   x.shape().sizes());
  };
}

// x / (bias + alpha / size * sum of x^2 over `size` channels around its own)^beta; the middle one of an even
// number is the left. Source: Krizhevsky et al. 2012, "ImageNet classification with deep convolutional neural
// networks", section 3.3.
Run build_local_response_normalization(NodeReader& node) {
  node.inputs(1, 1);
  const std::int64_t size = node.integer("size", 0);
  const double alpha = node.real("alpha", 1e-4f), beta = node.real("beta", 0.75f),
               bias = node.real("bias", 1);
  if (size < 1 || size > 512 || !(alpha >= 0) || !(bias > 0))
    node.refuse("needs a size from 1 to 512, alpha >= 0 and bias > 0");
  return [=](const Values& in) {
    const Var& x = in[0];
    check(x.shape().rank() == 4, "local_response_normalization", "x must be [N, C, H, W], got ", x.shape());
    const Var columns = reshape(square(x), {x.dim(0), 1, x.dim(1), x.dim(2) * x.dim(3)});
    const Var mean_square = avg_pool2d(columns, {.kernel = {size, 1},
                                                 .stride = 1,
                                                 .padding = {(size - 1) / 2, 0, size / 2, 0},
                                                 .count_include_pad = true});
    return x * exp(log(reshape(mean_square, x.shape().sizes()) * alpha + bias) * -beta);
  };
}

// Sum or mean over axes: attributes at first, inputs since opset `since`.
template <Var (*f)(const Var&, const std::vector<int>&, bool), int since>
Run build_reduce(NodeReader& node) {
  const Ints axes = node.axes(since);
  const bool keep = node.integer("keepdims", 1) != 0;
  if (node.integer("noop_with_empty_axes", 0) != 0 && axes.empty())
    return [](const Values& in) { return in[0]; };
  return [axes, keep](const Values& in) {
    const auto rank = static_cast<std::int64_t>(in[0].shape().rank());
    const Ints used = positive_axes(axes, rank, "reduce");
    return f(in[0], axes.empty() ? dims_from(in[0], 0) : std::vector<int>(used.begin(), used.end()), keep);
  };
}

// The maximum over several dimensions is that of their maxima.
Var max_over(const Var& x, const std::vector<int>& dims, bool keep) {
  Var y = x;
  for (auto dim = dims.rbegin(); dim != dims.rend(); ++dim) y = max(y, *dim, keep);
  return y;
}

Run build_global_average_pool(NodeReader& node) {
  node.inputs(1, 1);
  return [](const Values& in) {
    check(in[0].shape().rank() == 4, "global_average_pool", "x must be [N, C, H, W], got ", in[0].shape());
    return global_avg_pool(in[0]);
  };
}

Run build_global_max_pool(NodeReader& node) {
  node.inputs(1, 1);
  return [](const Values& in) { return max_over(in[0], dims_from(in[0], 2), true); };
}

constexpr BuilderRow kRows[] = {{"BatchNormalization", build_batch_normalization},
                                {"GlobalAveragePool", build_global_average_pool},
                                {"GlobalMaxPool", build_global_max_pool},
                                {"GroupNormalization", build_group_normalization},
                                {"InstanceNormalization", build_instance_normalization},
                                {"LRN", build_local_response_normalization},
                                {"LayerNormalization", build_layer_normalization},
                                {"ReduceMax", build_reduce<max_over, 18>},
                                {"ReduceMean", build_reduce<mean, 18>},
                                {"ReduceSum", build_reduce<sum, 13>}};

}  // namespace

BuilderTable norm_builders() { return kRows; }

}  // namespace clearcut::onnx
