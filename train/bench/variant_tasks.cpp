// The kernels of cuda as tasks, and the table of `clearcut bench kernels --variant`.
#include <algorithm>
#include <cstdio>
#include <memory>

#include "tensor/cuda_device.h"
#include "train/bench/kernels.h"
#include "train/bench/operands.h"
#include "train/program.h"

namespace clearcut {

namespace {

using conv::Direction;
using Use = std::function<void(KernelTask&)>;

// NVIDIA's data sheet of the H100 SXM, without sparsity: 67 Tflop/s in float32, 989 / 2 in tf32, 3.35 TB/s.
struct Card {
  const char* name;
  double float32, tf32, bytes;  // per second
};
constexpr Card kCard = {"H100 SXM", 67e12, 494.5e12, 3.35e12};

/// Roofline: the least time that arithmetic and memory allow, each byte moved once.
double bound(const KernelTask& task, const KernelCandidate& c) {
  return std::max(task.operations / (c.rounding > 0 ? kCard.tf32 : kCard.float32), task.bytes / kCard.bytes);
}

bool wanted(const std::vector<std::string>& list, std::string_view name) {
  return list.empty() || std::ranges::find(list, name) != list.end();
}
bool asked_for(const KernelBenchOptions& o, std::string_view name) {
  return name == "default" || wanted(o.variants, name);
}

/// Back when the device has done what it was told.
void wait_for(const Tensor& result) { result.slice(0, 1).to(Device::kCpu); }

KernelTask convolution_task(const KernelBenchOptions& o, const LayerShape& shape, Direction direction,
                            const std::shared_ptr<const ConvOperands>& t) {
  const conv::Layer layer = t->layer();
  KernelTask task{.suite = shape.suite,
                  .name = shape.name(),
                  .direction = std::string(name_of(direction)),
                  .operations = 2 * static_cast<double>(shape.batch) * layer.multiply_adds(),
                  .bytes = static_cast<double>(sizeof(float) * (t->x.numel() + t->w.numel() + t->y.numel()))};
  for (const cuda::Convolution& c : cuda::convolutions())
    if (asked_for(o, c.kernel.name) && c.kernel.offers(layer, direction))
      task.candidates.push_back({.kernel = c.file_name(),
                                 .planned = c.kernel.name == "default",
                                 .run = [t, direction, &c] { t->run(c.kernel, direction); },
                                 .wait = [t, direction] { wait_for(t->result(direction)); },
                                 .rounding = c.rounding});
  return task;
}

KernelTask product_task(const KernelBenchOptions& o, const ProductShape& s) {
  const auto t = std::make_shared<const ProductOperands>(s, 1, o.seed, Device::kCuda);
  KernelTask task{.suite = "products",
                  .name = s.name(),
                  .direction = "product",
                  .operations = 2.0 * static_cast<double>(s.M * s.N * s.K),
                  .bytes = static_cast<double>(sizeof(float) * (s.M * s.K + s.K * s.N + s.M * s.N))};
  for (const cuda::Gemm* gemm : cuda::gemms())
    if (asked_for(o, gemm->name) && (gemm->fits == nullptr || gemm->fits(t->product())))
      task.candidates.push_back({.kernel = cat("gemm_", gemm->name),
                                 .planned = gemm->name == "default",
                                 .run = [t, gemm] { gemm->multiply(t->product()); },
                                 .wait = [t] { wait_for(t->c); },
                                 .rounding = gemm->rounding});
  return task;
}

// What --suite, --layer and --filter choose; without them a square product and ResNet-50's 3x3 and 1x1,
// smaller ones for the emulator.
struct Shapes {
  std::vector<ProductShape> products;
  std::vector<LayerShape> layers;
};
Shapes shapes_of(const KernelBenchOptions& o) {
  Shapes shapes;
  for (const std::string& text : o.layers) shapes.layers.push_back(parse_layer(text));
  if (!o.layers.empty()) return shapes;
  if (o.suites.empty() && o.filter.empty()) {
    const std::int64_t n = cuda_is_emulated() ? 128 : 1024, side = cuda_is_emulated() ? 14 : 56,
                       batch = cuda_is_emulated() ? 1 : 32;
    shapes.products = {{"NN", "square", n, n, n}};
    shapes.layers = {{.suite = "resnet50", .batch = batch, .C = 64, .side = side, .K = 64, .kernel = 3},
                     {.suite = "resnet50", .batch = batch, .C = 64, .side = side, .K = 256}};
    return shapes;
  }
  if (wanted(o.suites, "products") && o.directions.empty()) shapes.products = bench_products();
  for (const LayerShape& layer : bench_layers())
    if (wanted(o.suites, layer.suite)) shapes.layers.push_back(layer);
  return shapes;
}

std::string row_of(const KernelTask& task, const KernelCandidate& c) {
  char text[300];
  std::snprintf(text, sizeof text, "%-30s %-8s %c %-18s %10.3f %10.3f %9.1f %9.1f %10.4f\n",
                task.name.c_str(), task.direction.c_str(), c.planned ? '*' : ' ', c.kernel.c_str(),
                1e3 * c.timing.median, 1e3 * c.timing.min, 1e-9 * task.operations / c.timing.median,
                task.operations / task.bytes, 1e3 * bound(task, c));
  return text;
}

JsonObject json_of(const KernelTask& task) {
  std::vector<JsonObject> candidates;
  for (const KernelCandidate& c : task.candidates)
    candidates.push_back(JsonObject()
                             .set("kernel", c.kernel)
                             .set("median", c.timing.median)
                             .set("min", c.timing.min)
                             .set("samples", c.timing.samples)
                             .set("flops", task.operations / c.timing.median)
                             .set("bound", bound(task, c)));
  return JsonObject()
      .set("name", task.name)
      .set("direction", task.direction)
      .set("operations", task.operations)
      .set("bytes", task.bytes)
      .set("candidates", candidates);
}

std::string header() {
  char names[200];
  std::snprintf(names, sizeof names, "%-30s %-8s   %-18s %10s %10s %9s %9s %10s\n", "shape", "", "kernel",
                "median", "min", "GFLOP/s", "flop/byte", "bound");
  return cat(cuda_is_emulated()
                 ? "on the emulator: its times say nothing about a GPU; make counters counts what "
                   "kernels do\n"
                 : "",
             "times in ms; * the default; bound: the least time that the data sheet of the ", kCard.name,
             " allows,\nwith each byte moved once\n", names);
}

}  // namespace

void for_each_variant_task(const KernelBenchOptions& o, const Use& use) {
  const Shapes shapes = shapes_of(o);
  std::int64_t tasks = 0;
  for (const ProductShape& shape : shapes.products) {
    if (shape.name().find(o.filter) == std::string::npos) continue;
    KernelTask task = product_task(o, shape);
    ++tasks;
    use(task);
  }
  for (LayerShape shape : shapes.layers) {
    if (o.batch > 0) shape.batch = o.batch;
    if (shape.name().find(o.filter) == std::string::npos) continue;
    const auto operands = std::make_shared<const ConvOperands>(shape, o.seed, Device::kCuda);
    for (const Direction d : {Direction::kForward, Direction::kBackwardInput, Direction::kBackwardWeight}) {
      if (!wanted(o.directions, name_of(d))) continue;
      KernelTask task = convolution_task(o, shape, d, operands);
      ++tasks;
      use(task);
    }
  }
  check(tasks > 0, "bench kernels", "no shape of the suites has '", o.filter, "' in its name");
}

JsonObject bench_variants(const KernelBenchOptions& o, const std::function<void(const std::string&)>& text) {
  text(header());
  std::vector<JsonObject> tasks;
  for_each_variant_task(o, [&](KernelTask& task) {
    time_candidates(task, o.samples);
    for (const KernelCandidate& c : task.candidates) text(row_of(task, c));
    tasks.push_back(json_of(task));
  });
  return JsonObject()
      .set("device", described(Device::kCuda))
      .set("card", kCard.name)
      .set("tasks", tasks)
      .set("version", program_version())
      .set("commit", program_commit());
}

}  // namespace clearcut
