#include "models/onnx_proto.h"

#include <filesystem>
#include <set>
#include <utility>

#include "models/onnx_tensor.h"
#include "models/onnx_wire.h"

namespace clearcut::onnx {

namespace {

constexpr std::size_t kMaxNodes = 100'000;  // the largest CNNs have a few thousand
constexpr std::size_t kMaxNames = 1'000;    // inputs, outputs or attributes of one node
constexpr std::int64_t kMaxOpset = 1'000;

template <class T>
void add(const WireReader& in, std::vector<T>& list, T item, std::size_t limit, const char* what) {
  if (list.size() >= limit) in.broken("more than ", limit, " ", what, "; the file is damaged");
  list.push_back(std::move(item));
}

// Reads the value of the attribute that the current field holds; the field says its kind.
void parse_value(WireReader& in, Attribute& a, ExternalFiles& files) {
  using Kind = Attribute::Kind;
  const auto field = in.field();
  if (field == 2) a.f = in.fixed32(), a.kind = Kind::kFloat;
  if (field == 3) a.i = in.varint(), a.kind = Kind::kInt;
  if (field == 4) a.s = in.text(), a.kind = Kind::kString;
  if (field == 5) a.tensor = parse_tensor(in.message("tensor"), files).second, a.kind = Kind::kTensor;
  if (field == 6) a.kind = Kind::kGraph;
  if (field == 7) in.floats([&](float v) { a.floats.push_back(v); }), a.kind = Kind::kFloats;
  if (field == 8)
    in.varints([&](std::uint64_t v) { a.ints.push_back(static_cast<std::int64_t>(v)); }),
        a.kind = Kind::kInts;
  if (field >= 9 && field <= 11) a.kind = Kind::kOther;
}

Attribute parse_attribute(WireReader in, ExternalFiles& files) {
  Attribute a;
  std::int64_t type = 0;
  while (in.next()) {
    if (in.field() == 1) a.name = in.text();
    if (in.field() == 20) type = in.varint();
    parse_value(in, a, files);
  }
  // The type field decides where it is there: an empty list leaves no other trace.
  if (type > 0 && type <= static_cast<std::int64_t>(Attribute::Kind::kInts))
    a.kind = static_cast<Attribute::Kind>(type);
  if (a.kind == Attribute::Kind::kTensor && !a.tensor.defined())
    in.broken("attribute '", a.name, "' says it is a tensor but holds none");
  return a;
}

Node parse_node(WireReader in, ExternalFiles& files) {
  Node node;
  while (in.next()) {
    switch (in.field()) {
      case 1:
        add(in, node.inputs, in.text(), kMaxNames, "inputs");
        break;
      case 2:
        add(in, node.outputs, in.text(), kMaxNames, "outputs");
        break;
      case 3:
        node.name = in.text();
        break;
      case 4:
        node.op = in.text();
        break;
      case 5:
        add(in, node.attributes, parse_attribute(in.message("attribute"), files), kMaxNames, "attributes");
        break;
      case 7:
        node.domain = in.text();
        break;
      default:
        break;
    }
  }
  if (node.op.empty()) in.broken("node '", node.name, "' has no operator; the file is damaged");
  return node;
}

void parse_dimension(WireReader in, Value& value) {
  std::int64_t size = -1;
  std::string name;
  while (in.next()) {
    if (in.field() == 1) size = in.varint();
    if (in.field() == 2) name = in.text();
  }
  add(in, value.sizes, size > 0 ? size : -1, kMaxNames, "dimensions");
  value.names.push_back(std::move(name));
}

Value parse_value(WireReader in) {
  Value value;
  const auto shape = [&](WireReader dims) {
    value.known = true;
    while (dims.next())
      if (dims.field() == 1) parse_dimension(dims.message("dimension"), value);
  };
  const auto tensor_type = [&](WireReader type) {
    while (type.next())
      if (type.field() == 2) shape(type.message("shape"));
  };
  while (in.next()) {
    if (in.field() == 1) value.name = in.text();
    if (in.field() != 2) continue;
    WireReader type = in.message("type");
    while (type.next())
      if (type.field() == 1) tensor_type(type.message("tensor type"));
  }
  return value;
}

void check_names(const WireReader& in, const Graph& graph) {
  std::set<std::string> made;
  for (const auto& [name, tensor] : graph.initializers) made.insert(name);
  for (const Value& input : graph.inputs)
    if (!made.insert(input.name).second) in.broken("two values are called '", input.name, "'");
  for (const Node& node : graph.nodes)
    for (const std::string& output : node.outputs)
      if (!output.empty() && !made.insert(output).second)
        in.broken("node ", node.title(), " makes '", output, "', which is there already");
}

Graph parse_graph(WireReader in, ExternalFiles& files) {
  Graph graph;
  while (in.next()) {
    switch (in.field()) {
      case 1:
        add(in, graph.nodes, parse_node(in.message("node"), files), kMaxNodes, "nodes");
        break;
      case 2:
        graph.name = in.text();
        break;
      case 5: {
        auto [name, tensor] = parse_tensor(in.message("tensor"), files);
        add(in, graph.initializer_order, name, kMaxNodes, "initializers");
        if (!graph.initializers.emplace(name, std::move(tensor)).second)
          in.broken("two initializers are called '", name, "'");
        break;
      }
      case 11:
        add(in, graph.inputs, parse_value(in.message("input")), kMaxNodes, "inputs");
        break;
      case 12:
        add(in, graph.outputs, parse_value(in.message("output")), kMaxNodes, "outputs");
        break;
      case 15:
        in.broken("sparse initializers are not supported");
      default:
        break;
    }
  }
  // Before IR version 4 each initializer was listed as an input too.
  std::erase_if(graph.inputs, [&](const Value& v) { return graph.initializers.contains(v.name); });
  if (graph.nodes.empty()) in.broken("it has no nodes; not an ONNX model, or truncated");
  check_names(in, graph);
  return graph;
}

void parse_opset(WireReader in, Model& model) {
  std::string domain;
  std::int64_t version = 0;
  while (in.next()) {
    if (in.field() == 1) domain = in.text();
    if (in.field() == 2) version = in.varint();
  }
  if (domain.empty() || domain == "ai.onnx") model.opset = version;
}

// Values may be long: a list of class names.
void parse_metadata(WireReader in, Model& model) {
  std::string key, value;
  while (in.next()) {
    if (in.field() == 1) key = in.text();
    if (in.field() == 2) {
      const auto bytes = in.bytes();
      value.assign(bytes.begin(), bytes.end());
    }
  }
  model.metadata[key] = std::move(value);
}

}  // namespace

std::string Node::title() const {
  const std::string& shown = !name.empty() || outputs.empty() ? name : outputs[0];
  return cat("'", shown, "' (", op, ")");
}

Model parse_model(std::span<const std::uint8_t> bytes, std::string_view file, const std::string& folder) {
  Model model;
  ExternalFiles files(folder);
  WireReader in(bytes, file, "model");
  bool has_graph = false;
  while (in.next()) {
    switch (in.field()) {
      case 1:
        model.ir_version = in.varint();
        break;
      case 2:
        model.producer = in.text();
        break;
      case 7:
        if (std::exchange(has_graph, true)) in.broken("it has two graphs; the file is damaged");
        model.graph = parse_graph(in.message("graph"), files);
        break;
      case 8:
        parse_opset(in.message("opset"), model);
        break;
      case 14:
        parse_metadata(in.message("metadata"), model);
        break;
      case 25:
        in.broken("it defines functions of its own; export it with the standard operators only");
      default:
        break;
    }
  }
  if (!has_graph) in.broken("it has no graph; not an ONNX model, or truncated");
  if (model.opset < 1 || model.opset > kMaxOpset)
    in.broken("it names no opset of the standard operators (1 to ", kMaxOpset, ", got ", model.opset,
              "); not an ONNX model, or truncated");
  return model;
}

Model read_model(const std::string& path) {
  const std::filesystem::path file(path), folder = file.parent_path();
  return parse_model(read_file(path), file.filename().string(), folder.empty() ? "." : folder.string());
}

}  // namespace clearcut::onnx
