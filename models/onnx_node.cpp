#include "models/onnx_node.h"

#include <algorithm>

namespace clearcut::onnx {

const Tensor* Weights::constant(const std::string& name) const {
  const auto found = constants_.find(name);
  return found == constants_.end() ? nullptr : &found->second;
}

const Param* Weights::param(const std::string& name) {
  const Param*& param = param_of_[name];
  if (param == nullptr) {
    param = &params_.emplace_back(at_ / name, *constant(name));
    params_.back().require_grad(false);
  }
  return param;
}

const Buffer* Weights::buffer(const std::string& name) {
  const Buffer*& buffer = buffer_of_[name];
  if (buffer == nullptr) buffer = &buffers_.emplace_back(at_ / name, *constant(name));
  return buffer;
}

const Attribute* NodeReader::find(const char* name, Attribute::Kind kind) {
  asked_.insert(name);
  for (const Attribute& a : node_.attributes) {
    if (a.name != name) continue;
    if (a.kind != kind)
      refuse("attribute '", name, "' is of another type than the operator's definition says");
    return &a;
  }
  return nullptr;
}

bool NodeReader::has(const char* name) const {
  return std::any_of(node_.attributes.begin(), node_.attributes.end(),
                     [&](const Attribute& a) { return a.name == name; });
}

std::int64_t NodeReader::integer(const char* name, std::int64_t fallback) {
  const Attribute* a = find(name, Attribute::Kind::kInt);
  return a != nullptr ? a->i : fallback;
}

float NodeReader::real(const char* name, float fallback) {
  const Attribute* a = find(name, Attribute::Kind::kFloat);
  return a != nullptr ? a->f : fallback;
}

std::string NodeReader::text(const char* name, const std::string& fallback) {
  const Attribute* a = find(name, Attribute::Kind::kString);
  return a != nullptr ? a->s : fallback;
}

std::optional<std::vector<std::int64_t>> NodeReader::integers(const char* name) {
  const Attribute* a = find(name, Attribute::Kind::kInts);
  return a != nullptr ? std::optional(a->ints) : std::nullopt;
}

std::vector<float> NodeReader::reals(const char* name) {
  const Attribute* a = find(name, Attribute::Kind::kFloats);
  return a != nullptr ? a->floats : std::vector<float>{};
}

std::optional<Tensor> NodeReader::tensor(const char* name) {
  const Attribute* a = find(name, Attribute::Kind::kTensor);
  return a != nullptr ? std::optional(a->tensor) : std::nullopt;
}

bool NodeReader::given(std::size_t input) const {
  return input < node_.inputs.size() && !node_.inputs[input].empty();
}

void NodeReader::inputs(std::size_t least, std::size_t most) const {
  for (std::size_t i = 0; i < least; ++i)
    if (!given(i)) refuse("it needs ", least, " inputs, input ", i, " is missing");
  if (node_.inputs.size() > most)
    refuse("it has ", node_.inputs.size(), " inputs; clearcut reads at most ", most, " of this operator");
}

Tensor NodeReader::constant(std::size_t input, const char* what) {
  const Tensor* value = weights_.constant(node_.inputs[input]);
  if (value == nullptr)
    refuse(
        "its ", what, " '", node_.inputs[input],
        "' is worked out by the network; only fixed numbers are supported there, simplify the model first");
  taken_.insert(input);
  return *value;
}

std::vector<std::int64_t> NodeReader::constant_integers(std::size_t input, const char* what) {
  const Tensor value = constant(input, what);
  if (value.dtype() != DType::kInt64 || value.rank() > 1 || value.numel() > 64)
    refuse("its ", what, " must be a list of at most 64 int64, got ", value.dtype(), " ", value.shape());
  return value.values<std::int64_t>();
}

IntegerInput NodeReader::integer_input(std::size_t input, const char* what) {
  IntegerInput integers{std::nullopt, input, what};
  if (fixed(input)) integers.known = constant_integers(input, what);
  return integers;
}

std::vector<std::int64_t> NodeReader::axes(std::int64_t inputs_since) {
  if (opset < inputs_since) {
    inputs(1, 1);
    return integers("axes").value_or(std::vector<std::int64_t>{});
  }
  inputs(1, 2);
  return given(1) ? constant_integers(1, "axes") : std::vector<std::int64_t>{};
}

double NodeReader::constant_scalar(std::size_t input, const char* what) {
  const Tensor value = constant(input, what);
  if (value.numel() != 1) refuse("its ", what, " must be one number, got ", value.shape());
  return value.item();
}

const Buffer* NodeReader::buffer(std::size_t input, const char* what) {
  constant(input, what);
  return weights_.buffer(node_.inputs[input]);
}

void NodeReader::finish() const {
  for (const Attribute& a : node_.attributes) {
    if (asked_.contains(a.name)) continue;
    std::string known;
    for (const std::string& name : asked_) known += (known.empty() ? "" : ", ") + name;
    refuse("attribute '", a.name, "' is not supported; supported are: ", known.empty() ? "none" : known);
  }
}

std::vector<std::int64_t> IntegerInput::of(const std::vector<Var>& in) const {
  if (known) return *known;
  const Tensor& value = in[input].value();
  check(value.dtype() == DType::kInt64 && value.rank() <= 1 && value.numel() <= 64, what,
        "must be a list of at most 64 int64, got ", value.dtype(), " ", value.shape());
  return value.values<std::int64_t>();
}

namespace {

std::vector<BuilderRow> all_builders() {
  std::vector<BuilderRow> rows;
  for (const BuilderTable table : {pointwise_builders(), matrix_builders(), norm_builders(), shape_builders(),
                                   integer_builders(), window_builders(), resize_builders()})
    rows.insert(rows.end(), table.begin(), table.end());
  std::sort(rows.begin(), rows.end(),
            [](const BuilderRow& a, const BuilderRow& b) { return std::string_view(a.op) < b.op; });
  return rows;
}

const std::vector<BuilderRow>& builders() {
  static const std::vector<BuilderRow> rows = all_builders();
  return rows;
}

}  // namespace

Builder find_builder(const std::string& op) {
  const auto row = std::find_if(builders().begin(), builders().end(),
                                [&](const BuilderRow& candidate) { return op == candidate.op; });
  return row != builders().end() ? row->build : nullptr;
}

std::string supported_operators() {
  std::string text = "Constant";
  for (const BuilderRow& row : builders()) text += cat(", ", row.op);
  return text;
}

bool has_many_outputs(const std::string& op) { return op == "Split"; }

std::int64_t positive_axis(std::int64_t axis, std::int64_t rank, const char* op) {
  check(axis >= -rank && axis < rank, op, "axis ", axis, " is outside of ", rank, " dimensions");
  return axis < 0 ? axis + rank : axis;
}

std::vector<std::int64_t> positive_axes(const std::vector<std::int64_t>& axes, std::int64_t rank,
                                        const char* op) {
  std::vector<std::int64_t> result;
  for (const std::int64_t axis : axes) result.push_back(positive_axis(axis, rank, op));
  std::sort(result.begin(), result.end());
  check(std::adjacent_find(result.begin(), result.end()) == result.end(), op, "an axis comes twice");
  return result;
}

}  // namespace clearcut::onnx
