// Layers: modules around operators, with parameter names and defaults of PyTorch.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "autograd/folded_conv.h"
#include "autograd/pool.h"
#include "nn/init.h"
#include "tensor/ops/conv2d.h"

namespace clearcut {

struct Conv2dOptions {
  std::int64_t in = 0, out = 0;  // channels
  Size2 kernel = 1;
  Size2 stride = 1;
  Padding2 padding = 0;
  /// Instead of `padding`: zeros that bring an output side to ceil(side / stride), the odd one at the bottom
  /// or right, as TensorFlow's and Paddle's "same". At kernel 3, stride 2 and an even side that is 0 before
  /// and 1 after the map: weights that were trained so are a little off under padding 1. Goes with dilation 1
  /// only (Paddle would silently undo another).
  bool same = false;
  Size2 dilation = 1;
  std::int64_t groups = 1;
  bool bias = true;
  Init weight_init = uniform_fan_in();
  Init bias_init = uniform_fan_in();
};

/// Convolution; see tensor/ops/conv2d.h. weight [out, in / groups, kH, kW], bias [out].
struct Conv2d : Module {
  ConvOptions options;
  bool same;
  Param weight;
  std::optional<Param> bias;

  Conv2d(const Scope& at, const Conv2dOptions& o);
  Var operator()(const Var& x) const;
  /// `options` with the padding that an x of this shape gets.
  ConvOptions options_for(const Shape& x) const;

 private:
  std::shared_ptr<PreparedWeights> prepared_ = std::make_shared<PreparedWeights>();
};

/// What a trace says of a convolution whose padding follows the size of its input (Conv2dOptions::same).
struct SameConv {
  ConvOptions options;  // with the padding that this x got
};

struct LinearOptions {
  std::int64_t in = 0, out = 0;
  bool bias = true;
  Init weight_init = uniform_fan_in();
  Init bias_init = uniform_fan_in();
};

/// y = x weight^T + bias; weight [out, in], bias [out], x [N, in].
struct Linear : Module {
  Param weight;
  std::optional<Param> bias;

  Linear(const Scope& at, const LinearOptions& o);
  Var operator()(const Var& x) const;
};

struct BatchNorm2dOptions {
  double eps = 1e-5;
  double momentum = 0.1;
  bool unbiased_running_variance = true;  // PyTorch; see autograd/batch_norm.h
  double weight = 1;                      // initial value
};

/// Batch normalisation; see autograd/batch_norm.h. With mode().training the batch's statistics serve and the
/// running ones follow; otherwise, and with mode().freeze_batch_norm, the running ones serve and stay.
struct BatchNorm2d : Module {
  BatchNorm2dOptions options;
  Param weight, bias;
  Buffer running_mean, running_var, num_batches_tracked;

  BatchNorm2d(const Scope& at, std::int64_t channels, const BatchNorm2dOptions& o = {});
  Var operator()(Var x, const After& after = {}) const;
  /// With the batch's statistics.
  bool trains() const { return mode().training && !mode().freeze_batch_norm; }

 private:
  friend Var conv_bn(const Conv2d& conv, const BatchNorm2d& bn, const Var& x, const After& after);
  std::shared_ptr<FoldedConv> folded_ = std::make_shared<FoldedConv>();
};

/// bn(conv(x)), and what often follows it: one sweep over memory for all that is not the convolution. In
/// evaluation, without gradients for their parameters, the two are one convolution. Where a tap watches the
/// batch norm or the convolution, or mode().fuse is false, layers run one by one.
Var conv_bn(const Conv2d& conv, const BatchNorm2d& bn, const Var& x, const After& after = {});
/// relu(bn(conv(x)) + residual); the residual may be left out.
Var conv_bn_relu(const Conv2d& conv, const BatchNorm2d& bn, const Var& x, const Var& residual = {});
Var conv_bn_relu6(const Conv2d& conv, const BatchNorm2d& bn, const Var& x);

struct DropoutLayerOptions {
  double p = 0.5;
  bool whole_channels = false;
};

/// Dropout while mode().training, keyed by the model's seed, the module path, the picture's id and the step.
struct Dropout : Module {
  DropoutLayerOptions options;

  Dropout(const Scope& at, const DropoutLayerOptions& o) : Module(at), options(o) {}
  Var operator()(const Var& x) const;
};

/// Pooling layers have no parameters; they are modules so that taps can see them.
struct MaxPool2d : Module {
  MaxPoolOptions options;

  MaxPool2d(const Scope& at, const MaxPoolOptions& o) : Module(at), options(o) {}
  Var operator()(const Var& x) const;
};
struct AvgPool2d : Module {
  AvgPoolOptions options;

  AvgPool2d(const Scope& at, const AvgPoolOptions& o) : Module(at), options(o) {}
  Var operator()(const Var& x) const;
};
struct AdaptiveAvgPool2d : Module {
  Size2 size;

  AdaptiveAvgPool2d(const Scope& at, Size2 output) : Module(at), size(output) {}
  Var operator()(const Var& x) const;
};

/// Convolution "conv", batch norm "bn", ReLU. Names as PaddleSeg's ConvBNReLU without its underscores.
struct ConvBnRelu : Module {
  Conv2d conv;
  BatchNorm2d bn;

  ConvBnRelu(const Scope& at, const Conv2dOptions& o);
  Var operator()(const Var& x) const;
};

/// Convolution "0", batch norm "1", and what follows them: nn.Sequential(conv, bn, relu) of PyTorch's models.
struct ConvNorm : Module {
  Conv2d conv;
  BatchNorm2d bn;

  ConvNorm(const Scope& at, const Conv2dOptions& o);
  Var operator()(const Var& x, const After& after = {}) const;
};

/// Layers one after another, named by their index: "0", "1", ... They are made in the constructor, so that
/// the state keeps the order of declarations:
///   layer1(at / "layer1", [&](auto& layers) { layers.add(in, out, stride); })
template <class Layer>
struct Sequence : Module {
  std::vector<std::unique_ptr<Layer>> layers;

  template <class Fill>
  Sequence(const Scope& scope, const Fill& fill) : Module(scope), at_(scope) {
    fill(*this);
  }
  /// Appends Layer(at / index, arguments...).
  template <class... Argument>
  void add(const Argument&... arguments) {
    layers.push_back(std::make_unique<Layer>(at_ / static_cast<int>(layers.size()), arguments...));
  }
  Var operator()(Var x) const {
    return run([&] {
      for (const auto& layer : layers) x = (*layer)(x);
      return x;
    });
  }

 private:
  Scope at_;
};

}  // namespace clearcut
