#include "models/onnx_encode.h"

#include <algorithm>
#include <set>

#include "models/onnx_message.h"

namespace clearcut::onnx {

namespace {

constexpr std::int64_t kIrVersion = 7;  // of the release that brought opset 13; initializers are no inputs
constexpr std::int64_t kFloat16 = 10, kBfloat16 = 16;
constexpr std::size_t kMostBytes = (std::size_t{1} << 31) - 1;

// The numbers of TensorProto.DataType, in the order of DType.
constexpr std::int64_t kTypeNumbers[] = {1, 11, 6, 7, 2};
std::int64_t type_number(DType dtype) { return kTypeNumbers[static_cast<std::size_t>(dtype)]; }

Message encode(const std::string& name, const Tensor& tensor) {
  Message m;
  for (const std::int64_t size : tensor.shape().sizes()) m.number(1, size);
  m.number(2, type_number(tensor.dtype())).text(8, name);
  std::string raw;
  const Tensor host = tensor.to(Device::kCpu);
  on_host<Numbers>("onnx", host.device(), host.dtype(), [&]<class T>(auto) {
    raw.assign(reinterpret_cast<const char*>(host.data<const T>()), host.bytes());
  });
  return m.text(9, raw);
}

Message encode(const Attribute& a) {
  using Kind = Attribute::Kind;
  Message m;
  m.text(1, a.name);
  switch (a.kind) {
    case Kind::kFloat:
      m.real(2, a.f);
      break;
    case Kind::kInt:
      m.number(3, a.i);
      break;
    case Kind::kString:
      m.text(4, a.s);
      break;
    case Kind::kTensor:
      m.part(5, encode("", a.tensor));
      break;
    case Kind::kFloats:
      for (const float v : a.floats) m.real(7, v);
      break;
    case Kind::kInts:
      for (const std::int64_t v : a.ints) m.number(8, v);
      break;
    default:
      fail("onnx", "the attribute '", a.name, "' holds a graph or another kind of value that is not written");
  }
  return m.number(20, static_cast<std::int64_t>(a.kind));
}

Message encode(const Node& node) {
  Message m;
  for (const std::string& name : node.inputs) m.text(1, name);
  for (const std::string& name : node.outputs) m.text(2, name);
  m.text(3, node.name).text(4, node.op);
  for (const Attribute& a : node.attributes) m.part(5, encode(a));
  if (!node.domain.empty()) m.text(7, node.domain);
  return m;
}

Message encode(const Value& value) {
  Message shape;
  for (std::size_t i = 0; i < value.sizes.size(); ++i) {
    const bool named = i < value.names.size() && !value.names[i].empty();
    Message size;
    if (value.sizes[i] >= 0)
      size.number(1, value.sizes[i]);
    else if (named)
      size.text(2, value.names[i]);
    shape.part(1, size);
  }
  Message type;
  type.number(1, type_number(DType::kFloat32));
  if (value.known) type.part(2, shape);
  return Message().text(1, value.name).part(2, Message().part(1, type));
}

Message encode(const Graph& graph) {
  Message m;
  for (const Node& node : graph.nodes) m.part(1, encode(node));
  m.text(2, graph.name);
  for (const std::string& name : graph.initializer_order) {
    m.part(5, encode(name, graph.initializers.at(name)));
    check(m.bytes.size() <= kMostBytes, "onnx", "the network has more than 2 GiB of weights; an ONNX file ",
          "cannot hold them, export safetensors");
  }
  for (const Value& value : graph.inputs) m.part(11, encode(value));
  for (const Value& value : graph.outputs) m.part(12, encode(value));
  return m;
}

}  // namespace

std::string encode_model(const Model& model) {
  Message m;
  m.number(1, std::max(model.ir_version, kIrVersion)).text(2, model.producer);
  m.part(7, encode(model.graph)).part(8, Message().number(2, model.opset));
  for (const auto& [key, value] : model.metadata) m.part(14, Message().text(1, key).text(2, value));
  check(m.bytes.size() <= kMostBytes, "onnx", "the file would have 2 GiB or more");
  return m.bytes;
}

Model with_weights(Model model, const StateDict& weights) {
  Graph& graph = model.graph;
  std::set<std::string> given;
  for (const auto& [name, tensor] : weights) {
    given.insert(name);
    if (!graph.initializers.contains(name)) graph.initializer_order.push_back(name);
    graph.initializers[name] = tensor.to(Device::kCpu);
  }
  const auto is_given = [&](const Node& node) {
    return node.outputs.size() == 1 && given.contains(node.outputs[0]);
  };
  std::erase_if(graph.nodes, is_given);
  for (Node& node : graph.nodes) {
    if (node.op != "Cast") continue;
    for (Attribute& a : node.attributes)
      if (a.name == "to" && (a.i == kFloat16 || a.i == kBfloat16)) a.i = type_number(DType::kFloat32);
  }
  std::set<std::string> read;
  for (const Node& node : graph.nodes) read.insert(node.inputs.begin(), node.inputs.end());
  std::erase_if(graph.initializer_order, [&](const std::string& name) { return !read.contains(name); });
  std::erase_if(graph.initializers, [&](const auto& item) { return !read.contains(item.first); });
  return model;
}

}  // namespace clearcut::onnx
