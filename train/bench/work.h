// What `clearcut bench` times: training steps, predictions, explanations of any network.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tensor/device.h"

namespace clearcut {

struct BenchOptions {
  std::string model;         // name of a network, or a file of load_classifier() or load_segmenter()
  std::int64_t batch = 0;    // pictures; 0: train 8, predict 1; explanations have one
  std::int64_t height = 0;   // of the input; 0: the network's own
  std::int64_t width = 0;    // 0: as high
  std::int64_t classes = 0;  // 0: 1000 of a classifier, 21 of a segmenter
  double width_factor = 1;   // ModelSpec::width
  bool recompute = false;
  std::string explainer = "smoothgrad";             // as parse_explainer() reads it
  std::size_t budget_bytes = std::size_t{1} << 30;  // of explanations, for one pass
  std::uint64_t seed = 1;
  Device device = Device::kCpu;
};

/// One piece of work that can be run again and again. Inputs and weights are random and follow from the seed.
struct Workload {
  std::string work;         // "train", "predict", "explain"
  std::string model;        // name
  std::string detail = {};  // of an explanation: the explainer with its settings
  std::int64_t batch = 1, height = 0, width = 0;
  std::int64_t items = 1;        // that one run handles, and what they are
  std::string item = "picture";  // "sample": noisy copies, points of a path, masked pictures
  std::int64_t parameters = 0;
  std::int64_t forward_multiply_adds = 0;  // of the network on the whole batch
  double operations = 0;                   // of one run: two per multiply-add; see each maker
  std::function<void()> run = {};
};

/// One step: forward in training mode, loss, backward, SGD with momentum 0.9 and weight decay. Classifiers
/// learn with the cross-entropy of image labels; segmenters with the weighted cross-entropy over pixels,
/// class and pixel weights included, an auxiliary output counting 0.4. operations: three times the forward
/// pass (the usual count: the first layer's input gradient is not really needed, nor is a second forward of
/// recompute).
Workload bench_training(const BenchOptions& options);
/// Forward in evaluation mode without a tape: logits of a classifier, main logits of a segmenter.
Workload bench_prediction(const BenchOptions& options);
/// One explanation of one picture for one class. operations: twice the forward pass per input gradient, once
/// per sample of lime, and once in all for the CAM family.
/// LIME gets a grid of 49 superpixels, so that cutting the picture is not part of it.
Workload bench_explanation(const BenchOptions& options);

}  // namespace clearcut
