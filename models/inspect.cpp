#include "models/inspect.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <map>
#include <set>

namespace clearcut {

namespace {

// While one lives, the registry keeps the paths that it sees.
struct Recording {
  explicit Recording(Registry& r) : registry(r) { registry.record_paths(true); }
  ~Recording() { registry.record_paths(false); }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;
  Registry& registry;
};

// The paths of one forward pass.
std::vector<SeenPath> seen_by(Registry& registry, const Forward& forward, const Tensor& x) {
  const NoGrad no_grad;
  const Recording recording(registry);
  forward(Var(x));
  return registry.seen_paths();
}

// All nodes that lead to y, in the order in which they were made.
std::map<std::uint64_t, const Node*> nodes_towards(const Var& y) {
  std::map<std::uint64_t, const Node*> nodes;
  std::vector<const Node*> open{y.node().get()};
  while (!open.empty()) {
    const Node* node = open.back();
    open.pop_back();
    if (!nodes.emplace(node->id, node).second) continue;
    for (const auto& input : node->inputs)
      if (input) open.push_back(input.get());
  }
  return nodes;
}

// Between the quotes of a DOT label.
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

LayerDifference difference(const std::string& path, const Tensor& ours, const Tensor& theirs) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  LayerDifference d{path, ours.shape(), theirs.shape(), kInfinity, kInfinity};
  if (d.ours != d.theirs) return d;
  const std::vector<double> a = ours.to(DType::kFloat64).values<double>(),
                            b = theirs.to(DType::kFloat64).values<double>();
  double largest = 0, scale = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!std::isfinite(a[i]) || !std::isfinite(b[i])) return d;
    largest = std::max(largest, std::abs(a[i] - b[i]));
    scale = std::max(scale, std::abs(b[i]));
  }
  d.largest = largest;
  d.relative = largest == 0 ? 0 : largest / scale;
  return d;
}

}  // namespace

std::vector<LayerRow> layer_table(Registry& registry, const Forward& forward, const Tensor& x) {
  std::vector<LayerRow> rows;
  std::map<std::string, std::size_t> row_of;
  for (const SeenPath& seen : seen_by(registry, forward, x)) {
    row_of.emplace(seen.path, rows.size());
    rows.push_back({seen.path, seen.shape, 0, seen.multiply_adds});
  }
  std::int64_t others = 0;
  for (const Param* param : registry.params()) {
    const auto row = row_of.find(registry.owner(param->name()));
    (row != row_of.end() ? rows[row->second].parameters : others) += param->value().numel();
  }
  if (others > 0) rows.push_back({"(others)", {}, others, 0});
  return rows;
}

LayerTotals totals_of(const std::vector<LayerRow>& layers) {
  LayerTotals totals;
  for (const LayerRow& row : layers) {
    totals.parameters += row.parameters;
    totals.multiply_adds += row.multiply_adds;
  }
  return totals;
}

std::string layer_graph(Registry& registry, const Forward& forward, const Tensor& x) {
  const Recording recording(registry);
  const Var input(x, true), y = forward(input);
  check(y.requires_grad(), "graph", "the network's output does not depend on its input");
  std::map<std::uint64_t, std::string>
      path_of;  // of modules inside each other the innermost: it is seen first
  for (const SeenPath& seen : registry.seen_paths()) path_of.emplace(seen.node, seen.path);
  std::map<const Node*, std::string> box_of;
  std::string dot = "digraph network {\n  node [shape=box];\n";
  for (const auto& [id, node] : nodes_towards(y)) {
    if (node->is_leaf && node != input.node().get()) continue;  // a parameter
    const std::string box = cat("n", box_of.size());
    box_of[node] = box;
    const std::string path = path_of.contains(id) ? escaped(path_of.at(id)) + "\\n" : "";
    dot +=
        cat("  ", box, " [label=\"", path, node->is_leaf ? "input" : node->op, "\\n", node->shape, "\"];\n");
    for (const auto& from : node->inputs)
      if (const auto known = box_of.find(from.get()); known != box_of.end())
        dot += cat("  ", known->second, " -> ", box, ";\n");
  }
  return dot + "}\n";
}

Verification verify_layers(Registry& registry, const Forward& forward, const NamedTensors& reference,
                           const std::string& file) {
  const Tensor x = find_array(reference, "input", file).to(registry.device());
  const std::map<std::string, Tensor> theirs(reference.begin(), reference.end());
  std::deque<Tap> taps;
  std::set<std::string> known = {"input", "output"};
  for (const SeenPath& seen : seen_by(registry, forward, x))
    if (theirs.contains(seen.path) && known.insert(seen.path).second) taps.emplace_back(registry, seen.path);
  Verification result;
  const NoGrad no_grad;
  const Var y = forward(Var(x));
  for (const Tap& tap : taps)
    result.layers.push_back(difference(tap.path(), tap.activation(), theirs.at(tap.path())));
  if (theirs.contains("output"))
    result.layers.push_back(difference("output", y.value(), theirs.at("output")));
  for (const auto& [name, array] : reference)
    if (!known.contains(name)) result.unknown.push_back(name);
  check(!result.layers.empty(), "verify", file, ": has no layer of this network; it has ",
        result.unknown.empty() ? "none" : result.unknown[0],
        " and so on; `clearcut model layers` lists the names");
  return result;
}

const LayerDifference* Verification::first_above(double tolerance) const {
  const auto found = std::find_if(layers.begin(), layers.end(),
                                  [&](const LayerDifference& d) { return !(d.relative <= tolerance); });
  return found != layers.end() ? &*found : nullptr;
}

}  // namespace clearcut
