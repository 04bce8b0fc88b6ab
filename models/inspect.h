// Looking into networks: what each layer is, and whether it puts out the numbers that it should.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "nn/module.h"
#include "tensor/npy.h"

namespace clearcut {

/// Runs the network on x, in evaluation and without a tape, whatever it returns.
using Forward = std::function<Var(const Var& x)>;

struct LayerRow {
  std::string path;
  Shape shape;                     // of its output for the x that was given
  std::int64_t parameters = 0;     // its own, not those of layers inside it
  std::int64_t multiply_adds = 0;  // the same; see tensor/work.h
};

/// Every layer that can be tapped, in the order in which they end; one that runs several times stands there
/// several times, its parameters in the first row. Parameters of no such layer stand in a last row,
/// "(others)".
std::vector<LayerRow> layer_table(Registry& registry, const Forward& forward, const Tensor& x);

struct LayerTotals {
  std::int64_t parameters = 0, multiply_adds = 0;
};
LayerTotals totals_of(const std::vector<LayerRow>& layers);

/// The network as a drawing in the DOT language of Graphviz: one box per operator that depends on x, with the
/// path of the layer whose result it is and the shape of that; one arrow per value. Throws Error if the
/// output does not depend on x.
std::string layer_graph(Registry& registry, const Forward& forward, const Tensor& x);

struct LayerDifference {
  std::string path;
  Shape ours, theirs;
  double largest = 0;   // |ours - theirs|; infinite if the shapes differ or one side is not finite
  double relative = 0;  // largest / largest |theirs|
};

struct Verification {
  std::vector<LayerDifference>
      layers;                        // in the order of our forward pass; the network's result last, "output"
  std::vector<std::string> unknown;  // in the reference, but no layer of ours

  /// The first layer whose relative difference is above the tolerance, or null.
  const LayerDifference* first_above(double tolerance) const;
};

/// Compares the layers of our forward pass with those that another program saved: `reference` has "input"
/// [N, 3, H, W], perhaps "output", and one array per layer under our layer's path. docs/models_to_bring.md
/// has the script that writes such a file from PyTorch. Throws Error if there is no input or no layer in
/// common.
Verification verify_layers(Registry& registry, const Forward& forward, const NamedTensors& reference,
                           const std::string& file);

}  // namespace clearcut
