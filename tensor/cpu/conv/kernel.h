// The kernel laboratory of convolution on the CPU: a list of candidates, and the plan that picks one of them.
//
// A candidate is one file tensor/cpu/conv/candidates/NAME.cpp that defines `const Kernel NAME` in the
// namespace clearcut::conv::candidates. The Makefile lists the files of that folder, so a new one appears in
// the plan, in `clearcut check` and in `clearcut bench kernels` without another line.
#pragma once

#include <limits>
#include <string_view>
#include <vector>

#include "tensor/ops/conv2d.h"

namespace clearcut::conv {

enum class Direction { kForward, kBackwardInput, kBackwardWeight };
std::string_view name_of(Direction direction);  // "forward", "input", "weight"

/// A layer as the plan sees it. The batch is no part of it: the bits of a picture must not depend on how many
/// others are with it.
struct Layer {
  std::int64_t C, H, W;  // of x
  std::int64_t K, P, Q;  // of y
  std::int64_t R, S;
  ConvOptions options;
  /// Multiply-adds of the plain sum, taps on padding included.
  double multiply_adds() const {
    return static_cast<double>(K * P * Q) * static_cast<double>(C / options.groups * R * S);
  }
};
/// x [N, C, H, W] gives the map, w the kernel, y [N, K, P, Q] the outputs; data and N are not looked at.
Layer layer_of(Nchw<const float> x, Nchw<const float> w, Nchw<const float> y, const ConvOptions& o);

/// The weights of a layer, and what Kernel::prepare() made of them for this direction, or null.
struct Weights {
  Nchw<const float> w;
  const PreparedWeights::Form* form = nullptr;
};

/// One way to convolve, in one to three directions; a direction that is null is not offered. Arguments as in
/// kernels::conv2d() and its gradients. Bits of y and dx must not depend on N or on threads, those of dw not
/// on threads.
struct Kernel {
  std::string_view name;
  /// Whether it can compute this layer in this direction, exactly enough (see docs/kernels.md).
  bool (*fits)(const Layer& layer, Direction direction);
  /// Estimated time of one picture, in multiply-adds of a perfect register tile (1 = one lane of one vector
  /// multiply-add); an estimate within a tenth of what `clearcut bench kernels` measures is good.
  double (*cost)(const Layer& layer, Direction direction);
  void (*forward)(Nchw<const float> x, const Weights& w, const ConvOptions& o, const Finish<float>& finish,
                  Nchw<float> y) = nullptr;
  void (*backward_input)(Nchw<const float> dy, const Weights& w, const ConvOptions& o,
                         Nchw<float> dx) = nullptr;
  void (*backward_weight)(Nchw<const float> dy, Nchw<const float> x, const ConvOptions& o,
                          Nchw<float> dw) = nullptr;

  /// The weights in the form that forward() or backward_input() likes best, for callers that keep it.
  std::unique_ptr<PreparedWeights::Form> (*prepare)(Nchw<const float> w, const ConvOptions& o,
                                                    Direction direction) = nullptr;

  bool offers(const Layer& layer, Direction direction) const;
};

/// All candidates, in the order of their names.
const std::vector<const Kernel*>& kernels();

/// The candidate for a layer: of those that offer it the cheapest, unless kernel_wishes() name one that fits.
const Kernel& choose(const Layer& layer, Direction direction);

}  // namespace clearcut::conv
