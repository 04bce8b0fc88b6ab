// How good the planner's choices and estimates are, over many tasks.
#pragma once

#include <string>

#include "train/bench/kernels.h"

namespace clearcut {

/// Judged by least times. Tasks without estimates (products, memory) and prepared weights do not count.
struct PlanReview {
  int tasks = 0;
  int fastest = 0;      // choices that no other candidate beats by more than 5 %
  int estimated = 0;    // estimates of the chosen one within 10 % of its time
  double planned = 0;   // seconds of all layers of the networks with the choices made,
  double possible = 0;  // and with the fastest candidate everywhere
  double worst = 1;     // largest time of a choice over that of the fastest candidate
  std::string worst_task = {};

  void add(const KernelTask& task, const MachineLimits& machine);
  std::string text() const;  // two lines; "" without tasks
  JsonObject json() const;
};

}  // namespace clearcut
