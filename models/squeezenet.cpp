#include "models/squeezenet.h"

#include <span>

#include "autograd/elementwise.h"
#include "autograd/rearrange.h"
#include "models/scaled.h"

namespace clearcut {

namespace {

// U(-sqrt(6 / fan_in), sqrt(6 / fan_in)): He et al. 2015, arXiv:1502.01852, as a uniform law.
constexpr Init kWeightInit{.law = Init::Law::kUniform, .fan = Init::Fan::kIn, .value = 2.449489742783178};

Conv2dOptions conv(std::int64_t in, std::int64_t out, std::int64_t kernel) {
  return {.in = in,
          .out = out,
          .kernel = kernel,
          .padding = kernel / 2,
          .weight_init = kWeightInit,
          .bias_init = constant(0)};
}

struct FireRow {
  bool pool;  // max pooling comes before it
  std::int64_t squeeze, expand;
};
constexpr FireRow kFires1_0[] = {{true, 16, 64},   {false, 16, 64},  {false, 32, 128}, {true, 32, 128},
                                 {false, 48, 192}, {false, 48, 192}, {false, 64, 256}, {true, 64, 256}};
constexpr FireRow kFires1_1[] = {{true, 16, 64},  {false, 16, 64},  {true, 32, 128},  {false, 32, 128},
                                 {true, 48, 192}, {false, 48, 192}, {false, 64, 256}, {false, 64, 256}};

std::span<const FireRow> fires(const SqueezeNetOptions& o) {
  return o.version == SqueezeNetVersion::k1_0 ? kFires1_0 : kFires1_1;
}

// 7x7 to 96 channels, or 3x3 to 64.
Conv2dOptions first_conv(const SqueezeNetOptions& o) {
  const bool large = o.version == SqueezeNetVersion::k1_0;
  Conv2dOptions first = conv(3, scaled(large ? 96 : 64, o.width), large ? 7 : 3);
  first.stride = 2;
  first.padding = 0;
  return first;
}

Conv2dOptions class_conv(const SqueezeNetOptions& o) {
  Conv2dOptions last = conv(2 * scaled(fires(o).back().expand, o.width), o.classes, 1);
  last.weight_init = normal(0.01);
  return last;
}

}  // namespace

Fire::Fire(const Scope& at, const FireOptions& o)
    : Module(at),
      squeeze(at / "squeeze", conv(o.in, o.squeeze, 1)),
      expand1x1(at / "expand1x1", conv(o.squeeze, o.expand, 1)),
      expand3x3(at / "expand3x3", conv(o.squeeze, o.expand, 3)) {}

Var Fire::operator()(const Var& x) const {
  return run([&] {
    const Var y = relu(squeeze(x));
    return concat({relu(expand1x1(y)), relu(expand3x3(y))}, 1);
  });
}

SqueezeNetFeatures::SqueezeNetFeatures(const Scope& at, const SqueezeNetOptions& o)
    : Module(at), first(at / 0, first_conv(o)) {
  int index = 2;  // torchvision numbers the first ReLU too
  std::int64_t in = scaled(o.version == SqueezeNetVersion::k1_0 ? 96 : 64, o.width);
  for (const FireRow& row : fires(o)) {
    Step step;
    if (row.pool)
      step.pool = std::make_unique<MaxPool2d>(at / index++,
                                              MaxPoolOptions{.kernel = 3, .stride = 2, .ceil_mode = true});
    const FireOptions fire{
        .in = in, .squeeze = scaled(row.squeeze, o.width), .expand = scaled(row.expand, o.width)};
    step.fire = std::make_unique<Fire>(at / index++, fire);
    steps.push_back(std::move(step));
    in = 2 * fire.expand;
  }
}

Var SqueezeNetFeatures::operator()(const Var& x) const {
  return run([&] {
    Var y = relu(first(x));
    for (const Step& step : steps) y = (*step.fire)(step.pool ? (*step.pool)(y) : y);
    return y;
  });
}

SqueezeNet::SqueezeNet(const Scope& at, const SqueezeNetOptions& o)
    : Module(at),
      features(at / "features", o),
      dropout(at / "classifier" / 0, {.p = 0.5}),
      classifier(at / "classifier" / 1, class_conv(o)) {}

Var SqueezeNet::logits(const Var& x) const {
  const Var maps = relu(classifier(dropout(features(x))));
  return flatten(global_avg_pool(root().observe(kClassMaps, maps)));
}

}  // namespace clearcut
