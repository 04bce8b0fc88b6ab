#include "models/onnx_head.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string_view>

#include "tensor/ops/rearrange.h"
#include "tensor/random.h"

namespace clearcut::onnx {

namespace {

using Ints = std::vector<std::int64_t>;

// The graph, and for each value the node that makes it.
struct Trace {
  explicit Trace(const Graph& g) : graph(g) {
    for (const Node& node : g.nodes)
      if (!node.outputs.empty() && !node.outputs[0].empty()) makers.emplace(node.outputs[0], &node);
  }
  // The numbers of an initializer or of a Constant node, or null.
  const Tensor* fixed(const std::string& value) const {
    const auto found = graph.initializers.find(value);
    if (found != graph.initializers.end()) return &found->second;
    const Node* node = maker(value);
    if (node == nullptr || node->op != "Constant" || node->attributes.size() != 1) return nullptr;
    return node->attributes[0].tensor.defined() ? &node->attributes[0].tensor : nullptr;
  }
  const Node* maker(const std::string& value) const {
    const auto found = makers.find(value);
    return found != makers.end() ? found->second : nullptr;
  }
  const Graph& graph;
  std::map<std::string_view, const Node*> makers;
};

const Attribute* attribute(const Node& node, const char* name) {
  const auto found = std::find_if(node.attributes.begin(), node.attributes.end(),
                                  [&](const Attribute& a) { return a.name == name; });
  return found != node.attributes.end() ? &*found : nullptr;
}

std::int64_t integer(const Node& node, const char* name, std::int64_t fallback) {
  const Attribute* a = attribute(node, name);
  return a != nullptr ? a->i : fallback;
}

// Fixed floats read by input i of the node, or null.
const Tensor* weight(const Trace& trace, const Node& node, std::size_t i) {
  if (i >= node.inputs.size()) return nullptr;
  const Tensor* fixed = trace.fixed(node.inputs[i]);
  return fixed != nullptr && fixed->dtype() == DType::kFloat32 ? fixed : nullptr;
}

// The node behind nodes that only change the shape, starting at the maker of `value`.
const Node* behind_reshapes(const Trace& trace, const std::string& value) {
  constexpr std::array kTransparent = {"Flatten", "Reshape", "Squeeze", "Dropout", "Identity"};
  const Node* node = trace.maker(value);
  // The count stops a graph that runs in a circle.
  for (std::size_t hops = 0; node != nullptr && !node->inputs.empty() && hops < trace.graph.nodes.size();
       ++hops) {
    if (std::find(kTransparent.begin(), kTransparent.end(), node->op) == kTransparent.end()) break;
    node = trace.maker(node->inputs[0]);
  }
  return node;
}

bool pools_everything(const Trace& trace, const Node* node) {
  if (node == nullptr || node->inputs.empty()) return false;
  if (node->op == "GlobalAveragePool") return true;
  if (node->op != "ReduceMean") return false;
  Ints axes;
  if (const Attribute* a = attribute(*node, "axes")) axes = a->ints;
  if (node->inputs.size() > 1) {
    const Tensor* fixed = trace.fixed(node->inputs[1]);
    if (fixed != nullptr && fixed->dtype() == DType::kInt64) axes = fixed->values<std::int64_t>();
  }
  std::sort(axes.begin(), axes.end());
  return axes == Ints{2, 3} || axes == Ints{-2, -1};
}

Tensor transposed(const Tensor& w) { return ops::permute(w, {1, 0}); }

// A 1x1 convolution with stride 1 in one group; *pad is its padding, the same on all sides.
bool is_pointwise(const Trace& trace, const Node& node, std::int64_t* pad) {
  const Tensor* w = node.op == "Conv" ? weight(trace, node, 1) : nullptr;
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

Linear linear_of(const Trace& trace, const Node& node) {
  const Tensor* w = weight(trace, node, 1);
  std::int64_t pad = 0;
  if (node.op == "Gemm" && w != nullptr && w->rank() == 2 && integer(node, "transA", 0) == 0) {
    const Attribute* alpha = attribute(node, "alpha");
    if (alpha != nullptr && alpha->f != 1) return {};
    return {integer(node, "transB", 0) != 0 ? *w : transposed(*w), node.inputs[0]};
  }
  if (node.op == "MatMul" && w != nullptr && w->rank() == 2) return {transposed(*w), node.inputs[0]};
  if (is_pointwise(trace, node, &pad) && pad == 0)
    return {w->reshape(Shape{w->dim(0), w->dim(1)}), node.inputs[0]};
  if (node.op != "Add" || node.inputs.size() != 2) return {};
  // MatMul + bias, in either order.
  for (std::size_t i = 0; i < 2; ++i) {
    const Node* product = weight(trace, node, 1 - i) != nullptr ? trace.maker(node.inputs[i]) : nullptr;
    if (product != nullptr && product->op == "MatMul") return linear_of(trace, *product);
  }
  return {};
}

// The convolution that makes class maps, looking through one activation; or null.
const Node* class_map_conv(const Trace& trace, const std::string& maps) {
  const Node* node = trace.maker(maps);
  if (node != nullptr && (node->op == "Relu" || node->op == "Clip") && !node->inputs.empty())
    node = trace.maker(node->inputs[0]);
  return node != nullptr && node->op == "Conv" && weight(trace, *node, 1) != nullptr ? node : nullptr;
}

// Which initializers make the logits, and where the classes stand in the sizes of the weights.
struct Head {
  std::string weights, bias;  // no bias: ""
  int class_axis = 0;
};

Head head_of(const Trace& trace, const Node* end) {
  if (pools_everything(trace, end)) end = class_map_conv(trace, end->inputs[0]);
  std::string bias;
  if (end != nullptr && end->op == "Add" && end->inputs.size() == 2)
    for (std::size_t i = 0; i < 2 && end->op == "Add"; ++i) {
      const Node* product = weight(trace, *end, 1 - i) != nullptr ? trace.maker(end->inputs[i]) : nullptr;
      if (product == nullptr || product->op != "MatMul") continue;
      bias = end->inputs[1 - i];
      end = product;
    }
  if (end == nullptr || weight(trace, *end, 1) == nullptr) return {};
  if (end->inputs.size() > 2) bias = end->inputs[2];
  if (end->op == "Conv") return {end->inputs[1], bias, 0};
  if (end->op == "Gemm") return {end->inputs[1], bias, integer(*end, "transB", 0) != 0 ? 0 : 1};
  if (end->op == "MatMul") return {end->inputs[1], bias, 1};
  return {};
}

}  // namespace

std::string logits_value(const Graph& graph) {
  check(!graph.outputs.empty(), "onnx", "the graph names no output");
  const std::string& output = graph.outputs[0].name;
  const Node* node = Trace(graph).maker(output);
  const bool is_softmax = node != nullptr && (node->op == "Softmax" || node->op == "LogSoftmax");
  return is_softmax && !node->inputs.empty() ? node->inputs[0] : output;
}

std::optional<CamWeights> find_cam(const Model& model, const std::string& logits) {
  const Trace trace(model.graph);
  const Node* end = behind_reshapes(trace, logits);
  if (end == nullptr) return std::nullopt;
  if (pools_everything(trace, end)) {
    const Node* conv = class_map_conv(trace, end->inputs[0]);
    constexpr std::int64_t kMaxClasses = 10'000;  // the identity matrix grows with the square
    if (conv == nullptr || weight(trace, *conv, 1)->rank() != 4 ||
        weight(trace, *conv, 1)->dim(0) > kMaxClasses)
      return std::nullopt;
    std::int64_t pad = 0;
    const bool pointwise = is_pointwise(trace, *conv, &pad);
    CamWeights cam = cam_of_class_maps(weight(trace, *conv, 1)->dim(0), end->inputs[0]);
    cam.margin = pointwise ? pad : 0;
    return cam;
  }
  const Linear linear = linear_of(trace, *end);
  const Node* pool = linear.weights.defined() ? behind_reshapes(trace, linear.input) : nullptr;
  if (!pools_everything(trace, pool)) return std::nullopt;
  return CamWeights{linear.weights, pool->inputs[0], 0};
}

std::string find_feature_map(const Model& model, const std::string& logits) {
  const Trace trace(model.graph);
  const Node* end = behind_reshapes(trace, logits);
  if (pools_everything(trace, end)) {
    const Node* conv = class_map_conv(trace, end->inputs[0]);
    return conv != nullptr ? conv->inputs[0] : end->inputs[0];
  }
  // Any head: back along the values that nodes make, to the pooling.
  for (std::size_t hops = 0; end != nullptr && hops < trace.graph.nodes.size(); ++hops) {
    if (pools_everything(trace, end)) return end->inputs[0];
    const Node* before = nullptr;
    for (const std::string& input : end->inputs)
      if (before == nullptr) before = trace.maker(input);
    end = before;
  }
  return "";
}

void replace_head(Model& model, std::int64_t classes, std::uint64_t seed) {
  Graph& graph = model.graph;
  const std::string logits = logits_value(graph);
  const Value& output = graph.outputs[0];
  if (output.known && output.sizes.size() == 2 && output.sizes[1] == classes) return;
  const Trace trace(graph);
  const Head head = head_of(trace, behind_reshapes(trace, logits));
  const auto weights = graph.initializers.find(head.weights), bias = graph.initializers.find(head.bias);
  check(weights != graph.initializers.end() && (head.bias.empty() || bias != graph.initializers.end()),
        "onnx", "'", logits,
        "' is made by no layer that is known (Gemm, MatMul with or without Add, Conv with weights ",
        "as initializers), so it cannot be made for ", classes, " classes");
  const std::int64_t inputs = weights->second.numel() / weights->second.dim(head.class_axis);
  const double bound = 1 / std::sqrt(static_cast<double>(inputs));
  weights->second = Tensor(weights->second.shape().with(head.class_axis, classes));
  RandomStream(seed, head.weights).fill_uniform(weights->second, -bound, bound);
  if (bias != graph.initializers.end()) bias->second = Tensor::zeros({classes});
  graph.outputs = {{.name = logits, .known = true, .sizes = {-1, classes}, .names = {"N", ""}}};
}

}  // namespace clearcut::onnx
