#include "nn/layers.h"

#include <algorithm>
#include <utility>

#include "autograd/arithmetic.h"
#include "autograd/conv2d.h"
#include "autograd/dropout.h"
#include "autograd/elementwise.h"
#include "autograd/matmul.h"
#include "autograd/recompute.h"
#include "autograd/trace.h"

namespace clearcut {

namespace {

Shape weight_shape(const Scope& at, const Conv2dOptions& o) {
  const ErrorScope scope(at.path);
  check(o.in >= 1 && o.out >= 1 && o.groups >= 1 && o.in % o.groups == 0 && o.out % o.groups == 0, "Conv2d",
        "in and out must be positive multiples of groups; in ", o.in, ", out ", o.out, ", groups ", o.groups);
  return {o.out, o.in / o.groups, o.kernel.h, o.kernel.w};
}

// Zeros before and after one axis, so that ceil(size / stride) values come out.
std::pair<std::int64_t, std::int64_t> same_padding(std::int64_t size, std::int64_t kernel,
                                                   std::int64_t stride) {
  const std::int64_t outputs = (size + stride - 1) / stride;
  const std::int64_t zeros = std::max<std::int64_t>((outputs - 1) * stride + kernel - size, 0);
  return {zeros / 2, zeros - zeros / 2};
}

Var optional(const std::optional<Param>& p) { return p ? p->var() : Var(); }

// The operators that a batch norm and what follows it consist of.
Var one_by_one(Var y, const After& after) {
  if (after.residual.defined()) y = y + after.residual;
  if (after.high < After{}.high) return clamp(std::move(y), after.low, after.high);
  return after.low == 0 ? relu(std::move(y)) : y;
}

}  // namespace

Conv2d::Conv2d(const Scope& at, const Conv2dOptions& o)
    : Module(at),
      options{.stride = o.stride, .padding = o.padding, .dilation = o.dilation, .groups = o.groups},
      same(o.same),
      weight(at / "weight", initial(o.weight_init, at / "weight", weight_shape(at, o))) {
  const ErrorScope scope(at.path);
  check(!o.same || (o.dilation == Size2(1) && o.padding == Padding2(0)), "Conv2d",
        "same sets the padding itself and needs dilation 1; got dilation ", o.dilation, " and padding ",
        o.padding);
  if (o.bias) bias.emplace(at / "bias", initial(o.bias_init, at / "bias", {o.out}, weight.value().shape()));
}

ConvOptions Conv2d::options_for(const Shape& x) const {
  if (!same || x.rank() != 4) return options;  // conv2d refuses other ranks
  const auto [top, bottom] = same_padding(x[2], weight.value().dim(2), options.stride.h);
  const auto [left, right] = same_padding(x[3], weight.value().dim(3), options.stride.w);
  ConvOptions o = options;
  o.padding = {top, left, bottom, right};
  return o;
}

Var Conv2d::operator()(const Var& x) const {
  return run([&] {
    const Var y = conv2d(x, weight, optional(bias), options_for(x.shape()), prepared_);
    return same ? described(y, SameConv{options_for(x.shape())}) : y;
  });
}

Linear::Linear(const Scope& at, const LinearOptions& o)
    : Module(at), weight(at / "weight", initial(o.weight_init, at / "weight", {o.out, o.in})) {
  if (o.bias) bias.emplace(at / "bias", initial(o.bias_init, at / "bias", {o.out}, weight.value().shape()));
}

Var Linear::operator()(const Var& x) const {
  return run([&] { return linear(x, weight, optional(bias)); });
}

BatchNorm2d::BatchNorm2d(const Scope& at, std::int64_t channels, const BatchNorm2dOptions& o)
    : Module(at),
      options(o),
      weight(at / "weight", Tensor::full({channels}, o.weight)),
      bias(at / "bias", Tensor::zeros({channels})),
      running_mean(at / "running_mean", Tensor::zeros({channels})),
      running_var(at / "running_var", Tensor::full({channels}, 1)),
      num_batches_tracked(at / "num_batches_tracked", Tensor::zeros({}, DType::kInt64)) {}

Var BatchNorm2d::operator()(Var x, const After& after) const {
  const bool training = trains();
  const bool apart = !mode().fuse || root().watches(path());
  const Var y = run([&] {
    Var v = batch_norm(std::move(x), weight, bias, {running_mean.value(), running_var.value()},
                       {.mode = training ? BatchNormMode::kTraining : BatchNormMode::kEvaluation,
                        .eps = options.eps,
                        .momentum = options.momentum,
                        .unbiased_running_variance = options.unbiased_running_variance},
                       apart ? After{} : after);
    if (training && !Recomputing::active()) *num_batches_tracked.value().data<std::int64_t>() += 1;
    return v;
  });
  return apart ? one_by_one(y, after) : y;
}

Var conv_bn(const Conv2d& conv, const BatchNorm2d& bn, const Var& x, const After& after) {
  const RunningStatistics running{bn.running_mean.value(), bn.running_var.value()};
  const Var conv_bias = optional(conv.bias);
  const ConvOptions options = conv.options_for(x.shape());
  const ConvAndNorm layers{conv.weight, conv_bias, options, bn.weight, bn.bias, running, bn.options.eps};
  const Registry& root = bn.root();
  const bool together = bn.mode().fuse && !bn.trains() && !root.watches(conv.path()) &&
                        !root.watches(bn.path()) && FoldedConv::possible(x, layers);
  if (!together) {
    bn.folded_->clear();
    return bn(conv(x), after);
  }
  const ErrorScope scope(conv.path());
  return (*bn.folded_)(x, layers, after);
}

Var conv_bn_relu(const Conv2d& conv, const BatchNorm2d& bn, const Var& x, const Var& residual) {
  return conv_bn(conv, bn, x, {.residual = residual, .low = 0});
}

Var conv_bn_relu6(const Conv2d& conv, const BatchNorm2d& bn, const Var& x) {
  return conv_bn(conv, bn, x, {.low = 0, .high = 6});
}

Var Dropout::operator()(const Var& x) const {
  return run([&] {
    if (!mode().training) return x;
    return dropout(x, {.p = options.p,
                       .whole_channels = options.whole_channels,
                       .seed = mode().seed,
                       .purpose = "dropout " + path(),
                       .items = mode().items,
                       .step = mode().step});
  });
}

Var MaxPool2d::operator()(const Var& x) const {
  return run([&] { return max_pool2d(x, options); });
}

Var AvgPool2d::operator()(const Var& x) const {
  return run([&] { return avg_pool2d(x, options); });
}

Var AdaptiveAvgPool2d::operator()(const Var& x) const {
  return run([&] { return adaptive_avg_pool2d(x, size); });
}

ConvNorm::ConvNorm(const Scope& at, const Conv2dOptions& o)
    : Module(at), conv(at / 0, o), bn(at / 1, o.out) {}

Var ConvNorm::operator()(const Var& x, const After& after) const {
  return run([&] { return conv_bn(conv, bn, x, after); });
}

ConvBnRelu::ConvBnRelu(const Scope& at, const Conv2dOptions& o)
    : Module(at), conv(at / "conv", o), bn(at / "bn", o.out) {}

Var ConvBnRelu::operator()(const Var& x) const {
  return run([&] { return conv_bn_relu(conv, bn, x); });
}

}  // namespace clearcut
