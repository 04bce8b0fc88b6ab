// The operators of an ONNX graph as functions of Vars; those with windows stand in onnx_windows.cpp.
// Source of all rules: https://onnx.ai/onnx/operators, opsets 7 to 21.
#include <algorithm>
#include <limits>
#include <numeric>

#include "autograd/arithmetic.h"
#include "autograd/elementwise.h"
#include "autograd/matmul.h"
#include "autograd/pool.h"
#include "autograd/rearrange.h"
#include "autograd/reduce.h"
#include "autograd/softmax.h"
#include "models/onnx_node.h"

namespace clearcut::onnx {

namespace {

using Ints = std::vector<std::int64_t>;
using Values = std::vector<Var>;

template <Var (*f)(Var&&)>
Run build_unary(NodeReader& node) {
  node.inputs(1, 1);
  return [](Values& in) { return f(std::move(in[0])); };
}

template <Var (*f)(const Var&, const Var&)>
Run build_binary(NodeReader& node) {
  node.inputs(2, 2);
  if (node.opset < 7)
    node.refuse("broadcasting before opset 7 is not supported; convert the model to opset 7+");
  return [](const Values& in) { return f(in[0], in[1]); };
}

Run build_identity(NodeReader& node) {
  node.inputs(1, 1);
  return [](const Values& in) { return in[0]; };
}

// min(max(x, low), high); the bounds are attributes before opset 11 and inputs since.
Run build_clip(NodeReader& node) {
  double low = -std::numeric_limits<float>::infinity(), high = std::numeric_limits<float>::infinity();
  if (node.opset < 11) {
    node.inputs(1, 1);
    low = node.real("min", std::numeric_limits<float>::lowest());
    high = node.real("max", std::numeric_limits<float>::max());
  } else {
    node.inputs(1, 3);
    if (node.given(1)) low = node.constant_scalar(1, "lower bound");
    if (node.given(2)) high = node.constant_scalar(2, "upper bound");
  }
  if (!(low <= high)) node.refuse("its lower bound ", low, " is above its upper bound ", high);
  node.part = {.kind = Part::Kind::kClamp, .low = low, .high = high};
  return [low, high](Values& in) { return clamp(std::move(in[0]), low, high); };
}

Run build_relu(NodeReader& node) {
  node.part = {.kind = Part::Kind::kClamp, .low = 0, .high = After{}.high};
  return build_unary<relu>(node);
}

Run build_add(NodeReader& node) {
  node.part.kind = Part::Kind::kAdd;
  return build_binary<add>(node);
}

Run build_leaky_relu(NodeReader& node) {
  node.inputs(1, 1);
  const double slope = node.real("alpha", 0.01f);
  return [slope](Values& in) { return leaky_relu(std::move(in[0]), slope); };
}

// max(0, min(1, alpha x + beta)).
Run build_hard_sigmoid(NodeReader& node) {
  node.inputs(1, 1);
  const double alpha = node.real("alpha", 0.2f), beta = node.real("beta", 0.5f);
  return [alpha, beta](const Values& in) { return clamp(in[0] * alpha + beta, 0, 1); };
}

Run build_dropout(NodeReader& node) {
  node.inputs(1, 3);
  node.ignore("ratio");
  node.ignore("seed");
  if (node.given(1)) node.constant(1, "ratio");
  if (node.given(2) && node.constant_scalar(2, "training mode") != 0)
    node.refuse("it drops values even in inference; export the model in inference mode");
  return [](const Values& in) { return in[0]; };
}

// [d0, ..., d(axis-1), d(axis), ...] -> [d0 * ... * d(axis-1), d(axis) * ...].
Run build_flatten(NodeReader& node) {
  node.inputs(1, 1);
  const std::int64_t axis = node.integer("axis", 1);
  return [axis](const Values& in) {
    const Ints sizes = in[0].shape().sizes();
    const auto rank = static_cast<std::int64_t>(sizes.size());
    const std::int64_t at = axis < 0 ? axis + rank : axis;
    check(at >= 0 && at <= rank, "flatten", "axis must be in [-", rank, ", ", rank, "], got ", axis);
    const std::int64_t rows =
        std::accumulate(sizes.begin(), sizes.begin() + at, std::int64_t{1}, std::multiplies<>());
    const std::int64_t columns =
        std::accumulate(sizes.begin() + at, sizes.end(), std::int64_t{1}, std::multiplies<>());
    return reshape(in[0], {rows, columns});
  };
}

// 0 keeps the size of x, -1 is worked out. A leading size equal to the batch that the model was exported
// for stands for any batch; a reshape that mixes pictures is refused.
Run build_reshape(NodeReader& node) {
  Ints sizes;
  if (node.opset < 5) {
    node.inputs(1, 1);
    sizes = node.integers("shape").value_or(Ints{});
  } else {
    node.inputs(2, 2);
    sizes = node.constant_integers(1, "shape");
  }
  if (node.integer("allowzero", 0) != 0) node.refuse("allowzero = 1 is not supported");
  if (sizes.empty() || sizes.size() > Shape::kMaxRank)
    node.refuse("its shape must have 1 to ", Shape::kMaxRank, " sizes, got ", sizes.size());
  if (node.batch > 0 && sizes[0] == node.batch) sizes[0] = 0;
  return [sizes](const Values& in) {
    Ints to = sizes;
    for (std::size_t i = 0; i < to.size(); ++i)
      if (to[i] == 0) to[i] = in[0].dim(static_cast<int>(i));
    const Var y = reshape(in[0], to);
    check(y.dim(0) == in[0].dim(0), "reshape",
          "the first dimension is the batch and must stay: ", in[0].shape(), " would become ", y.shape(),
          "; export the model with a free batch size");
    return y;
  };
}

Ints axes_of(NodeReader& node, std::int64_t inputs_since) {
  if (node.opset < inputs_since) {
    node.inputs(1, 1);
    return node.integers("axes").value_or(Ints{});
  }
  node.inputs(1, 2);
  return node.given(1) ? node.constant_integers(1, "axes") : Ints{};
}

// Negative axes count from the end of `rank`; sorted.
Ints positive(const Ints& axes, std::int64_t rank, const char* op) {
  Ints result;
  for (const std::int64_t axis : axes) {
    check(axis >= -rank && axis < rank, op, "axis ", axis, " is outside of ", rank, " dimensions");
    result.push_back(axis < 0 ? axis + rank : axis);
  }
  std::sort(result.begin(), result.end());
  check(std::adjacent_find(result.begin(), result.end()) == result.end(), op, "an axis comes twice");
  return result;
}

Run build_squeeze(NodeReader& node) {
  const Ints axes = axes_of(node, 13);
  if (axes.empty()) node.refuse("without axes it would drop a batch of one; give the axes");
  return [axes](const Values& in) {
    Ints sizes = in[0].shape().sizes();
    const Ints drop = positive(axes, static_cast<std::int64_t>(sizes.size()), "squeeze");
    for (auto axis = drop.rbegin(); axis != drop.rend(); ++axis) {
      check(*axis > 0 && sizes[static_cast<std::size_t>(*axis)] == 1, "squeeze", "dimension ", *axis, " of ",
            in[0].shape(), " cannot be dropped; it must have size 1 and not be the batch");
      sizes.erase(sizes.begin() + *axis);
    }
    return reshape(in[0], sizes);
  };
}

Run build_unsqueeze(NodeReader& node) {
  const Ints axes = axes_of(node, 13);
  return [axes](const Values& in) {
    Ints sizes = in[0].shape().sizes();
    for (const std::int64_t axis :
         positive(axes, static_cast<std::int64_t>(sizes.size() + axes.size()), "unsqueeze"))
      sizes.insert(sizes.begin() + axis, 1);
    return reshape(in[0], sizes);
  };
}

Run build_transpose(NodeReader& node) {
  node.inputs(1, 1);
  const Ints perm = node.integers("perm").value_or(Ints{});
  return [perm](const Values& in) {
    std::vector<int> order(static_cast<std::size_t>(in[0].shape().rank()));
    std::iota(order.rbegin(), order.rend(), 0);  // without perm: dimensions reversed
    if (!perm.empty()) order.assign(perm.begin(), perm.end());
    return permute(in[0], order);
  };
}

Run build_reduce_mean(NodeReader& node) {
  const Ints axes = axes_of(node, 18);
  const bool keep = node.integer("keepdims", 1) != 0;
  if (node.integer("noop_with_empty_axes", 0) != 0 && axes.empty())
    return [](const Values& in) { return in[0]; };
  return [axes, keep](const Values& in) {
    const auto rank = static_cast<std::int64_t>(in[0].shape().rank());
    Ints all(static_cast<std::size_t>(rank));
    std::iota(all.begin(), all.end(), 0);
    const Ints used = axes.empty() ? all : positive(axes, rank, "reduce_mean");
    return mean(in[0], std::vector<int>(used.begin(), used.end()), keep);
  };
}

Run build_global_average_pool(NodeReader& node) {
  node.inputs(1, 1);
  return [](const Values& in) {
    check(in[0].shape().rank() == 4, "global_average_pool", "x must be [N, C, H, W], got ", in[0].shape());
    return global_avg_pool(in[0]);
  };
}

Run build_concat(NodeReader& node) {
  node.inputs(1, std::numeric_limits<std::size_t>::max());
  const auto axis = static_cast<int>(std::clamp<std::int64_t>(node.integer("axis", 1), -99, 99));
  return [axis](const Values& in) { return concat(in, axis); };
}

// Since opset 13 over one axis (default the last); before, over `axis` (default 1) and all later ones.
Run build_softmax(NodeReader& node) {
  node.inputs(1, 1);
  const std::int64_t axis = node.integer("axis", node.opset < 13 ? 1 : -1);
  const bool single = node.opset >= 13;
  return [axis, single](const Values& in) {
    const Ints sizes = in[0].shape().sizes();
    const std::int64_t at = positive({axis}, static_cast<std::int64_t>(sizes.size()), "softmax")[0];
    if (single || at + 1 == static_cast<std::int64_t>(sizes.size()))
      return softmax(in[0], static_cast<int>(at));
    const std::int64_t rows =
        std::accumulate(sizes.begin(), sizes.begin() + at, std::int64_t{1}, std::multiplies<>());
    return reshape(softmax(reshape(in[0], {rows, -1}), 1), sizes);
  };
}

// alpha A' B' + beta C, with A' = A or its transpose.
Run build_gemm(NodeReader& node) {
  node.inputs(2, 3);
  const MatmulOptions options{.transpose_a = node.integer("transA", 0) != 0,
                              .transpose_b = node.integer("transB", 0) != 0};
  const double alpha = node.real("alpha", 1), beta = node.real("beta", 1);
  return [=](const Values& in) {
    check(in[0].shape().rank() == 2 && in[1].shape().rank() == 2, "gemm", "A and B must be matrices, got ",
          in[0].shape(), " and ", in[1].shape());
    const bool has_c = in.size() > 2 && in[2].defined();
    if (has_c && !options.transpose_a && options.transpose_b && alpha == 1 && beta == 1 &&
        in[2].shape() == Shape{in[1].dim(0)})
      return linear(in[0], in[1], in[2]);
    Var y = matmul(in[0], in[1], options);
    if (alpha != 1) y = y * alpha;
    if (has_c) y = y + (beta == 1 ? in[2] : in[2] * beta);
    return y;
  };
}

Run build_matmul(NodeReader& node) {
  node.inputs(2, 2);
  return [](const Values& in) { return matmul(in[0], in[1]); };
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
    check(in[0].shape().rank() == 4 && channels == Shape{in[0].dim(1)} && in[2].shape() == channels &&
              mean->value().shape() == channels && variance->value().shape() == channels,
          "batch_normalization", "x must be [N, C, H, W] and scale, bias, mean, variance [C]; got x ",
          in[0].shape(), ", scale ", channels, ", bias ", in[2].shape());
    const Var factor = in[1] / sqrt(Var(variance->value()) + epsilon);
    const Var offset = in[2] - Var(mean->value()) * factor;
    const Ints sizes = {1, channels[0], 1, 1};
    return in[0] * reshape(factor, sizes) + reshape(offset, sizes);
  };
}

// Zeros (or one other constant) around the last two dimensions.
Run build_pad(NodeReader& node) {
  Ints pads;
  double value = 0;
  if (node.opset < 11) {
    node.inputs(1, 1);
    pads = node.integers("pads").value_or(Ints{});
    value = node.real("value", 0);
  } else {
    node.inputs(2, 3);
    pads = node.constant_integers(1, "pads");
    if (node.given(2)) value = node.constant_scalar(2, "value");
  }
  if (node.text("mode", "constant") != "constant") node.refuse("only mode 'constant' is supported");
  const auto fits = [](std::int64_t p) { return p >= 0 && p <= 512; };
  if (pads.size() != 8 || !std::all_of(pads.begin(), pads.end(), fits) ||
      pads[0] + pads[1] + pads[4] + pads[5] != 0)
    node.refuse("pads must be 8 numbers from 0 to 512, for height and width only");
  const Padding2 padding(pads[2], pads[3], pads[6], pads[7]);
  return [padding, value](const Values& in) { return pad2d(in[0], padding, value); };
}

struct Row {
  const char* op;
  Builder build;
};

constexpr Row kBuilders[] = {{"Add", build_add},
                             {"AveragePool", build_average_pool},
                             {"BatchNormalization", build_batch_normalization},
                             {"Clip", build_clip},
                             {"Concat", build_concat},
                             {"Conv", build_conv},
                             {"Div", build_binary<div>},
                             {"Dropout", build_dropout},
                             {"Exp", build_unary<exp>},
                             {"Flatten", build_flatten},
                             {"Gemm", build_gemm},
                             {"GlobalAveragePool", build_global_average_pool},
                             {"HardSigmoid", build_hard_sigmoid},
                             {"HardSwish", build_unary<hard_swish>},
                             {"Identity", build_identity},
                             {"LeakyRelu", build_leaky_relu},
                             {"MatMul", build_matmul},
                             {"MaxPool", build_max_pool},
                             {"Mul", build_binary<mul>},
                             {"Pad", build_pad},
                             {"ReduceMean", build_reduce_mean},
                             {"Relu", build_relu},
                             {"Reshape", build_reshape},
                             {"Sigmoid", build_unary<sigmoid>},
                             {"Softmax", build_softmax},
                             {"Squeeze", build_squeeze},
                             {"Sub", build_binary<sub>},
                             {"Tanh", build_unary<tanh>},
                             {"Transpose", build_transpose},
                             {"Unsqueeze", build_unsqueeze}};

}  // namespace

Builder find_builder(const std::string& op) {
  const auto* row = std::find_if(std::begin(kBuilders), std::end(kBuilders),
                                 [&](const Row& candidate) { return op == candidate.op; });
  return row != std::end(kBuilders) ? row->build : nullptr;
}

std::string supported_operators() {
  std::string text = "Constant";
  for (const Row& row : kBuilders) text += cat(", ", row.op);
  return text;
}

}  // namespace clearcut::onnx
