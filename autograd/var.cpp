#include "autograd/var.h"

#include <algorithm>
#include <atomic>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "autograd/leaf_ready.h"
#include "autograd/trace.h"
#include "tensor/ops/arithmetic.h"
#include "tensor/ops/sum_to.h"

namespace clearcut {

namespace {

thread_local bool no_grad = false;
thread_local const char* op_in_backward = nullptr;
thread_local const LeafReady* leaf_ready = nullptr;

// Names the operator whose backward pass runs, for error texts.
struct BackwardOf {
  explicit BackwardOf(const char* op) : outer(op_in_backward) { op_in_backward = op; }
  ~BackwardOf() { op_in_backward = outer; }
  BackwardOf(const BackwardOf&) = delete;
  BackwardOf& operator=(const BackwardOf&) = delete;
  const char* outer;  // recompute() walks a tape inside another
};

std::uint64_t next_id() {
  static std::atomic<std::uint64_t> counter{0};
  return ++counter;
}

std::shared_ptr<Node> make_node(const char* op, const Tensor& y) {
  auto node = std::make_shared<Node>();
  node->op = op;
  node->id = next_id();
  node->shape = y.shape();
  node->dtype = y.dtype();
  node->device = y.device();
  return node;
}

// Adds a gradient to a node. The first one is taken as it is and may have other holders: the sum takes the
// storage of a term that has none, or a new one.
void accumulate(Node& node, Tensor g) {
  if (node.grad.defined() && node.grad.unique())
    ops::add_in_place(node.grad, g);
  else if (node.grad.defined() && g.unique())
    ops::add_in_place(g, std::exchange(node.grad, g));
  else
    node.grad = node.grad.defined() ? ops::add(node.grad, g) : std::move(g);
}

// All nodes reachable from `root`, newest first: every node comes after all of its users.
std::vector<std::shared_ptr<Node>> walk_order(const std::shared_ptr<Node>& root) {
  std::vector<std::shared_ptr<Node>> order{root};
  std::unordered_set<const Node*> seen{root.get()};
  for (std::size_t i = 0; i < order.size(); ++i)
    for (std::size_t k = 0; k < order[i]->inputs.size(); ++k) {
      const std::shared_ptr<Node> input = order[i]->inputs[k];
      if (input && seen.insert(input.get()).second) order.push_back(input);
    }
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a->id > b->id; });
  return order;
}

void hand_out(Node& node, Grads grads) {
  check(grads.size() == node.inputs.size(), node.op, "backward returned ", grads.size(), " gradients for ",
        node.inputs.size(), " inputs");
  for (std::size_t i = 0; i < grads.size(); ++i) {
    if (!node.inputs[i]) continue;
    Node& input = *node.inputs[i];
    check(grads[i].defined(), node.op, "backward returned no gradient for input ", i, ", which needs one");
    check(grads[i].dtype() == input.dtype && grads[i].device() == input.device, node.op,
          "backward: gradient of input ", i, " must be ", input.dtype, " on ", input.device, "; got ",
          grads[i].dtype(), " on ", grads[i].device());
    if (grads[i].shape() == node.input_shapes[i]) {
      accumulate(input, std::exchange(grads[i], Tensor()));
    } else {
      const std::string where = cat(node.op, ": backward: gradient of input ", i);
      const ErrorScope scope(where);
      accumulate(input, ops::sum_to(grads[i], node.input_shapes[i]));
    }
  }
}

// rule: instead of the closure; null for none.
void run_backward(Node& node, const BackwardRule& rule) {
  check(node.backward != nullptr, node.op,
        "its tape was freed by an earlier backward(); run the forward pass again");
  std::vector<bool> needed;
  for (const auto& input : node.inputs) needed.push_back(input != nullptr);
  const BackwardOf name(node.op);
  Tensor dy = node.keeps_grad ? node.grad : std::exchange(node.grad, Tensor());
  const Need need(std::move(needed));
  Grads grads = rule ? rule(node, dy, need) : node.backward(dy, need);
  node.backward = nullptr;  // what it saved is free before sums of gradients need room
  dy = Tensor();
  hand_out(node, std::move(grads));
}

// Counts the operators that still have to run before the gradient of a leaf is complete.
class LeafCounts {
 public:
  explicit LeafCounts(const std::vector<std::shared_ptr<Node>>& order) : listener_(LeafReady::take()) {
    if (!listener_) return;
    for (const auto& node : order)
      for (const auto& input : node->inputs)
        if (input && input->is_leaf) ++waiting_[input.get()];
  }
  ~LeafCounts() { LeafReady::put_back(listener_); }
  LeafCounts(const LeafCounts&) = delete;
  LeafCounts& operator=(const LeafCounts&) = delete;

  void ran(const Node& node) {
    if (!listener_) return;
    for (const auto& input : node.inputs)
      if (input && input->is_leaf && --waiting_[input.get()] == 0) listener_->tell(*input);
  }

 private:
  const LeafReady* listener_;
  std::unordered_map<const Node*, int> waiting_;
};

}  // namespace

LeafReady::LeafReady(std::function<void(Node&)> tell) : tell_(std::move(tell)) { leaf_ready = this; }
LeafReady::~LeafReady() { leaf_ready = nullptr; }
const LeafReady* LeafReady::take() { return std::exchange(leaf_ready, nullptr); }
void LeafReady::put_back(const LeafReady* taken) { leaf_ready = taken; }

Node::~Node() {
  std::vector<std::shared_ptr<Node>> orphans = std::move(inputs);
  while (!orphans.empty()) {
    const std::shared_ptr<Node> node = std::move(orphans.back());
    orphans.pop_back();
    if (node == nullptr || node.use_count() > 1) continue;
    std::move(node->inputs.begin(), node->inputs.end(), std::back_inserter(orphans));
    node->inputs.clear();
  }
}

Var::Var(Tensor value, bool requires_grad) : value_(std::move(value)) {
  if (!requires_grad) return;
  check(value_.dtype() == DType::kFloat32 || value_.dtype() == DType::kFloat64, "var",
        "only float32 and float64 values have gradients; got ", value_.dtype());
  node_ = make_node("leaf", value_);
  node_->is_leaf = true;
  node_->keeps_grad = true;
}

const Tensor& Var::grad() const {
  check(node_ != nullptr, "grad", "this value needs no gradient: it was made without requires_grad");
  return node_->grad;
}
void Var::zero_grad() const {
  if (node_) node_->grad = Tensor();
}
void Var::keep_grad() const {
  check(node_ != nullptr, "keep_grad", "this value needs no gradient");
  node_->keeps_grad = true;
}

Var Var::rebuilt_by(std::shared_ptr<Rebuilt> again) const {
  Var y = *this;
  if (node_) y.again_ = std::move(again);
  return y;
}

void Var::backward() const {
  check(value_.defined() && value_.numel() == 1, "backward",
        "without dy the value must have one element, got ", value_.shape());
  backward(Tensor::full(value_.shape(), 1.0, value_.dtype(), value_.device()));
}

void Var::backward(const Tensor& dy) const { backward(dy, nullptr); }

void Var::backward(const Tensor& dy, const BackwardRule& rule) const {
  check(node_ != nullptr, "backward", "nothing to differentiate: no input was made with requires_grad");
  check(dy.shape() == value_.shape() && dy.dtype() == value_.dtype(), "backward", "dy must be ",
        value_.shape(), " ", value_.dtype(), "; got ", dy.shape(), " ", dy.dtype());
  auto order = walk_order(node_);
  accumulate(*node_, dy);
  LeafCounts leaves(order);
  for (const auto& node : order) {
    if (node->is_leaf || !node->grad.defined()) continue;
    run_backward(*node, rule);
    leaves.ran(*node);
  }
  for (const auto& node : order)
    if (!node->is_leaf) node->inputs.clear();
}

Var record(const char* op, Tensor y, const std::vector<Var>& inputs, Backward backward) {
  Var result(std::move(y));
  const bool needed =
      std::any_of(inputs.begin(), inputs.end(), [](const Var& x) { return x.requires_grad(); });
  if (needed && !no_grad) {
    result.node_ = make_node(op, result.value_);
    for (const Var& x : inputs) {
      result.node_->inputs.push_back(x.node());
      result.node_->input_shapes.push_back(x.shape());
    }
    result.node_->backward = std::move(backward);
  }
  if (Trace* trace = Trace::active()) trace->add(op, inputs, result);
  return result;
}

const Tensor& Saved::get() const {
  if (again_) return again_->get();
  if (value_.defined() && value_.version() != version_) [[unlikely]]
    fail(op_in_backward ? op_in_backward : "saved", "a value saved for its backward pass, ", value_.shape(),
         ", was overwritten by ", value_.last_writer(), " after it was recorded; write to a clone instead");
  return value_;
}

const Tensor& Rebuilt::get() {
  if (make_) made_ = Saved(std::exchange(make_, nullptr)());
  return made_.get();
}

NoGrad::NoGrad() : outer_(no_grad) { no_grad = true; }
NoGrad::~NoGrad() { no_grad = outer_; }
bool NoGrad::active() { return no_grad; }

}  // namespace clearcut
