#include "models/onnx_net.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace clearcut::onnx {

namespace {

constexpr std::int64_t kMostFolded = 1 << 22;  // elements
// Before opset 7 operators broadcast by other rules; what later ones than 21 change is not known here.
constexpr std::int64_t kFirstOpset = 7, kLastOpset = 21;

// Nodes that lead to `output`, in the order of the file.
std::vector<const Node*> nodes_towards(const Graph& graph, const std::string& output) {
  std::set<std::string> wanted = {output};
  std::vector<const Node*> nodes;
  for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) {
    bool leads = false;
    for (const std::string& name : node->outputs) leads = leads || (!name.empty() && wanted.contains(name));
    if (!leads) continue;
    wanted.insert(node->inputs.begin(), node->inputs.end());
    nodes.push_back(&*node);
  }
  return {nodes.rbegin(), nodes.rend()};
}

// The value of a Constant node.
Tensor constant_value(NodeReader& node) {
  node.inputs(0, 0);
  std::optional<Tensor> value = node.tensor("value");
  const std::vector<float> reals = node.reals("value_floats");
  if (const auto ints = node.integers("value_ints"))
    value = Tensor::from(Shape{static_cast<std::int64_t>(ints->size())}, *ints);
  else if (!reals.empty())
    value = Tensor::from(Shape{static_cast<std::int64_t>(reals.size())}, reals);
  else if (node.has("value_int"))
    value = Tensor::full({}, static_cast<double>(node.integer("value_int", 0)), DType::kInt64);
  else if (node.has("value_float"))
    value = Tensor::full({}, node.real("value_float", 0));
  node.finish();
  if (!value) node.refuse("its value must be a tensor, numbers or a number");
  return *value;
}

bool is_standard(const Node& node) { return node.domain.empty() || node.domain == "ai.onnx"; }

// Operators that can make much out of little, and those that take whole pictures.
constexpr std::array kNeverFolded = {"AveragePool", "BatchNormalization", "Conv", "MaxPool", "Pad", "Resize",
                                     "Upsample"};

// Elements that other operators can make of these inputs: joined they add up, spread over each other or
// multiplied as matrices they multiply.
std::int64_t most_elements(const std::string& op, const std::vector<Var>& in) {
  constexpr std::int64_t kMany = std::int64_t{1} << 30;
  std::int64_t sum = 0, largest = 1, product = 1;
  bool alike = op != "Gemm" && op != "MatMul";
  const Tensor* large = nullptr;
  for (const Var& v : in) {
    if (!v.defined()) continue;
    const std::int64_t n = std::min(std::max<std::int64_t>(v.value().numel(), 1), kMany);
    alike = alike && (n == 1 || large == nullptr || large->shape() == v.shape());
    if (n > 1) large = &v.value();
    sum += n;
    largest = std::max(largest, n);
    product = std::min(product * n, kMany);
  }
  return std::max(sum, alike ? largest : product);
}

}  // namespace

Net::Net(Scope at, const Model& model, const std::string& output)
    : at_(at), weights_(at, model.graph.initializers), output_(output) {
  const Graph& graph = model.graph;
  check(model.opset >= kFirstOpset && model.opset <= kLastOpset, "onnx", "opsets ", kFirstOpset, " to ",
        kLastOpset, " are read, the model has ", model.opset, "; export it with one of them");
  check(graph.inputs.size() == 1, "onnx", "the graph must have one input, it has ", graph.inputs.size(),
        "; clearcut runs networks from one picture to one vector");
  input_ = graph.inputs[0];
  if (output_.empty()) {
    check(!graph.outputs.empty(), "onnx", "the graph names no output");
    output_ = graph.outputs[0].name;
  }
  slots_[input_.name] = 0;
  for (const Node* node : nodes_towards(graph, output_)) add_node(*node, model);
  check(weights_.constant(output_) == nullptr, "onnx", "the output '", output_,
        "' depends on fixed numbers only");
  check(!steps_.empty() && slots_.contains(output_), "onnx", "no node makes the output '", output_, "'");
  for (const Node& node : graph.nodes)
    if (!node.name.empty() && !node.outputs.empty() && slots_.contains(node.outputs[0]) &&
        !slots_.contains(node.name))
      at_.root->alias((at_ / node.name).path, (at_ / node.outputs[0]).path);
  find_last_reads();
  for (std::size_t i = 0; i < steps_.size(); ++i)
    if (steps_[i].part.kind == Part::Kind::kConv) find_parts_behind(i);
}

void Net::add_node(const Node& node, const Model& model) {
  if (node.outputs.empty() || node.outputs[0].empty())
    NodeReader(node, model.opset, -1, weights_).refuse("it has no first output");
  const std::size_t outputs = is_standard(node) && has_many_outputs(node.op) ? node.outputs.size() : 1;
  for (std::size_t i = 0; i < outputs; ++i)
    if (!node.outputs[i].empty()) add_output(node, model, i);
}

void Net::add_output(const Node& node, const Model& model, std::size_t output) {
  const std::int64_t batch = input_.known && !input_.sizes.empty() ? input_.sizes[0] : -1;
  NodeReader reader(node, model.opset, batch, weights_, output);
  const std::string& made = node.outputs[output];
  if (is_standard(node) && node.op == "Constant") return weights_.add(made, constant_value(reader));
  // Exporters name a shared weight a second time through an Identity.
  if (is_standard(node) && node.op == "Identity" && reader.given(0) && reader.fixed(0))
    return weights_.add(made, *weights_.constant(node.inputs[0]));
  const Builder build = is_standard(node) ? find_builder(node.op) : nullptr;
  if (build == nullptr)
    reader.refuse("the operator ", node.domain, is_standard(node) ? "" : ".", node.op,
                  " is not supported; supported are: ", supported_operators());
  Step step;
  step.title = "node " + node.title();
  step.path = (at_ / made).path;
  step.run = build(reader);
  step.part = reader.part;
  reader.finish();
  if (!reads_value(node)) return fold(reader, node, step, output);
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    step.inputs.push_back(reader.taken(i) || !reader.given(i) ? Source{} : source_of(node.inputs[i], node));
    if (const Param* param = step.inputs.back().param) at_.root->set_owner(param->name(), step.path);
  }
  step.output = slots_.size();
  slots_[made] = step.output;
  steps_.push_back(std::move(step));
}

bool Net::reads_value(const Node& node) const {
  return std::any_of(node.inputs.begin(), node.inputs.end(),
                     [&](const std::string& name) { return slots_.contains(name); });
}

// All inputs are fixed, so the output is.
void Net::fold(const NodeReader& reader, const Node& node, const Step& step, std::size_t output) {
  std::vector<Var> in;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    in.emplace_back();
    if (reader.taken(i) || !reader.given(i)) continue;
    if (!reader.fixed(i)) source_of(node.inputs[i], node);  // says that nothing makes it
    in.back() = Var(*weights_.constant(node.inputs[i]));
  }
  const bool never = std::find(kNeverFolded.begin(), kNeverFolded.end(), node.op) != kNeverFolded.end();
  if (never || most_elements(node.op, in) > kMostFolded)
    reader.refuse(
        "it depends on fixed numbers only, and is too much to be worked out beforehand; simplify the "
        "model first");
  const ErrorScope scope(step.title);
  const NoGrad no_grad;
  weights_.add(node.outputs[output], step.run(in).value());
}

Net::Source Net::source_of(const std::string& name, const Node& node) {
  const auto made = slots_.find(name);
  if (made != slots_.end()) return {static_cast<std::int64_t>(made->second)};
  const Tensor* fixed = weights_.constant(name);
  check(fixed != nullptr, "onnx", "node ", node.title(), ": it reads '", name,
        "', which no earlier node makes as its first output");
  if (fixed->dtype() == DType::kInt64) return {-1, nullptr, Var(*fixed)};
  check(fixed->dtype() == DType::kFloat32 || fixed->dtype() == DType::kFloat64, "onnx", "node ", node.title(),
        ": '", name, "' is ", fixed->dtype(), "; only floating-point weights and int64 are supported there");
  return {-1, weights_.param(name)};
}

void Net::find_last_reads() {
  std::vector<bool> read_later(slots_.size(), false);
  read_later[slots_.at(output_)] = true;
  for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
    for (const Source& source : step->inputs) {
      if (source.slot < 0) continue;
      const auto slot = static_cast<std::size_t>(source.slot);
      if (!read_later[slot]) step->last_read.push_back(slot);
      read_later[slot] = true;
    }
  }
}

// The one step that reads a value, once, or -1.
std::int64_t Net::only_reader(std::size_t slot) const {
  std::int64_t reader = slot == slots_.at(output_) ? -2 : -1;
  for (std::size_t i = 0; i < steps_.size(); ++i)
    for (const Source& source : steps_[i].inputs)
      if (source.slot == static_cast<std::int64_t>(slot))
        reader = reader == -1 ? static_cast<std::int64_t>(i) : -2;
  return std::max<std::int64_t>(reader, -1);
}

Net::Source Net::other_operand(const Step& add, std::size_t slot) const {
  return add.inputs[add.inputs[0].slot == static_cast<std::int64_t>(slot) ? 1 : 0];
}

// Kinds of parts must come in their order, and what an addition adds must be there when the convolution runs.
void Net::find_parts_behind(std::size_t conv) {
  Part::Kind last = Part::Kind::kConv;
  std::size_t slot = steps_[conv].output;
  for (std::int64_t i = only_reader(slot); i >= 0; i = only_reader(slot)) {
    const Step& step = steps_[static_cast<std::size_t>(i)];
    const bool first = step.inputs[0].slot == static_cast<std::int64_t>(slot);
    if (step.part.kind <= last) return;
    if (step.part.kind == Part::Kind::kNorm && !(first && step.inputs[1].param && step.inputs[2].param))
      return;
    if (step.part.kind == Part::Kind::kAdd) {
      const std::int64_t other = other_operand(step, slot).slot;
      if (other < 0 || other > static_cast<std::int64_t>(conv)) return;  // slot k + 1 is made by step k
    }
    steps_[conv].behind.push_back(static_cast<std::size_t>(i));
    last = step.part.kind;
    slot = step.output;
  }
}

std::vector<Var> Net::inputs_of(const Step& step, const std::vector<Var>& values) const {
  std::vector<Var> in;
  for (const Source& source : step.inputs) {
    if (source.param != nullptr)
      in.push_back(*source.param);
    else
      in.push_back(source.slot >= 0 ? values[static_cast<std::size_t>(source.slot)] : source.fixed);
  }
  return in;
}

// The value of the last step behind a convolution, or an undefined one if they must run one by one.
Var Net::run_together(const Step& conv, const std::vector<Var>& values) const {
  if (conv.behind.empty() || !at_.root->mode.fuse || at_.root->watches(conv.path)) return {};
  std::optional<NormBehind> norm;
  After after;
  std::size_t slot = conv.output;
  for (const std::size_t i : conv.behind) {
    const Step& step = steps_[i];
    if (i != conv.behind.back() && at_.root->watches(step.path)) return {};
    const Part& part = step.part;
    if (part.kind == Part::Kind::kNorm)
      norm = {*step.inputs[1].param,
              *step.inputs[2].param,
              {part.mean->value(), part.variance->value()},
              part.eps};
    else if (part.kind == Part::Kind::kAdd)
      after.residual = values[static_cast<std::size_t>(other_operand(step, slot).slot)];
    else
      after.low = part.low, after.high = part.high;
    slot = step.output;
  }
  return conv.part.conv(inputs_of(conv, values), norm ? &*norm : nullptr, after);
}

Var Net::operator()(const Var& x) const {
  if (input_.known)
    check(static_cast<std::size_t>(x.shape().rank()) == input_.sizes.size(), "onnx", "the input '",
          input_.name, "' has ", input_.sizes.size(), " dimensions, got ", x.shape());
  std::vector<Var> values(slots_.size());
  std::vector<bool> done(steps_.size(), false);
  values[0] = at_.root->observe((at_ / input_.name).path, x);
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const Step& step = steps_[i];
    const ErrorScope scope(step.title);
    if (const Var y = done[i] ? Var() : run_together(step, values); y.defined()) {
      const Step& last = steps_[step.behind.back()];
      values[last.output] = at_.root->observe(last.path, y);
      for (const std::size_t k : step.behind) done[k] = true;
      done[i] = true;
    }
    std::vector<Var> in = done[i] ? std::vector<Var>() : inputs_of(step, values);
    for (const std::size_t slot : step.last_read) values[slot] = Var();
    if (done[i]) continue;
    Var y = step.run(in);
    values[step.output] = is_integer(y) ? y : at_.root->observe(step.path, std::move(y));
  }
  return values[slots_.at(output_)];
}

}  // namespace clearcut::onnx
