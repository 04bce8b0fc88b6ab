#include "models/onnx_node.h"

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

}  // namespace clearcut::onnx
