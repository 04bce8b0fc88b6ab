// An ONNX file in memory: nodes, weights and names, checked but not yet understood.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/tensor.h"

namespace clearcut::onnx {

struct Attribute {
  /// The numbers of AttributeProto.AttributeType. Graphs (control flow) are noted, not read.
  enum class Kind : std::uint8_t {
    kNone = 0,
    kFloat,
    kInt,
    kString,
    kTensor,
    kGraph,
    kFloats,
    kInts,
    kOther
  };
  std::string name;
  Kind kind = Kind::kNone;
  float f = 0;
  std::int64_t i = 0;
  std::string s;
  std::vector<float> floats;
  std::vector<std::int64_t> ints;
  Tensor tensor;
};

struct Node {
  std::string op, domain, name;
  std::vector<std::string> inputs;  // "" stands for an optional input that is not given
  std::vector<std::string> outputs;
  std::vector<Attribute> attributes;

  /// "'conv1' (Conv)": how errors call it; a node without name goes by its output.
  std::string title() const;
};

/// Input or output of the graph. Sizes that the file leaves open ("N") are -1; known is false if the file
/// gives no shape at all.
struct Value {
  std::string name;
  bool known = false;
  std::vector<std::int64_t> sizes;
  std::vector<std::string> names = {};  // of sizes, where the file gives them names: "N"
};

struct Graph {
  std::string name;
  std::vector<Node> nodes;
  std::map<std::string, Tensor> initializers;
  std::vector<std::string> initializer_order;  // names as in the file
  std::vector<Value> inputs;                   // without those that are initializers
  std::vector<Value> outputs;
};

struct Model {
  std::int64_t ir_version = 0;
  std::int64_t opset = 0;  // of the default domain
  std::string producer;
  Graph graph;
  std::map<std::string, std::string> metadata = {};
};

/// Reads a ModelProto. Tensors of float32, float64, int32, int64 and uint8 keep their type, float16 and
/// bfloat16 are widened to float32, bool becomes uint8. `file` is for error texts. Weights in other
/// files are read from `folder`, see ExternalFiles.
/// Throws Error that names file, message and field for: truncated or damaged bytes; a tensor whose sizes are
/// negative, do not fit its data or exceed six dimensions; other element types; no graph or no opset; a name
/// given to two values; more than 100,000 nodes. Memory: the tensors' bytes plus the file's names; sizes are
/// checked against the bytes present first. Source: onnx.proto of https://github.com/onnx/onnx, field numbers
/// only.
Model parse_model(std::span<const std::uint8_t> bytes, std::string_view file, const std::string& folder = "");
/// Reads the file and, where it says so, others in its folder.
Model read_model(const std::string& path);

}  // namespace clearcut::onnx
