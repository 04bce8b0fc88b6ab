#include "train/bench/plan_review.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace clearcut {

namespace {

// Least wall time; on a machine that let no sample through undisturbed the least processor time, shared out.
double least_time(const KernelCandidate& c, int threads) {
  return c.timing.clean_only ? c.timing.min : c.timing.least_cpu / threads;
}

}  // namespace

void PlanReview::add(const KernelTask& task, const MachineLimits& machine) {
  const auto chosen = std::ranges::find_if(task.candidates, &KernelCandidate::planned);
  if (chosen == task.candidates.end() || chosen->estimate == 0) return;
  const double time = least_time(*chosen, machine.threads), estimate = 2 * chosen->estimate / machine.flops;
  double best = time;
  for (const KernelCandidate& c : task.candidates)
    if (c.estimate > 0) best = std::min(best, least_time(c, machine.threads));
  ++tasks;
  fastest += time <= 1.05 * best;
  estimated += std::abs(estimate - time) <= 0.1 * time;
  planned += task.count * time;
  possible += task.count * best;
  if (time / best > worst) {
    worst = time / best;
    worst_task = task.name + " " + task.direction;
  }
}

std::string PlanReview::text() const {
  if (tasks == 0) return "";
  char line[400];
  std::snprintf(line, sizeof line,
                "plan: the fastest kernel, or within 5 %% of it, in %d of %d cases; all together %.1f %% "
                "more time than "
                "the fastest everywhere\n      estimates within 10 %% in %d of %d cases%s",
                fastest, tasks, 100 * (planned / possible - 1), estimated, tasks,
                worst_task.empty() ? "" : "; worst choice: ");
  std::string all = line;
  if (!worst_task.empty()) {
    std::snprintf(line, sizeof line, "%s, %.2f times the fastest", worst_task.c_str(), worst);
    all += line;
  }
  return all + "\n";
}

JsonObject PlanReview::json() const {
  return JsonObject()
      .set("tasks", tasks)
      .set("fastest", fastest)
      .set("estimated", estimated)
      .set("planned_seconds", planned)
      .set("possible_seconds", possible)
      .set("worst", worst)
      .set("worst_task", worst_task);
}

}  // namespace clearcut
