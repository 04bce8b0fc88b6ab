// A graph under construction from the calls of a forward pass; for onnx_export.cpp and onnx_export_ops.cpp.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "autograd/trace.h"
#include "models/onnx_proto.h"
#include "nn/module.h"

namespace clearcut::onnx {

class GraphWriter {
 public:
  using Ints = std::vector<std::int64_t>;

  /// `state`: tensors that become initializers under their names when a node first reads them.
  GraphWriter(const StateDict& state, const Tensor& input, const std::string& input_name);

  /// The name of a value that a call made, of the input, or of a tensor of the state; another one is
  /// fixed().
  std::string name_of(const Tensor& tensor);
  /// Numbers that are none of the state, as an initializer.
  std::string fixed(const Tensor& numbers, const std::string& wanted);
  /// Gives a call's output its name: `wanted`, with a number behind it if that is taken.
  std::string claim(const Tensor& output, const std::string& wanted);

  /// Appends a node that makes `output`; returns that name.
  std::string add(const std::string& op, const std::vector<std::string>& inputs, const std::string& output,
                  std::vector<Attribute> attributes = {});

  /// Initializers of int64 [n] and of one float32; equal ones are shared.
  std::string integers(const Ints& values);
  std::string number(double value);
  /// A name for what `value` needs along the way: "layer4.plane".
  std::string helper(const std::string& value, const std::string& what);
  /// Value names with int64 [2]: the first two sizes of a value, and its height and width.
  std::string leading_sizes(const std::string& value) { return sizes(value, "batch", 0, 2); }
  std::string plane(const std::string& value) { return sizes(value, "plane", 2, 4); }

  Graph take() { return std::move(graph_); }

 private:
  std::string unique(const std::string& wanted);
  std::string initializer(const std::string& name, const Tensor& tensor);
  std::string sizes(const std::string& value, const char* what, std::int64_t from, std::int64_t to);

  StateDict state_;
  std::vector<std::pair<Tensor, std::string>> values_;  // in the order in which they were made
  std::map<std::string, std::string> sizes_;            // helpers that are there
  std::set<std::string> names_;
  Graph graph_;
};

Attribute attribute(const char* name, std::int64_t value);
Attribute attribute(const char* name, double value);
Attribute attribute(const char* name, const char* value);
Attribute attribute(const char* name, const GraphWriter::Ints& values);

/// Writes one call: the nodes that make `output` of its inputs.
using CallWriter = void (*)(GraphWriter& graph, const Call& call, const std::string& output);
struct CallRow {
  const char* op;
  CallWriter write;
};
std::span<const CallRow> call_writers();

/// True if the numbers of bins, and so the graph, depend on the size of the picture.
bool depends_on_size(const Call& call);

}  // namespace clearcut::onnx
