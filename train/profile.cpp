#include "train/profile.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>

#include "autograd/trace.h"
#include "tensor/work.h"

namespace clearcut {

namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double bytes_of(const Tensor& x) { return x.defined() ? static_cast<double>(x.bytes()) : 0; }

/// The calls of one forward pass as rows, and which row a node of the tape belongs to.
struct Rows {
  std::vector<LayerProfile> layers;
  std::map<std::uint64_t, std::size_t> of_node;
};

Rows rows_of(const std::vector<Call>& calls) {
  Rows rows;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const Call& call = calls[i];
    LayerProfile row{.op = call.op,
                     .forward = call.seconds,
                     .multiply_adds = call.multiply_adds,
                     .bytes = bytes_of(call.output)};
    for (const Tensor& x : call.inputs) row.bytes += bytes_of(x);
    for (std::size_t k = i; k < calls.size() && row.module.empty(); ++k) row.module = calls[k].path;
    if (call.node != 0) rows.of_node[call.node] = i;
    rows.layers.push_back(row);
  }
  return rows;
}

/// The walk back, each operator timed.
void walk_back(const Var& loss, Rows& rows) {
  const auto rule = [&](const Node& node, const Tensor& dy, const Need& need) {
    const auto start = Clock::now();
    const WorkMeter meter;
    double bytes = bytes_of(dy);
    Grads grads = node.backward(dy, need);
    for (const Tensor& g : grads) wait_for(g), bytes += bytes_of(g);
    const auto row = rows.of_node.find(node.id);
    if (row == rows.of_node.end()) return grads;
    LayerProfile& layer = rows.layers[row->second];
    layer.backward = seconds_since(start);
    layer.multiply_adds += meter.multiply_adds();
    layer.bytes += bytes;
    return grads;
  };
  const Tensor& l = loss.value();
  loss.backward(Tensor::full(l.shape(), 1.0, l.dtype(), l.device()), rule);
}

/// One step; its rows are added to `sum`, which has the same ones after the first.
void run_step(PreparedJob& ready, Optimiser& optimiser, std::int64_t step, StepProfile& sum) {
  Registry& model = ready.task->registry();
  const auto start = Clock::now();
  auto batch = ready.loader->next();
  if (!batch) batch = ready.loader->next();
  check(batch.has_value(), "profile", "the data set gives no batch of ", ready.job.batch, " pictures");
  sum.data += seconds_since(start);
  model.mode.training = true;
  model.mode.step = static_cast<std::uint32_t>(step);
  model.mode.items = batch->items;
  Rows rows;
  {
    const Trace trace(true);
    const TrainLoss loss = ready.task->loss(*batch);
    rows = rows_of(trace.calls());
    walk_back(loss.total, rows);
  }
  const auto update = Clock::now();
  const double norm = gradient_norm(model), clip = ready.job.loop.clip;
  optimiser.step(ready.job.loop.schedule.at(step), clip > 0 ? std::min(1.0, clip / (norm + 1e-6)) : 1);
  wait_for(model.params().back()->value());
  model.zero_grad();
  sum.update += seconds_since(update);
  sum.whole += seconds_since(start);
  ++sum.steps;
  if (sum.layers.empty()) {
    sum.layers = std::move(rows.layers);
    return;
  }
  check(sum.layers.size() == rows.layers.size(), "profile", "the steps did not run the same operators");
  for (std::size_t i = 0; i < rows.layers.size(); ++i) {
    sum.layers[i].forward += rows.layers[i].forward;
    sum.layers[i].backward += rows.layers[i].backward;
  }
}

std::string milliseconds(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%10.3f", 1e3 * seconds);
  return text;
}

/// "     ms        %  GFLOP/s     GB/s", a dash where nothing was multiplied.
std::string speeds(const LayerProfile& row, double whole) {
  const double time = std::max(row.seconds(), 1e-12);
  char text[96], flops[16] = "-";
  if (row.multiply_adds > 0)
    std::snprintf(flops, sizeof flops, "%.1f", 2e-9 * static_cast<double>(row.multiply_adds) / time);
  std::snprintf(text, sizeof text, " %6.1f %9s %9.2f", 100 * row.seconds() / whole, flops,
                1e-9 * row.bytes / time);
  return milliseconds(row.forward) + " " + milliseconds(row.backward) + text;
}

}  // namespace

StepProfile profile_training(const TrainJob& job, const TrainRun& run, int steps) {
  PreparedJob ready = prepare_job(job, run);
  const auto optimiser = make_optimiser(ready.task->registry(), ready.job.loop.optimiser);
  StepProfile warm_up, sum;
  run_step(ready, *optimiser, 0, warm_up);
  for (int step = 1; step <= steps; ++step) run_step(ready, *optimiser, step, sum);
  const auto n = static_cast<double>(std::max(sum.steps, 1));
  for (LayerProfile& row : sum.layers) row.forward /= n, row.backward /= n;
  for (double* time : {&sum.data, &sum.update, &sum.whole}) *time /= n;
  return sum;
}

std::string profile_table(const StepProfile& p) {
  std::string text = "  forward ms backward ms      %   GFLOP/s      GB/s  operator, layer\n";
  LayerProfile all{.op = "all operators"};
  for (const LayerProfile& row : p.layers) {
    text += cat(speeds(row, p.whole), "  ", row.op, row.module.empty() ? "" : ", ", row.module, "\n");
    all.forward += row.forward, all.backward += row.backward, all.bytes += row.bytes;
    all.multiply_adds += row.multiply_adds;
  }
  text += cat(speeds(all, p.whole), "  ", all.op, "\n");
  const auto line = [&](double seconds, const char* what) {
    char share[16];
    std::snprintf(share, sizeof share, " %6.1f", 100 * seconds / p.whole);
    text += cat(milliseconds(seconds), "           ", share, "                      ", what, "\n");
  };
  line(p.data, "waiting for pictures");
  line(p.update, "clipping and optimiser");
  line(p.whole, "whole step");
  return text + cat("Means of ", p.steps, " steps. GB/s: inputs, outputs and gradients, each once.\n");
}

}  // namespace clearcut
