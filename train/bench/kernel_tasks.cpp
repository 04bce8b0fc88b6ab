// Convolutions and products as tasks.
#include <algorithm>
#include <memory>

#include "tensor/cpu/conv/kernel.h"
#include "tensor/ops/matmul.h"
#include "tensor/random.h"
#include "train/bench/kernels.h"

namespace clearcut {

namespace {

using conv::Direction;
using Use = std::function<void(KernelTask&)>;

Tensor normal(const KernelBenchOptions& o, const Shape& shape, const char* purpose) {
  Tensor x(shape);
  RandomStream(o.seed, purpose).fill_normal(x, 0, 1);
  return x;
}

bool wanted(const std::vector<std::string>& list, std::string_view name) {
  return list.empty() || std::ranges::find(list, name) != list.end();
}

/// Operands of a convolution; what a direction writes is one of them too.
struct Operands {
  Tensor x, w, y;
  ConvOptions options;
};

std::function<void()> call_of(const conv::Kernel& kernel, Direction direction, const Operands& t) {
  switch (direction) {
    case Direction::kForward:
      return [&kernel, t] {
        kernel.forward(nchw<const float>(t.x), {nchw<const float>(t.w)}, t.options, {}, nchw<float>(t.y));
      };
    case Direction::kBackwardInput:
      return [&kernel, t] {
        kernel.backward_input(nchw<const float>(t.y), {nchw<const float>(t.w)}, t.options, nchw<float>(t.x));
      };
    case Direction::kBackwardWeight:
      return [&kernel, t] {
        kernel.backward_weight(nchw<const float>(t.y), nchw<const float>(t.x), t.options, nchw<float>(t.w));
      };
  }
  return {};
}

KernelTask convolution_task(const LayerShape& shape, Direction direction, const Operands& t) {
  const conv::Layer layer =
      conv::layer_of(nchw<const float>(t.x), nchw<const float>(t.w), nchw<const float>(t.y), t.options);
  const auto pictures = static_cast<double>(shape.batch);
  KernelTask task{.suite = shape.suite,
                  .name = shape.name(),
                  .direction = std::string(name_of(direction)),
                  .count = shape.count,
                  .operations = 2 * pictures * layer.multiply_adds(),
                  .bytes = static_cast<double>(sizeof(float) * (t.x.numel() + t.w.numel() + t.y.numel())),
                  .candidates = {}};
  const conv::Kernel& planned = conv::choose(layer, direction);
  for (const conv::Kernel* kernel : conv::kernels()) {
    if (!kernel->offers(layer, direction)) continue;
    task.candidates.push_back({.kernel = std::string(kernel->name),
                               .planned = kernel == &planned,
                               .estimate = pictures * kernel->cost(layer, direction),
                               .run = call_of(*kernel, direction, t)});
  }
  return task;
}

KernelTask product_task(const KernelBenchOptions& o, const ProductShape& s) {
  const bool ta = s.form == "TN", tb = s.form == "NT";
  const Tensor a = normal(o, ta ? Shape{s.K, s.M} : Shape{s.M, s.K}, "a");
  const Tensor b = normal(o, tb ? Shape{s.N, s.K} : Shape{s.K, s.N}, "b");
  const auto run = [a, b, ta, tb] { ops::matmul(a, b, {.transpose_a = ta, .transpose_b = tb}); };
  return {.suite = "products",
          .name = s.name(),
          .direction = "product",
          .operations = 2.0 * static_cast<double>(s.M * s.N * s.K),
          .bytes = static_cast<double>(sizeof(float) * (s.M * s.K + s.K * s.N + s.M * s.N)),
          .candidates = {{.kernel = "gemm", .run = run}}};
}

}  // namespace

void for_each_convolution(const KernelBenchOptions& o, const std::vector<LayerShape>& layers,
                          const Use& use) {
  for (LayerShape shape : layers) {
    if (o.batch > 0) shape.batch = o.batch;
    if (shape.name().find(o.filter) == std::string::npos) continue;
    const Shape y = ops::conv2d_shape(shape.x(), shape.w(), shape.options());
    const Operands operands{normal(o, shape.x(), "x"), normal(o, shape.w(), "w"), normal(o, y, "y"),
                            shape.options()};
    for (const Direction d : {Direction::kForward, Direction::kBackwardInput, Direction::kBackwardWeight}) {
      if (!wanted(o.directions, name_of(d))) continue;
      KernelTask task = convolution_task(shape, d, operands);
      use(task);
    }
  }
}

void for_each_product(const KernelBenchOptions& o, const Use& use) {
  for (const ProductShape& shape : bench_products()) {
    if (shape.name().find(o.filter) == std::string::npos) continue;
    KernelTask task = product_task(o, shape);
    use(task);
  }
}

std::vector<std::string> kernel_suites() {
  return {"resnet50", "segmentation", "hrnet", "mobilenet", "products", "memory"};
}

void for_each_task(const KernelBenchOptions& o, const Use& use) {
  std::int64_t tasks = 0;
  const auto counted = [&](KernelTask& task) {
    ++tasks;
    use(task);
  };
  std::vector<LayerShape> layers;
  for (const std::string& text : o.layers) layers.push_back(parse_layer(text));
  if (layers.empty())
    for (const LayerShape& layer : bench_layers())
      if (wanted(o.suites, layer.suite)) layers.push_back(layer);
  for_each_convolution(o, layers, counted);
  const bool plain = o.layers.empty() && o.directions.empty();
  if (plain && wanted(o.suites, "products")) for_each_product(o, counted);
  if (plain && wanted(o.suites, "memory")) for_each_memory_pass(o, counted);
  check(tasks > 0, "bench kernels", "no shape of the suites has '", o.filter, "' in its name");
}

}  // namespace clearcut
