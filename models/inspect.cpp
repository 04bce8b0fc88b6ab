#include "models/inspect.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <map>
#include <set>

namespace clearcut {

namespace {

// The paths of one forward pass.
std::vector<SeenPath> seen_by(Registry& registry, const Forward& forward, const Tensor& x) {
  const NoGrad no_grad;
  registry.record_paths(true);
  try {
    forward(Var(x));
  } catch (...) {
    registry.record_paths(false);
    throw;
  }
  registry.record_paths(false);
  return registry.seen_paths();
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

Verification verify_layers(Registry& registry, const Forward& forward, const NamedTensors& reference,
                           const std::string& file) {
  const Tensor& x = find_array(reference, "input", file);
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
