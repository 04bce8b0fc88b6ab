#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <set>

#include "train/check.h"

namespace clearcut {

namespace {

/// What one device did in one step.
struct Trace {
  double loss = 0;
  std::vector<std::pair<std::string, Shape>> paths;
  std::vector<Tensor> activations, gradients;           // of the paths; a gradient may be undefined
  std::vector<std::string> names;                       // of the parameters
  std::vector<Tensor> parameter_gradients, parameters;  // afterwards
};

/// A gradient that is 0 but for rounding (a bias before batch norm) must not be compared with itself: what is
/// smaller than this share of the largest value of its kind counts as that.
constexpr double kFloor = 1e-2;

double largest_of(const std::vector<Tensor>& tensors) {
  double largest = 0;
  for (const Tensor& t : tensors)
    if (t.defined())
      for (const double v : t.to(DType::kFloat64).values<double>()) largest = std::max(largest, std::abs(v));
  return largest;
}

/// max |a - b| / max(max |b|, smallest); infinite where one of them is not finite.
double difference(const Tensor& a, const Tensor& b, double smallest) {
  if (!a.defined() || !b.defined()) return std::nan("");
  const auto x = a.to(DType::kFloat64).values<double>(), y = b.to(DType::kFloat64).values<double>();
  double largest = 0, scale = std::max(smallest, 1e-30);
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!std::isfinite(x[i]) || !std::isfinite(y[i])) return std::numeric_limits<double>::infinity();
    largest = std::max(largest, std::abs(x[i] - y[i]));
    scale = std::max(scale, std::abs(y[i]));
  }
  return largest / scale;
}

/// The paths that run in a forward pass, each once, at its last call.
std::vector<std::pair<std::string, Shape>> paths_of(TrainTask& task, const Batch& batch) {
  const NoGrad no_tape;
  Registry& model = task.registry();
  model.record_paths(true);
  task.loss(batch);
  model.record_paths(false);
  std::vector<std::pair<std::string, Shape>> paths;
  std::set<std::string> seen;
  for (const auto& entry : model.seen_paths())
    if (seen.insert(entry.path).second) paths.emplace_back(entry.path, entry.shape);
  return paths;
}

Trace run_step(const TrainJob& job, Device device) {
  PreparedJob ready = prepare_job(job, {.work_dir = "", .device = device});
  const auto batch = ready.loader->next();
  check(batch.has_value(), "check step", "the data set gives no batch of ", ready.job.batch, " pictures");
  Registry& model = ready.task->registry();
  model.mode.training = true;
  model.mode.items = batch->items;
  // Looking at the paths must not move the running statistics.
  StateDict before;
  for (const auto& [name, tensor] : model.state()) before.emplace_back(name, tensor.clone());
  Trace trace;
  trace.paths = paths_of(*ready.task, *batch);
  for (const auto& [name, tensor] : model.state())
    for (const auto& [other, saved] : before)
      if (other == name) tensor.copy_from(saved);
  std::vector<std::unique_ptr<Tap>> taps;
  for (const auto& entry : trace.paths) taps.push_back(std::make_unique<Tap>(model, entry.first));
  const TrainLoss loss = ready.task->loss(*batch);
  trace.loss = loss.total.value().item();
  loss.total.backward();
  for (const auto& tap : taps) {
    trace.activations.push_back(tap->activation());
    Tensor gradient;
    try {
      gradient = tap->gradient();
    } catch (const Error&) {
      // Nothing that is trained depends on this module.
    }
    trace.gradients.push_back(gradient);
  }
  for (const Param* p : model.params()) trace.parameter_gradients.push_back(p->var().grad());
  make_optimiser(model, ready.job.loop.optimiser)->step(ready.job.loop.schedule.rate);
  for (const Param* p : model.params()) {
    trace.names.push_back(p->name());
    trace.parameters.push_back(p->value());
  }
  return trace;
}

/// Values and gradients of one kind, of both devices.
std::vector<StepDifference> compare(const std::vector<std::string>& names, const std::vector<Tensor>& a,
                                    const std::vector<Tensor>& b, const std::vector<Tensor>& da,
                                    const std::vector<Tensor>& db, double tolerance) {
  const double smallest = kFloor * largest_of(b), smallest_gradient = kFloor * largest_of(db);
  std::vector<StepDifference> all;
  for (std::size_t i = 0; i < names.size(); ++i) {
    StepDifference d{.name = names[i],
                     .shape = b[i].shape(),
                     .value = difference(a[i], b[i], smallest),
                     .gradient = difference(da[i], db[i], smallest_gradient)};
    d.agrees = d.value <= tolerance && (std::isnan(d.gradient) || d.gradient <= tolerance);
    all.push_back(d);
  }
  return all;
}

}  // namespace

StepCheck check_step(const TrainJob& job, Device a, Device b, double tolerance) {
  const Trace x = run_step(job, a), y = run_step(job, b);
  StepCheck result;
  result.loss_a = x.loss;
  result.loss_b = y.loss;
  check(x.paths == y.paths, "check step", "the two devices ran different modules");
  std::vector<std::string> paths;
  for (const auto& entry : y.paths) paths.push_back(entry.first);
  result.modules = compare(paths, x.activations, y.activations, x.gradients, y.gradients, tolerance);
  result.parameters =
      compare(y.names, x.parameters, y.parameters, x.parameter_gradients, y.parameter_gradients, tolerance);
  const auto agrees = [](const StepDifference& d) { return d.agrees; };
  const auto first = std::ranges::find_if_not(result.modules, agrees);
  if (first != result.modules.end()) result.first = static_cast<int>(first - result.modules.begin());
  result.agrees = result.first < 0 && std::ranges::all_of(result.parameters, agrees);
  return result;
}

}  // namespace clearcut
