// What the builder of an operator sees of its node: attributes and inputs, each asked for by name.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
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

/// Hands out attributes and inputs, and remembers which were asked for: finish() refuses a node with an
/// attribute that nobody asked for, because ignoring it would change the result silently.
class NodeReader {
 public:
  NodeReader(const Node& node, std::int64_t opset_version, std::int64_t exported_batch, Weights& weights)
      : opset(opset_version), batch(exported_batch), node_(node), weights_(weights) {}

  const std::int64_t opset;
  /// The number of pictures that the model was exported for, -1 if open.
  const std::int64_t batch;
  Part part;

  std::int64_t integer(const char* name, std::int64_t fallback);
  float real(const char* name, float fallback);
  std::string text(const char* name, const std::string& fallback);
  std::optional<std::vector<std::int64_t>> integers(const char* name);
  std::optional<Tensor> tensor(const char* name);
  /// An attribute that does not change the result of inference.
  void ignore(const char* name) { asked_.insert(name); }

  bool given(std::size_t input) const;
  /// Throws Error unless the node has least to most inputs, and the first `least` are given.
  void inputs(std::size_t least, std::size_t most) const;
  /// Takes an input whose numbers are known already; fails if they depend on the picture.
  Tensor constant(std::size_t input, const char* what);
  std::vector<std::int64_t> constant_integers(std::size_t input, const char* what);
  double constant_scalar(std::size_t input, const char* what);
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

// Builders that stand in files of their own: operators with windows.
Run build_conv(NodeReader& node);
Run build_max_pool(NodeReader& node);
Run build_average_pool(NodeReader& node);

}  // namespace clearcut::onnx
