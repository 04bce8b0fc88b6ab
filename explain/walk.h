// Walks back through a classifier by other rules than the gradient's: guided backpropagation, relevance,
// DeepLIFT, bias terms. A rule set is data: what each operator passes back, by its name.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "autograd/trace.h"
#include "models/classifier.h"

namespace clearcut {

/// One operator on the way back.
struct Step {
  const Node& node;
  const Call& call;   // its inputs, output and options
  const Call* start;  // the same operator in the pass from a start x', null where there is none
  const Tensor& dy;   // what arrived at its output
  const Need& need;   // need(i): input i depends on the picture

  const Tensor& x(std::size_t i = 0) const { return call.inputs[i]; }
  const Tensor& y() const { return call.output; }
  /// How many inputs depend on the picture.
  int varying() const;
  /// What the gradient passes back of `arrived`, per input. `dy` and `arrived` stay as they are.
  Grads plain(const Tensor& arrived) const;
  Grads plain() const { return plain(dy); }
  /// What the operator said of how it was called. Throws Error that names it if that is another type.
  template <class Options>
  const Options& options() const {
    const auto* said = std::any_cast<Options>(&call.options);
    check(said != nullptr, call.op, "the walk does not know how it was called");
    return *said;
  }
};

/// What an operator passes back, one tensor per input that needs one, in the shape of the input or of the
/// output it is spread over.
using Rule = std::function<Grads(const Step&)>;

/// Rules by the operators' names: "relu", "conv2d", ... A walk that meets an operator without a rule is an
/// Error that names it: nothing is passed back by a gradient that nobody asked for.
using RuleSet = std::map<std::string, Rule>;

/// Gives all of `ops` one rule.
void set_rule(RuleSet& rules, const std::vector<std::string>& ops, const Rule& rule);
/// The gradient itself.
Grads plain_rule(const Step& step);

/// Operators of networks in evaluation, by kind; with relu, clamp and batch_norm these are all of them.
namespace walk_ops {
using Names = std::vector<std::string>;
/// Sums of products with fixed weights; matmul also of two values.
inline const Names kWeights = {"conv2d", "conv_transpose2d", "linear", "matmul"};
/// Numbers are moved, none is changed.
inline const Names kMoves = {"reshape", "permute", "slice", "concat", "pad2d"};
/// Weighted sums of one value.
inline const Names kMeans = {"avg_pool2d", "adaptive_avg_pool2d", "mean",
                             "sum",        "resize_bilinear",     "resize_nearest"};
/// Of two values, or of one and a number.
inline const Names kArithmetic = {"add", "sub", "mul", "div", "neg", "subtract_from"};
inline const Names kMaxima = {"max_pool2d", "max"};
/// Activations but for relu and clamp (ReLU6).
inline const Names kActivations = {"leaky_relu", "sigmoid",      "tanh",      "softplus",
                                   "silu",       "hard_sigmoid", "hard_swish"};
/// The other functions of single numbers.
inline const Names kFunctions = {"exp", "log", "sqrt", "square", "abs", "erf", "divide_into"};
/// Functions of whole rows.
inline const Names kRows = {"softmax", "log_softmax", "log_sum_exp"};
}  // namespace walk_ops

/// A forward pass of which every operator is known, to be walked back once. The network runs operator by
/// operator (Mode::fuse is off meanwhile): rules see a convolution, its batch norm, the addition and the ReLU
/// behind it one by one, in our own networks and in ONNX graphs. A walk refuses a convolution or batch norm
/// that was fused all the same.
///
/// All values of the pass stay alive: about twice the memory of a gradient. Under NoGrad there is no tape,
/// and the pass can only be the start of another.
class OpenPass {
 public:
  OpenPass(Classifier& classifier, const Var& x);

  const Var& logits() const { return logits_; }
  const std::vector<Call>& calls() const { return calls_; }
  /// The tape by `rules`, from dz at the logits: x.grad() is what arrives at the picture. `name` is the
  /// explainer's, for errors. With `start`, rules see the same operator in that pass.
  void walk(const Tensor& dz, const std::string& name, const RuleSet& rules,
            const OpenPass* start = nullptr) const;

 private:
  std::vector<Call> calls_;
  Var logits_;
};

}  // namespace clearcut
