// A network read from an ONNX file: runs on Vars, differentiable to its input, every value can be tapped.
#pragma once

#include <string>
#include <vector>

#include "models/onnx_node.h"

namespace clearcut::onnx {

/// The part of an ONNX graph that leads from its one input to one output.
///
/// Weights become parameters of the registry under their initializer names, frozen (require_grad(true)
/// unfreezes them); running means and variances become buffers and stay as they are. Tap paths are the names
/// of values (node outputs and the input); a node's name is another name for its output. What depends on
/// fixed numbers only is worked out once, in the constructor, where it has no more than 2^22 elements. Sizes
/// and indices are int64 values that are worked out in each run; they cannot be tapped. A value is dropped as
/// soon as its last reader ran, so a forward pass under NoGrad holds only what is still needed. A convolution
/// does the batch norm, addition and Relu or Clip behind it in the same sweep, unless a tap watches what lies
/// between or mode.fuse is false.
///
/// Operators: supported_operators(), in inference mode. Nodes that do not lead to the output are not looked
/// at. The constructor throws Error that names the node and its operator for anything else: an operator, an
/// attribute or a dynamic input that is not supported; a value that nothing makes; several inputs; an opset
/// outside 7 to 21. Errors while running start with the node: "node 'conv1' (Conv): conv2d: ...".
class Net {
 public:
  /// output: the value to compute; "" is the graph's first output.
  Net(Scope at, const Model& model, const std::string& output = "");
  Net(const Net&) = delete;
  Net& operator=(const Net&) = delete;

  Var operator()(const Var& x) const;

  /// True if `value` is the input or made by a node of this network.
  bool has(const std::string& value) const { return slots_.contains(value); }
  const Value& input() const { return input_; }
  const std::string& output() const { return output_; }

 private:
  // Where a step takes an input from: nothing, an earlier value, a parameter, or fixed integers.
  struct Source {
    std::int64_t slot = -1;
    const Param* param = nullptr;
    Var fixed = {};
  };
  struct Step {
    std::string title, path;
    Run run;
    Part part;
    std::vector<std::size_t> behind;  // of a convolution: later steps that it can do along the way
    std::vector<Source> inputs;
    std::size_t output = 0;
    std::vector<std::size_t> last_read;  // slots that nobody reads after this step
  };

  void add_node(const Node& node, const Model& model);
  void add_output(const Node& node, const Model& model, std::size_t output);
  bool reads_value(const Node& node) const;
  void fold(const NodeReader& reader, const Node& node, const Step& step, std::size_t output);
  Source source_of(const std::string& name, const Node& node);
  void find_last_reads();
  void find_parts_behind(std::size_t conv);
  std::int64_t only_reader(std::size_t slot) const;
  Source other_operand(const Step& add, std::size_t slot) const;
  std::vector<Var> inputs_of(const Step& step, const std::vector<Var>& values) const;
  Var run_together(const Step& conv, const std::vector<Var>& values) const;

  Scope at_;
  Weights weights_;
  Value input_;
  std::string output_;
  std::vector<Step> steps_;
  std::map<std::string, std::size_t> slots_;  // of each value that was made so far
};

}  // namespace clearcut::onnx
