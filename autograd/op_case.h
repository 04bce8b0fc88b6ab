// One row per operator, in tests/cases/. From each row tests/op_case_test.cpp makes, with no further code:
// golden comparison (numbers from outside), fast Cpu bodies in float against Reference in double,
// gradient check in double, the same bits for 1 and N threads, and the texts of errors.
// `clearcut check grad` prints the gradient checks of the same rows.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "autograd/var.h"

namespace clearcut {

/// How the numbers of one input are drawn.
struct Values {
  double mean = 0, deviation = 1;  // normal
  double gap = 0;                  // values closer to `kink` than gap are pushed away from it
  double kink = 0;
  bool positive = false;  // |v| + gap
  bool distinct = false;  // a shuffled grid: no two values closer than 0.01 (max pooling)
};

using Inputs = std::vector<Var>;
using OpFunction = std::function<Var(const Inputs&)>;

/// A call that must throw, and a part of the text that it must throw with.
struct BadCall {
  std::function<void()> call;
  std::string text;
};

struct OpCase {
  std::string name;                        // operator, and what is special: "conv2d stride 2"
  std::vector<std::vector<Shape>> shapes;  // each entry: the shapes of all inputs, odd on purpose
  OpFunction f;                            // works for any dtype and device of its inputs
  std::vector<Values> values = {};         // per input; the last one serves the rest; default N(0, 1)
  bool fast_forward = false;               // a Cpu body must be entered by the forward pass ...
  bool fast_backward = false;              // ... and by the backward pass
  double terms = 1;                        // summed terms per output: widens the float tolerance
  std::string golden = "";                 // "softmax/dim1": case of tests/golden/ops/softmax.safetensors
  std::function<void()> oracle = nullptr;  // or a closed form / hand case with its own expectations
  std::vector<BadCall> bad = {};
};

/// tests/cases/*.cpp hand in their rows at start-up: `const bool added = add_cases({{.name = ...}, ...});`.
/// Those objects are linked into the test program and into bin/clearcut directly, never through the
/// archive, which would drop them.
bool add_cases(std::vector<OpCase> rows);
const std::vector<OpCase>& all_cases();

/// The inputs of one entry of row.shapes, drawn from the row's name: the same numbers in every run.
std::vector<Tensor> draw_inputs(const OpCase& row, std::size_t entry, DType dtype, Device device);

}  // namespace clearcut
