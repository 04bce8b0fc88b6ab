// Timing of tasks and the table of `clearcut bench kernels`.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "tensor/parallel.h"
#include "tensor/process.h"
#include "train/bench/kernels.h"
#include "train/bench/plan_review.h"
#include "train/program.h"

namespace clearcut {

namespace {

constexpr double kShortest = 2e-3;  // seconds of one sample: shorter calls are timed several at a time

double seconds_of(const KernelCandidate& candidate, int calls) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < calls; ++i) candidate.run();
  if (candidate.wait) candidate.wait();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

JsonObject json_of(const KernelCandidate& c, const KernelTask& task, const MachineLimits& machine) {
  const double flops = task.operations / c.timing.median, bytes = task.bytes / c.timing.median;
  JsonObject json;
  json.set("kernel", c.kernel)
      .set("planned", c.planned)
      .set("median", c.timing.median)
      .set("min", c.timing.min)
      .set("least_cpu", c.timing.least_cpu)
      .set("lower_quartile", c.timing.lower_quartile)
      .set("upper_quartile", c.timing.upper_quartile)
      .set("samples", c.timing.samples)
      .set("clean_samples", c.timing.clean)
      .set("bytes_per_second", bytes);
  if (task.operations > 0) json.set("flops", flops).set("share_of_peak", flops / machine.flops);
  if (task.operations == 0) json.set("share_of_bandwidth", bytes / machine.memory.copy);
  if (c.estimate > 0) json.set("estimate", 2 * c.estimate / machine.flops);
  return json;
}

JsonObject json_of(const KernelTask& task, const MachineLimits& machine) {
  std::vector<JsonObject> candidates;
  for (const KernelCandidate& c : task.candidates) candidates.push_back(json_of(c, task, machine));
  return JsonObject()
      .set("suite", task.suite)
      .set("name", task.name)
      .set("direction", task.direction)
      .set("count", task.count)
      .set("operations", task.operations)
      .set("bytes", task.bytes)
      .set("candidates", candidates);
}

/// "  4.21": the seconds in milliseconds; "-" for none.
std::string milliseconds(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, seconds > 0 ? "%9.3f" : "        -", 1e3 * seconds);
  return text;
}

std::string row_of(const KernelCandidate& c, const KernelTask& task, const MachineLimits& machine) {
  char text[300];
  const double gflops = 1e-9 * task.operations / c.timing.median,
               gbytes = 1e-9 * task.bytes / c.timing.median;
  const double share =
      task.operations > 0 ? 1e9 * gflops / machine.flops : 1e9 * gbytes / machine.memory.copy;
  std::snprintf(text, sizeof text, "%-30s %-8s %c %-13s %s %s %s %s %8.1f %7.1f %5.0f %%\n",
                task.name.c_str(), task.direction.c_str(), c.planned ? '*' : ' ', c.kernel.c_str(),
                milliseconds(c.timing.median).c_str(), milliseconds(c.timing.min).c_str(),
                milliseconds(c.timing.least_cpu).c_str(),
                milliseconds(2 * c.estimate / machine.flops).c_str(), gflops, gbytes, 100 * share);
  return text;
}

constexpr const char* kHeader =
    "times in ms; cpu: the least processor time; plan: the planner's estimate, * its choice, +kept: with "
    "weights\n"
    "prepared beforehand; share of the multiply-add peak, of memory-bound work of the copy bandwidth; GB/s "
    "of\n"
    "what must be read and written at least once\n";

std::string column_names() {
  char text[200];
  std::snprintf(text, sizeof text, "%-30s %-8s   %-13s %9s %9s %9s %9s %8s %7s %7s\n", "shape", "", "kernel",
                "median", "min", "cpu", "plan", "GFLOP/s", "GB/s", "share");
  return text;
}

}  // namespace

void time_candidates(KernelTask& task, const SampleOptions& options) {
  const std::size_t n = task.candidates.size();
  std::vector<std::vector<Sample>> samples(n);
  std::vector<int> calls(n, 1);
  for (std::size_t i = 0; i < n; ++i) {
    if (options.warm_up > 0) seconds_of(task.candidates[i], options.warm_up);
    const double once = seconds_of(task.candidates[i], 1);
    if (once < kShortest) calls[i] = static_cast<int>(std::min(kShortest / std::max(once, 1e-7), 1e4)) + 1;
  }
  const int at_most = options.at_most > 0 ? options.at_most : 3 * options.repetitions;
  const auto enough = [&](const std::vector<Sample>& s) {
    return std::ranges::count_if(s, &Sample::clean) >= options.repetitions;
  };
  for (int round = 0; round < at_most && !std::ranges::all_of(samples, enough); ++round)
    for (std::size_t i = 0; i < n; ++i) {
      const double waited = seconds_waited_for_processors(), cpu = processor_seconds();
      const double seconds = seconds_of(task.candidates[i], calls[i]);
      const bool clean = is_clean(seconds, seconds_waited_for_processors() - waited);
      samples[i].push_back(
          {.seconds = seconds / calls[i], .cpu = (processor_seconds() - cpu) / calls[i], .clean = clean});
    }
  for (std::size_t i = 0; i < n; ++i) task.candidates[i].timing = timing_of(samples[i]);
}

JsonObject bench_kernels(const KernelBenchOptions& options,
                         const std::function<void(const std::string&)>& text) {
  const MachineLimits machine = measure_machine(threads());
  text(to_text(machine) + kHeader + column_names());
  std::vector<JsonObject> tasks;
  PlanReview review;
  {
    const PinnedThreads pinned;
    for_each_task(options, [&](KernelTask& task) {
      time_candidates(task, options.samples);
      for (const KernelCandidate& c : task.candidates) text(row_of(c, task, machine));
      tasks.push_back(json_of(task, machine));
      review.add(task, machine);
    });
  }
  text(review.text());
  return JsonObject()
      .set("machine", to_json(machine))
      .set("tasks", tasks)
      .set("plan", review.json())
      .set("version", program_version())
      .set("commit", program_commit());
}

}  // namespace clearcut
