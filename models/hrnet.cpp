#include "models/hrnet.h"

#include "autograd/arithmetic.h"
#include "autograd/elementwise.h"
#include "autograd/matmul.h"
#include "autograd/rearrange.h"
#include "autograd/resize.h"
#include "models/scaled.h"

namespace clearcut {

namespace {

constexpr int kBlocks = 4;  // of layer1, and on each branch of a module

Init weight_init(HrNetForm form) {
  return form == HrNetForm::kPaddleSeg ? normal(0.001) : kaiming_normal(Init::Fan::kOut);
}

Conv2dOptions conv1x1(HrNetForm form, std::int64_t in, std::int64_t out) {
  return {.in = in, .out = out, .bias = false, .weight_init = weight_init(form)};
}

Conv2dOptions conv3x3(HrNetForm form, std::int64_t in, std::int64_t out, std::int64_t stride) {
  const bool same = form == HrNetForm::kPaddleSeg;
  return {.in = in,
          .out = out,
          .kernel = 3,
          .stride = stride,
          .padding = same ? 0 : 1,
          .same = same,
          .bias = false,
          .weight_init = weight_init(form)};
}

Var resized(const Var& x, const Var& like, HrNetForm form) {
  return form == HrNetForm::kPaddleSeg ? resize_bilinear(x, like, false) : resize_nearest(x, like, false);
}

std::vector<std::int64_t> branch_channels(std::size_t branches, double width) {
  std::vector<std::int64_t> channels;
  for (std::size_t i = 0; i < branches; ++i) channels.push_back(scaled(std::int64_t{18} << i, width));
  return channels;
}

// The convolutions that take branch `from` to branch `to`.
HrModule::Chain fuse_chain(const Scope& at, const std::vector<std::int64_t>& channels, std::size_t to,
                           std::size_t from, HrNetForm form) {
  HrModule::Chain chain;
  if (from > to) chain.push_back(std::make_unique<ConvNorm>(at, conv1x1(form, channels[from], channels[to])));
  for (std::size_t i = from + 1; i <= to; ++i)
    chain.push_back(
        std::make_unique<ConvNorm>(at / static_cast<int>(i - from - 1),
                                   conv3x3(form, channels[from], channels[i == to ? to : from], 2)));
  return chain;
}

}  // namespace

HrModule::HrModule(const Scope& at, const std::vector<std::int64_t>& channels, HrNetForm f)
    : Module(at), form(f), branches(at / "branches", [&](auto& all) {
        for (const std::int64_t width : channels)
          all.add([&](auto& blocks) {
            for (int i = 0; i < kBlocks; ++i)
              blocks.add(BlockOptions{.in = width, .width = width, .weight_init = weight_init(f)});
          });
      }) {
  for (std::size_t to = 0; to < channels.size(); ++to) {
    fuse_layers.emplace_back();
    for (std::size_t from = 0; from < channels.size(); ++from)
      fuse_layers[to].push_back(fuse_chain(at / "fuse_layers" / static_cast<int>(to) / static_cast<int>(from),
                                           channels, to, from, form));
  }
}

Var HrModule::fused(const std::vector<Var>& x, std::size_t to) const {
  Var sum = x[to];
  for (std::size_t from = to + 1; from < x.size(); ++from)
    sum = sum + resized((*fuse_layers[to][from][0])(x[from]), x[to], form);
  if (to == 0) return relu(std::move(sum));
  for (std::size_t from = 0; from < to; ++from) {
    const Chain& chain = fuse_layers[to][from];
    Var y = x[from];
    for (std::size_t i = 0; i + 1 < chain.size(); ++i) y = (*chain[i])(y, {.low = 0});
    After last{.residual = sum};
    if (from + 1 == to) last.low = 0;  // nothing comes after it
    sum = (*chain.back())(y, last);
  }
  return sum;
}

std::vector<Var> HrModule::operator()(std::vector<Var> x) const {
  const ErrorScope scope(path());
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = (*branches.layers[i])(x[i]);
  std::vector<Var> y;
  for (std::size_t i = 0; i < x.size(); ++i)
    y.push_back(root().observe(cat(path(), ".fuse_layers.", i), fused(x, i)));
  return y;
}

HrNetHead::HrNetHead(const Scope& at, const std::vector<std::int64_t>& channels, const HrNetOptions& o)
    : Module(at),
      incre_modules([&] {
        std::vector<std::unique_ptr<ResNetStage>> modules;
        for (int i = 0; i < static_cast<int>(channels.size()); ++i)
          modules.push_back(std::make_unique<ResNetStage>(
              at / "incre_modules" / i, true, 1,
              BlockOptions{.in = channels[static_cast<std::size_t>(i)], .width = scaled(32 << i, o.width)}));
        return modules;
      }()),
      downsamp_modules([&] {
        std::vector<std::unique_ptr<ConvNorm>> modules;
        for (int i = 0; i + 1 < static_cast<int>(channels.size()); ++i)
          modules.push_back(std::make_unique<ConvNorm>(
              at / "downsamp_modules" / i, conv3x3(o.form, Bottleneck::kExpansion * scaled(32 << i, o.width),
                                                   Bottleneck::kExpansion * scaled(64 << i, o.width), 2)));
        return modules;
      }()),
      final_layer(at / "final_layer",
                  conv1x1(o.form, Bottleneck::kExpansion * scaled(256, o.width), scaled(2048, o.width))),
      classifier(at / "classifier", {.in = scaled(2048, o.width), .out = o.classes}) {}

Var HrNetHead::operator()(const std::vector<Var>& branches) const {
  Var y = (*incre_modules[0])(branches[0]);
  for (std::size_t i = 0; i < downsamp_modules.size(); ++i)
    y = (*incre_modules[i + 1])(branches[i + 1]) + (*downsamp_modules[i])(y, {.low = 0});
  return classifier(flatten(global_avg_pool(final_layer(y, {.low = 0}))));
}

namespace {

ConvNorm transition(const Scope& at, std::int64_t in, std::int64_t out, std::int64_t stride, HrNetForm form) {
  return ConvNorm(at, conv3x3(form, in, out, stride));
}

Sequence<HrModule> stage(const Scope& at, int modules, std::size_t branches, const HrNetOptions& o) {
  return Sequence<HrModule>(at, [&](auto& all) {
    for (int i = 0; i < modules; ++i) all.add(branch_channels(branches, o.width), o.form);
  });
}

std::vector<Var> run_stage(const Sequence<HrModule>& modules, std::vector<Var> x) {
  for (const auto& module : modules.layers) x = (*module)(std::move(x));
  return x;
}

}  // namespace

HrNet::HrNet(const Scope& at, const HrNetOptions& o)
    : Module(at),
      options(o),
      conv1(at / "conv1", conv3x3(o.form, 3, scaled(64, o.width), 2)),
      bn1(at / "bn1", scaled(64, o.width)),
      conv2(at / "conv2", conv3x3(o.form, scaled(64, o.width), scaled(64, o.width), 2)),
      bn2(at / "bn2", scaled(64, o.width)),
      layer1(at / "layer1", true, kBlocks,
             {.in = scaled(64, o.width), .width = scaled(64, o.width), .weight_init = weight_init(o.form)}),
      transition1_0(transition(at / "transition1" / 0, Bottleneck::kExpansion * scaled(64, o.width),
                               channels(1), 1, o.form)),
      transition1_1(transition(at / "transition1" / 1 / 0, Bottleneck::kExpansion * scaled(64, o.width),
                               channels(2), 2, o.form)),
      stage2(stage(at / "stage2", 1, 2, o)),
      transition2(transition(at / "transition2" / 2 / 0, channels(2), channels(3), 2, o.form)),
      stage3(stage(at / "stage3", 4, 3, o)),
      transition3(transition(at / "transition3" / 3 / 0, channels(3), channels(4), 2, o.form)),
      stage4(stage(at / "stage4", 3, 4, o)) {
  check(o.classes == 0 || o.form == HrNetForm::kClassifier, "HRNet",
        "the PaddleSeg form is a trunk without classes; got ", o.classes);
  if (o.classes > 0) classification.emplace(at, branch_channels(kStages, o.width), o);
}

std::int64_t HrNet::channels(int stage) const { return scaled(std::int64_t{9} << stage, options.width); }

std::vector<Var> HrNet::stages(const Var& x) const {
  const Var stem = layer1(conv_bn_relu(conv2, bn2, conv_bn_relu(conv1, bn1, x)));
  std::vector<Var> y = run_stage(stage2, {transition1_0(stem, {.low = 0}), transition1_1(stem, {.low = 0})});
  y.push_back(transition2(y.back(), {.low = 0}));
  y = run_stage(stage3, std::move(y));
  y.push_back(transition3(y.back(), {.low = 0}));
  return run_stage(stage4, std::move(y));
}

Var HrNet::joined(const Var& x) const {
  std::vector<Var> y = stages(x);
  for (std::size_t i = 1; i < y.size(); ++i) y[i] = resize_bilinear(y[i], y[0], false);
  return concat(y, 1);
}

std::int64_t HrNet::joined_channels() const {
  std::int64_t sum = 0;
  for (int i = 1; i <= kStages; ++i) sum += channels(i);
  return sum;
}

Var HrNet::logits(const Var& x) const {
  check(classification.has_value(), "HRNet", "made without classes, as a trunk: it has no logits");
  return (*classification)(stages(x));
}

}  // namespace clearcut
