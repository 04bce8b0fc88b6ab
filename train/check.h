// Audit tools: gradients of all operators, one training step on two devices, the same bits twice.
#pragma once

#include <string>
#include <vector>

#include "train/job.h"

namespace clearcut {

/// One operator row with one set of shapes.
struct GradientCheck {
  std::string row;
  std::vector<Shape> shapes;
  bool passed = false;
  double worst = 0;   // of |numeric - analytic| / tolerance; above 1 fails
  std::string where;  // of the worst element
};
/// Central differences in double, on the reference device, for every row of autograd/op_case.h whose name
/// contains `filter`. The rows are those that the program is linked with.
std::vector<GradientCheck> check_gradients(const std::string& filter = "");

/// Differences are max |a - b| / max |b| over one tensor: b is the second device. A tensor whose values are
/// below 1e-2 of the largest of its kind is compared with that: its own values may be rounding alone.
struct StepDifference {
  std::string name;  // module path, or parameter
  Shape shape;
  double value = 0;     // of the activation; of the parameter after the step
  double gradient = 0;  // NaN if there is none
  bool agrees = true;
};
struct StepCheck {
  double loss_a = 0, loss_b = 0;
  std::vector<StepDifference> modules;     // in the order in which they ran
  std::vector<StepDifference> parameters;  // in the order of the model
  int first = -1;                          // first module that disagrees, in the forward pass; -1: none
  bool agrees = true;
};

/// Runs the first training step of a job on two devices, from the same weights and the same batch, and
/// compares activations and gradients of every module, gradients of every parameter, and the parameters
/// afterwards.
StepCheck check_step(const TrainJob& job, Device a, Device b, double tolerance);

/// One way to run a job, and the hash of what came out.
struct Repetition {
  std::string how;   // "1 thread", "3 threads, stopped after each step"
  std::string hash;  // of the files whose bits must not depend on the way
};
/// Trains a job in `folder` several times: with one thread, with several, with decoding in the main thread,
/// and stopped and resumed twice. Hashes weights, velocities and history.csv.
std::vector<Repetition> check_training(const TrainJob& job, Device device, const std::string& folder);

/// The same for pseudo labels. Keys: data, those of read_ensemble_config(), rule, seed. The ways differ in
/// threads, pictures per batch and shards; label files and manifest.jsonl are hashed.
std::vector<Repetition> check_labels(const Config& config, Device device, const std::string& folder);

}  // namespace clearcut
