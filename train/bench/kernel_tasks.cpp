// Convolutions and products as tasks.
#include <algorithm>
#include <memory>

#include "tensor/ops/matmul.h"
#include "tensor/random.h"
#include "train/bench/kernels.h"
#include "train/bench/operands.h"

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

KernelTask convolution_task(const LayerShape& shape, Direction direction,
                            const std::shared_ptr<const ConvOperands>& t) {
  const conv::Layer layer = t->layer();
  const auto pictures = static_cast<double>(shape.batch);
  KernelTask task{.suite = shape.suite,
                  .name = shape.name(),
                  .direction = std::string(name_of(direction)),
                  .count = shape.count,
                  .operations = 2 * pictures * layer.multiply_adds(),
                  .bytes = static_cast<double>(sizeof(float) * (t->x.numel() + t->w.numel() + t->y.numel())),
                  .candidates = {}};
  const conv::Kernel& planned = conv::choose(layer, direction);
  for (const conv::Kernel* kernel : conv::kernels()) {
    if (!kernel->offers(layer, direction)) continue;
    task.candidates.push_back({.kernel = std::string(kernel->name),
                               .planned = kernel == &planned,
                               .estimate = pictures * kernel->cost(layer, direction),
                               .run = [=] { t->run(*kernel, direction); }});
    if (kernel->prepare == nullptr || direction == Direction::kBackwardWeight) continue;
    std::shared_ptr<PreparedWeights::Form> form =
        kernel->prepare(nchw<const float>(t->w), t->options, direction);
    task.candidates.push_back({.kernel = cat(kernel->name, "+kept"), .planned = false, .run = [=] {
                                 t->run(*kernel, direction, form.get());
                               }});
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
    const auto operands = std::make_shared<const ConvOperands>(shape, o.seed);
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
