// What the builder of an operator sees of its node: attributes and inputs, each asked for by name.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "autograd/after.h"
#include "autograd/batch_norm.h"
#include "models/onnx_proto.h"
#include "nn/module.h"

namespace clearcut::onnx {

/// Runs one node. `in` has one value per input of the node; inputs that are not given, and those that the
/// builder took as constants or buffers, are undefined. A run may move them away, to reuse their storage.
using Run = std::function<Var(std::vector<Var>& in)>;

/// The batch norm behind a convolution.
struct NormBehind {
  Var weight, bias;
  RunningStatistics running;
  double eps;
};

/// How a node can become part of a convolution before it: Conv, BatchNormalization, Add and Relu or Clip, in
/// this order, are one sweep. Builders fill in what applies to them.
struct Part {
  enum class Kind { kNone, kConv, kNorm, kAdd, kClamp };
  Kind kind = Kind::kNone;
  /// kConv: all in one, or an undefined Var if that cannot be done now; norm may be null.
  std::function<Var(const std::vector<Var>& in, const NormBehind* norm, const After& after)> conv = nullptr;
  const Buffer *mean = nullptr, *variance = nullptr;  // kNorm; its inputs 1 and 2 are weight and bias
  double eps = 0;
  double low = 0, high = 0;  // kClamp
};

/// The values of a graph that are known before any input: initializers and Constant nodes. The weights
/// among them become parameters or buffers when a node first asks for them.
class Weights {
 public:
  Weights(Scope at, std::map<std::string, Tensor> constants)
      : at_(std::move(at)), constants_(std::move(constants)) {}

  /// The numbers of `name`, or null if they depend on the input.
  const Tensor* constant(const std::string& name) const;
  void add(const std::string& name, Tensor value) { constants_.emplace(name, std::move(value)); }
  const Param* param(const std::string& name);
  const Buffer* buffer(const std::string& name);

 private:
  Scope at_;
  std::map<std::string, Tensor> constants_;
  std::deque<Param> params_;
  std::deque<Buffer> buffers_;
  std::map<std::string, const Param*> param_of_;
  std::map<std::string, const Buffer*> buffer_of_;
};

/// At most 64 integers that a run reads: sizes, bounds, axes.
struct IntegerInput {
  std::optional<std::vector<std::int64_t>> known;
  std::size_t input = 0;
  std::string what = {};

  /// Throws Error if the value is no list of at most 64 int64.
  std::vector<std::int64_t> of(const std::vector<Var>& in) const;
};

/// Hands out attributes and inputs, and remembers which were asked for: finish() refuses a node with an
/// attribute that nobody asked for, because ignoring it would change the result silently.
class NodeReader {
 public:
  /// made: which of the node's outputs is to be made; 0 but for operators with several.
  NodeReader(const Node& node, std::int64_t opset_version, std::int64_t exported_batch, Weights& weights,
             std::size_t made = 0)
      : opset(opset_version), batch(exported_batch), output(made), node_(node), weights_(weights) {}

  const std::int64_t opset;
  /// The number of pictures that the model was exported for, -1 if open.
  const std::int64_t batch;
  const std::size_t output;
  std::size_t outputs() const { return node_.outputs.size(); }
  Part part;

  bool has(const char* name) const;
  std::int64_t integer(const char* name, std::int64_t fallback);
  float real(const char* name, float fallback);
  std::string text(const char* name, const std::string& fallback);
  std::optional<std::vector<std::int64_t>> integers(const char* name);
  std::vector<float> reals(const char* name);
  std::optional<Tensor> tensor(const char* name);
  /// An attribute that does not change the result of inference.
  void ignore(const char* name) { asked_.insert(name); }

  bool given(std::size_t input) const;
  /// True if the numbers of a given input are known already.
  bool fixed(std::size_t input) const { return weights_.constant(node_.inputs[input]) != nullptr; }
  /// Throws Error unless the node has least to most inputs, and the first `least` are given.
  void inputs(std::size_t least, std::size_t most) const;
  /// Takes an input whose numbers are known already; fails if they depend on the picture.
  Tensor constant(std::size_t input, const char* what);
  std::vector<std::int64_t> constant_integers(std::size_t input, const char* what);
  double constant_scalar(std::size_t input, const char* what);
  /// Integers that an input gives: known already, or worked out from the sizes of values.
  IntegerInput integer_input(std::size_t input, const char* what);
  /// The attribute or, since opset `inputs_since`, the second input "axes"; empty if there is none.
  std::vector<std::int64_t> axes(std::int64_t inputs_since);
  /// Takes an initializer that is state but is not trained.
  const Buffer* buffer(std::size_t input, const char* what);
  bool taken(std::size_t input) const { return taken_.contains(input); }

  void finish() const;
  /// Throws Error "onnx: node 'conv1' (Conv): parts...".
  template <class... Part>
  [[noreturn]] void refuse(const Part&... parts) const {
    clearcut::fail("onnx", "node ", node_.title(), ": ", parts...);
  }

 private:
  const Attribute* find(const char* name, Attribute::Kind kind);

  const Node& node_;
  Weights& weights_;
  std::set<std::string> asked_;
  std::set<std::size_t> taken_;
};

/// The builder of `op`, or null. Builders read the node and return what runs it.
using Builder = Run (*)(NodeReader& node);
Builder find_builder(const std::string& op);
/// "Add, AveragePool, ...": for errors and `clearcut model list`.
std::string supported_operators();
/// Operators of which every output can be read; of the others only the first.
bool has_many_outputs(const std::string& op);

/// The builders of one file: onnx_pointwise.cpp, onnx_shapes.cpp, ...
struct BuilderRow {
  const char* op;
  Builder build;
};
using BuilderTable = std::span<const BuilderRow>;
BuilderTable pointwise_builders();
BuilderTable matrix_builders();
BuilderTable norm_builders();
BuilderTable shape_builders();
BuilderTable integer_builders();
BuilderTable window_builders();
BuilderTable resize_builders();

/// Negative axes count from the end of `rank`; sorted. Throws Error on one outside, or twice.
std::vector<std::int64_t> positive_axes(const std::vector<std::int64_t>& axes, std::int64_t rank,
                                        const char* op);
std::int64_t positive_axis(std::int64_t axis, std::int64_t rank, const char* op);

/// Sizes and indices flow through a graph as int64 values, on the CPU and without gradient.
bool is_integer(const Var& x);
/// f of two int64 values of one shape, or one of them of one element. f may throw.
Var integers(const Var& a, const Var& b, std::int64_t (*f)(std::int64_t, std::int64_t));

}  // namespace clearcut::onnx
