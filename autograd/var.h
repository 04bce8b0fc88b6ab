// Var: a tensor with a gradient and a place on the tape. Reverse-mode differentiation.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "tensor/tensor.h"

namespace clearcut {

/// Gradients of a loss with respect to the inputs of one operator, in their order. An undefined tensor
/// stands for an input that needs none.
using Grads = std::vector<Tensor>;

/// need(i) tells a backward closure whether input i needs its gradient, so that it can skip the work.
class Need {
 public:
  explicit Need(std::vector<bool> inputs) : inputs_(std::move(inputs)) {}
  bool operator()(std::size_t i) const { return inputs_[i]; }

 private:
  std::vector<bool> inputs_;
};

/// dy = dloss/dy -> one gradient per input; the engine adds and stores them. If dy is unique() it may be
/// reused.
using Backward = std::function<Grads(const Tensor& dy, const Need& need)>;

struct Node;

/// What stands in for node.backward(dy, need) in a walk by another rule, which may ask node.backward itself.
using BackwardRule = std::function<Grads(const Node& node, const Tensor& dy, const Need& need)>;

/// One operator call on the tape. Edges point from node to node and keep no values alive.
struct Node {
  const char* op = "leaf";
  std::uint64_t id = 0;                       // creation order; backward walks from high to low
  std::vector<std::shared_ptr<Node>> inputs;  // null where no gradient is needed
  std::vector<Shape> input_shapes;
  Backward backward;  // empty for a leaf, and after it ran
  Shape shape;
  DType dtype = DType::kFloat32;
  Device device = Device::kCpu;
  Tensor grad;
  bool keeps_grad = false;  // leaves, and values that a Tap watches
  bool is_leaf = false;

  Node() = default;
  /// Frees long chains one by one: the default destructors would recurse once per operator.
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
};

class Rebuilt;

/// A value that may take part in differentiation. Copying copies the handle.
class Var {
 public:
  Var() = default;
  /// A leaf. With requires_grad its gradient is kept and added up over backward() calls.
  explicit Var(Tensor value, bool requires_grad = false);

  const Tensor& value() const { return value_; }
  const Shape& shape() const { return value_.shape(); }
  std::int64_t dim(int i) const { return value_.dim(i); }
  DType dtype() const { return value_.dtype(); }
  Device device() const { return value_.device(); }
  bool defined() const { return value_.defined(); }

  bool requires_grad() const { return node_ != nullptr; }
  /// The gradient of the last backward() calls; undefined before the first.
  const Tensor& grad() const;
  void zero_grad() const;
  /// Keeps the gradient of a value that is not a leaf.
  void keep_grad() const;
  /// The same numbers without a tape: no gradient flows through.
  Var detach() const { return Var(value_); }

  /// Walks the tape from this value and adds dloss/dleaf to every leaf. Without dy the value must have
  /// one element, and dy is 1. Closures are freed as the walk passes them: one walk per tape.
  void backward() const;
  void backward(const Tensor& dy) const;
  /// The same walk, on which every operator passes back what `rule` says instead of its gradient: guided
  /// backpropagation, relevance, ... What arrives at a leaf is its grad().
  void backward(const Tensor& dy, const BackwardRule& rule) const;

  const std::shared_ptr<Node>& node() const { return node_; }

  /// The same value, of which save() keeps the way to make it again instead of the numbers.
  Var rebuilt_by(std::shared_ptr<Rebuilt> again) const;
  const std::shared_ptr<Rebuilt>& rebuilt() const { return again_; }  // null for most

 private:
  friend Var record(const char* op, Tensor y, const std::vector<Var>& inputs, Backward backward);
  Tensor value_;
  std::shared_ptr<Node> node_;
  std::shared_ptr<Rebuilt> again_;
};

/// Puts y = op(inputs) on the tape. The closure is dropped when no input needs a gradient or a NoGrad
/// lives. The engine does the rest once for all operators: a gradient that is larger than its input is
/// summed over the broadcast dimensions, shapes and dtypes are checked (errors name op and input), the
/// first gradient of a node is taken and later ones are added.
///
///   return record("softmax", y, {x}, [y = save(y)](const Tensor& dy, const Need&) {
///     return Grads{ops::softmax_backward(dy, y)};
///   });
Var record(const char* op, Tensor y, const std::vector<Var>& inputs, Backward backward);

/// A tensor kept for the backward pass, together with its version. Reading it after it was overwritten
/// throws an Error that names both operators. Only what is saved stays alive.
class Saved {
 public:
  Saved() = default;  // nothing kept: an undefined tensor
  explicit Saved(Tensor value)
      : value_(std::move(value)), version_(value_.defined() ? value_.version() : 0) {}
  explicit Saved(std::shared_ptr<Rebuilt> again) : again_(std::move(again)) {}
  operator const Tensor&() const { return get(); }  // NOLINT: closures read like the formula
  const Tensor& get() const;
  const Tensor* operator->() const { return &get(); }

 private:
  Tensor value_;
  std::uint64_t version_ = 0;
  std::shared_ptr<Rebuilt> again_;
};

/// A value that is cheaper to make again than to keep, as relu(batch_norm(x)) from x, with which it shares
/// its fate in the backward pass. It is made when the first of those who saved it asks, and freed with the
/// last of them.
class Rebuilt {
 public:
  explicit Rebuilt(std::function<Tensor()> make) : make_(std::move(make)) {}
  const Tensor& get();

 private:
  std::function<Tensor()> make_;  // empty once it ran: what it held is free
  Saved made_;
};

inline Saved save(const Tensor& x) { return Saved(x); }
inline Saved save(const Var& x) { return x.rebuilt() ? Saved(x.rebuilt()) : Saved(x.value()); }
/// Nothing is kept for a gradient that nobody wants: save_if(w.requires_grad(), x).
inline Saved save_if(bool needed, const Var& x) { return needed ? save(x) : Saved(); }

/// While one lives on this thread, record() keeps no tape.
class NoGrad {
 public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;
  static bool active();

 private:
  bool outer_;
};

}  // namespace clearcut
