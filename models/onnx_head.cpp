#include "models/onnx_head.h"

#include <algorithm>
#include <array>

namespace clearcut::onnx {

namespace {

using Ints = std::vector<std::int64_t>;

const Node* maker(const Graph& graph, const std::string& value) {
  for (const Node& node : graph.nodes)
    if (!value.empty() && !node.outputs.empty() && node.outputs[0] == value) return &node;
  return nullptr;
}

const Attribute* attribute(const Node& node, const char* name) {
  const auto found = std::find_if(node.attributes.begin(), node.attributes.end(),
                                  [&](const Attribute& a) { return a.name == name; });
  return found != node.attributes.end() ? &*found : nullptr;
}

std::int64_t integer(const Node& node, const char* name, std::int64_t fallback) {
  const Attribute* a = attribute(node, name);
  return a != nullptr ? a->i : fallback;
}

// A float initializer read by input i of the node, or null.
const Tensor* weight(const Graph& graph, const Node& node, std::size_t i) {
  if (i >= node.inputs.size()) return nullptr;
  const auto found = graph.initializers.find(node.inputs[i]);
  return found != graph.initializers.end() && found->second.dtype() == DType::kFloat32 ? &found->second
                                                                                       : nullptr;
}

// The node behind nodes that only change the shape, starting at the maker of `value`.
const Node* behind_reshapes(const Graph& graph, const std::string& value) {
  constexpr std::array kTransparent = {"Flatten", "Reshape", "Squeeze", "Dropout", "Identity"};
  const Node* node = maker(graph, value);
  while (node != nullptr && !node->inputs.empty() &&
         std::find(kTransparent.begin(), kTransparent.end(), node->op) != kTransparent.end())
    node = maker(graph, node->inputs[0]);
  return node;
}

bool pools_everything(const Graph& graph, const Node* node) {
  if (node == nullptr || node->inputs.empty()) return false;
  if (node->op == "GlobalAveragePool") return true;
  if (node->op != "ReduceMean") return false;
  Ints axes;
  if (const Attribute* a = attribute(*node, "axes")) axes = a->ints;
  if (node->inputs.size() > 1) {
    const auto fixed = graph.initializers.find(node->inputs[1]);
    if (fixed != graph.initializers.end() && fixed->second.dtype() == DType::kInt64)
      axes = fixed->second.values<std::int64_t>();
  }
  std::sort(axes.begin(), axes.end());
  return axes == Ints{2, 3} || axes == Ints{-2, -1};
}

Tensor transposed(const Tensor& w) {
  Tensor y({w.dim(1), w.dim(0)});
  const float* from = w.data<const float>();
  float* to = y.data<float>();
  for (std::int64_t i = 0; i < w.dim(0); ++i)
    for (std::int64_t j = 0; j < w.dim(1); ++j) to[j * w.dim(0) + i] = from[i * w.dim(1) + j];
  return y;
}

// A 1x1 convolution with stride 1 in one group; *pad is its padding, the same on all sides.
bool is_pointwise(const Graph& graph, const Node& node, std::int64_t* pad) {
  const Tensor* w = node.op == "Conv" ? weight(graph, node, 1) : nullptr;
  if (w == nullptr || w->rank() != 4 || w->dim(2) != 1 || w->dim(3) != 1) return false;
  const Attribute *strides = attribute(node, "strides"), *pads = attribute(node, "pads");
  *pad = pads != nullptr && !pads->ints.empty() ? pads->ints[0] : 0;
  return integer(node, "group", 1) == 1 && attribute(node, "auto_pad") == nullptr &&
         (strides == nullptr || strides->ints == Ints{1, 1}) &&
         (pads == nullptr || pads->ints == Ints(4, *pad));
}

// W [C, K] of a linear node and the value it reads, or an undefined tensor.
struct Linear {
  Tensor weights;
  std::string input;
};

Linear linear_of(const Graph& graph, const Node& node) {
  const Tensor* w = weight(graph, node, 1);
  std::int64_t pad = 0;
  if (node.op == "Gemm" && w != nullptr && w->rank() == 2 && integer(node, "transA", 0) == 0) {
    const Attribute* alpha = attribute(node, "alpha");
    if (alpha != nullptr && alpha->f != 1) return {};
    return {integer(node, "transB", 0) != 0 ? *w : transposed(*w), node.inputs[0]};
  }
  if (node.op == "MatMul" && w != nullptr && w->rank() == 2) return {transposed(*w), node.inputs[0]};
  if (is_pointwise(graph, node, &pad) && pad == 0)
    return {w->reshape(Shape{w->dim(0), w->dim(1)}), node.inputs[0]};
  if (node.op != "Add" || node.inputs.size() != 2) return {};
  // MatMul + bias, in either order.
  for (std::size_t i = 0; i < 2; ++i) {
    const Node* product = weight(graph, node, 1 - i) != nullptr ? maker(graph, node.inputs[i]) : nullptr;
    if (product != nullptr && product->op == "MatMul") return linear_of(graph, *product);
  }
  return {};
}

// The convolution that makes class maps, looking through one activation; or null.
const Node* class_map_conv(const Graph& graph, const std::string& maps) {
  const Node* node = maker(graph, maps);
  if (node != nullptr && (node->op == "Relu" || node->op == "Clip") && !node->inputs.empty())
    node = maker(graph, node->inputs[0]);
  return node != nullptr && node->op == "Conv" && weight(graph, *node, 1) != nullptr ? node : nullptr;
}

Tensor identity_matrix(std::int64_t n) {
  Tensor y = Tensor::zeros({n, n});
  float* p = y.data<float>();
  for (std::int64_t i = 0; i < n; ++i) p[i * n + i] = 1;
  return y;
}

}  // namespace

std::string logits_value(const Graph& graph) {
  check(!graph.outputs.empty(), "onnx", "the graph names no output");
  const std::string& output = graph.outputs[0].name;
  const Node* node = maker(graph, output);
  return node != nullptr && node->op == "Softmax" && !node->inputs.empty() ? node->inputs[0] : output;
}

std::optional<CamWeights> find_cam(const Model& model, const std::string& logits) {
  const Graph& graph = model.graph;
  const Node* end = behind_reshapes(graph, logits);
  if (end == nullptr) return std::nullopt;
  if (pools_everything(graph, end)) {
    const Node* conv = class_map_conv(graph, end->inputs[0]);
    if (conv == nullptr) return std::nullopt;
    std::int64_t pad = 0;
    const bool pointwise = is_pointwise(graph, *conv, &pad);
    return CamWeights{identity_matrix(weight(graph, *conv, 1)->dim(0)), end->inputs[0], pointwise ? pad : 0};
  }
  const Linear linear = linear_of(graph, *end);
  const Node* pool = linear.weights.defined() ? behind_reshapes(graph, linear.input) : nullptr;
  if (!pools_everything(graph, pool)) return std::nullopt;
  return CamWeights{linear.weights, pool->inputs[0], 0};
}

std::string find_feature_map(const Model& model, const std::string& logits) {
  const Graph& graph = model.graph;
  const Node* end = behind_reshapes(graph, logits);
  if (pools_everything(graph, end)) {
    const Node* conv = class_map_conv(graph, end->inputs[0]);
    return conv != nullptr ? conv->inputs[0] : end->inputs[0];
  }
  // Any head: back along first inputs to the pooling.
  for (std::size_t hops = 0; end != nullptr && !end->inputs.empty() && hops < graph.nodes.size(); ++hops) {
    if (pools_everything(graph, end)) return end->inputs[0];
    end = maker(graph, end->inputs[0]);
  }
  return "";
}

}  // namespace clearcut::onnx
