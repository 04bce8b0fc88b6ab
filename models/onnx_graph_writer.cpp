#include "models/onnx_graph_writer.h"

#include <algorithm>
#include <iomanip>
#include <limits>
#include <sstream>

namespace clearcut::onnx {

GraphWriter::GraphWriter(const StateDict& state, const Tensor& input, const std::string& input_name)
    : state_(state) {
  claim(input, input_name);
}

std::string GraphWriter::unique(const std::string& wanted) {
  std::string name = wanted;
  for (int i = 2; !names_.insert(name).second; ++i) name = cat(wanted, "_", i);
  return name;
}

std::string GraphWriter::claim(const Tensor& output, const std::string& wanted) {
  values_.emplace_back(output, unique(wanted));
  return values_.back().second;
}

std::string GraphWriter::initializer(const std::string& name, const Tensor& tensor) {
  if (graph_.initializers.emplace(name, tensor).second) graph_.initializer_order.push_back(name);
  names_.insert(name);
  return name;
}

std::string GraphWriter::name_of(const Tensor& tensor) {
  const auto value = std::find_if(values_.rbegin(), values_.rend(),
                                  [&](const auto& item) { return item.first.same_view(tensor); });
  if (value != values_.rend()) return value->second;
  for (const auto& [name, weight] : state_)
    if (weight.same_view(tensor)) return initializer(name, weight);
  return fixed(tensor, "fixed");
}

std::string GraphWriter::fixed(const Tensor& numbers, const std::string& wanted) {
  return initializer(claim(numbers, wanted), numbers);
}

std::string GraphWriter::add(const std::string& op, const std::vector<std::string>& inputs,
                             const std::string& output, std::vector<Attribute> attributes) {
  graph_.nodes.push_back({.op = op,
                          .domain = "",
                          .name = output,
                          .inputs = inputs,
                          .outputs = {output},
                          .attributes = std::move(attributes)});
  return output;
}

std::string GraphWriter::integers(const Ints& values) {
  std::string name = "sizes";
  for (const std::int64_t v : values) name += cat(".", v);
  return initializer(name, Tensor::from(Shape{static_cast<std::int64_t>(values.size())}, values));
}

std::string GraphWriter::number(double value) {
  std::ostringstream name;  // all digits: numbers that differ need names that differ
  name << "number." << std::setprecision(std::numeric_limits<double>::max_digits10) << value;
  return initializer(name.str(), Tensor::full({}, value));
}

std::string GraphWriter::helper(const std::string& value, const std::string& what) {
  return unique(cat(value, ".", what));
}

std::string GraphWriter::sizes(const std::string& value, const char* what, std::int64_t from,
                               std::int64_t to) {
  std::string& name = sizes_[cat(value, ".", what)];
  if (!name.empty()) return name;
  std::string& shape = sizes_[cat(value, ".shape")];
  if (shape.empty()) shape = add("Shape", {value}, helper(value, "shape"));
  name = add("Slice", {shape, integers({from}), integers({to}), integers({0})}, helper(value, what));
  return name;
}

Attribute attribute(const char* name, std::int64_t value) {
  Attribute a;
  a.name = name, a.kind = Attribute::Kind::kInt, a.i = value;
  return a;
}
Attribute attribute(const char* name, double value) {
  Attribute a;
  a.name = name, a.kind = Attribute::Kind::kFloat, a.f = static_cast<float>(value);
  return a;
}
Attribute attribute(const char* name, const char* value) {
  Attribute a;
  a.name = name, a.kind = Attribute::Kind::kString, a.s = value;
  return a;
}
Attribute attribute(const char* name, const GraphWriter::Ints& values) {
  Attribute a;
  a.name = name, a.kind = Attribute::Kind::kInts, a.ints = values;
  return a;
}

}  // namespace clearcut::onnx
