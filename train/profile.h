// Where the time of a training step goes, layer by layer.
#pragma once

#include <string>
#include <vector>

#include "train/job.h"

namespace clearcut {

/// What one operator of one module costs in a step, mean over the steps that were measured.
struct LayerProfile {
  std::string op, module = {};       // module: that whose result it is, or that comes next
  double forward = 0, backward = 0;  // seconds
  std::int64_t multiply_adds = 0;    // of both passes; tensor/work.h
  double bytes = 0;  // at least: of inputs and output, and of their gradients where they are made
  double seconds() const { return forward + backward; }
};

struct StepProfile {
  std::vector<LayerProfile> layers;  // in the order of the forward pass
  double data = 0;                   // seconds that the step waited for its pictures
  double update = 0;                 // of clipping and optimiser
  double whole = 0;                  // of the step
  int steps = 0;
};

/// Runs one step to warm up and `steps` to measure, of the job's own data, loss and optimiser, and saves
/// nothing. Values are kept to the end of a step, so that memory is higher and a little time goes that
/// training does not need; on cuda each operator is waited for.
StepProfile profile_training(const TrainJob& job, const TrainRun& run, int steps = 3);

/// A table: time of both passes, share, GFLOP/s (two operations per multiply-add) and GB/s of each operator
/// of each layer, and the sums.
std::string profile_table(const StepProfile& profile);

}  // namespace clearcut
