#include "models/weights/collect.h"

#include <algorithm>
#include <set>

namespace clearcut {

namespace {

using Value = PickleValue;
using Kind = PickleValue::Kind;

constexpr const char* kWrappers[] = {"state_dict", "model_state_dict", "model_state", "model",
                                     "net",        "params",           "weights"};
constexpr int kMaxDepth = 16;
// Shared dictionaries inside each other could be endless, and their names with them.
constexpr std::size_t kMaxVisits = 100'000, kMaxName = 1'000;

struct Collector {
  const TensorOf& tensor_of;
  std::size_t bytes_left;
  const std::string& where;
  CollectedWeights result = {};
  std::set<std::string> names = {};
  std::size_t visits = 0;

  void visit(const std::string& name, const Value& value, int depth) {
    check(name.size() <= kMaxName, "weights", where, ": a name of ", name.size(), " characters; at most ",
          kMaxName);
    check(++visits <= kMaxVisits && depth <= kMaxDepth, "weights", where, ": '", name,
          "' lies in dictionaries without end");
    if (value.is(Kind::kDict)) {
      visit_items(name.empty() ? "" : name + ".", value, depth);
      return;
    }
    const Tensor tensor = tensor_of(value);
    if (!tensor.defined()) {
      result.others.push_back(name);
      return;
    }
    check(tensor.bytes() <= bytes_left, "weights", where, ": '", name,
          "' and those before it take many times the bytes of the file; the file is damaged");
    bytes_left -= tensor.bytes();
    check(names.insert(name).second, "weights", where, ": the name '", name, "' comes twice");
    result.tensors.emplace_back(name, tensor);
  }

  void visit_items(const std::string& prefix, const Value& dict, int depth) {
    for (std::size_t i = 0; i + 1 < dict.items.size(); i += 2) {
      const Value& key = *dict.items[i];
      if (key.is(Kind::kText)) visit(prefix + std::string(key.text), *dict.items[i + 1], depth + 1);
    }
  }
};

void drop_prefix(StateDict& tensors, std::string_view prefix) {
  const bool all = std::all_of(tensors.begin(), tensors.end(),
                               [&](const auto& named) { return named.first.starts_with(prefix); });
  for (auto& [name, tensor] : tensors)
    if (all) name.erase(0, prefix.size());
}

}  // namespace

CollectedWeights collect_weights(const Pickle& pickle, const TensorOf& tensor_of, std::size_t max_bytes,
                                 const std::string& where) {
  const Value* root = &pickle.root();
  if (!root->is(Kind::kDict)) pickle.refuse(*root, "holds no dictionary of weights; save model.state_dict()");
  Collector collector{tensor_of, max_bytes, where};
  for (int depth = 0; depth < kMaxDepth; ++depth) {
    const Value* inner = nullptr;
    for (const char* wrapper : kWrappers) {
      const Value* value = inner == nullptr ? root->find(wrapper) : nullptr;
      if (value == nullptr || !value->is(Kind::kDict)) continue;
      inner = value;
      collector.result.inside.emplace_back(wrapper);
    }
    if (inner == nullptr) break;
    root = inner;
  }
  collector.visit("", *root, 0);
  check(!collector.result.tensors.empty(), "weights", where, ": holds no tensors");
  drop_prefix(collector.result.tensors, "module.");
  return collector.result;
}

}  // namespace clearcut
