// Steps between convolutions as tasks: they move bytes rather than multiply. Sizes are those of ResNet-50 and
// of segmentation networks at 224, batch 8 and 2.
#include "tensor/ops/arithmetic.h"
#include "tensor/ops/batch_norm.h"
#include "tensor/ops/cross_entropy.h"
#include "tensor/ops/elementwise.h"
#include "tensor/ops/max_pool2d.h"
#include "tensor/ops/sgd.h"
#include "tensor/random.h"
#include "train/bench/kernels.h"

namespace clearcut {

namespace {

/// One pass over arrays and the bytes that it must read and write at least.
struct Pass {
  std::string name, direction;
  double bytes;
  std::function<void()> run;
};

Tensor normal(const Shape& shape, const char* purpose) {
  Tensor x(shape);
  RandomStream(1, purpose).fill_normal(x, 0, 1);
  return x;
}

double bytes_of(const Tensor& x) {
  return static_cast<double>(x.numel()) * static_cast<double>(size_of(x.dtype()));
}

void add_pointwise(std::vector<Pass>& passes) {
  const Tensor x = normal({8, 256, 56, 56}, "x"), dy = normal(x.shape(), "dy");
  const Tensor weight = normal({256}, "weight"), bias = normal({256}, "bias");
  const double map = bytes_of(x);
  passes.push_back({"relu 8x256x56x56", "forward", 2 * map, [=] { ops::relu(x); }});
  passes.push_back({"add 8x256x56x56", "forward", 3 * map, [=] { ops::add(x, dy); }});
  const auto [y, s] = ops::batch_norm_training(x, 1e-5, weight, bias, {.residual = dy, .low = 0});
  passes.push_back({"batch_norm relu 8x256x56x56", "evaluation", 2 * map,
                    [=, s = s] { ops::batch_norm(x, s, weight, bias, {.low = 0}); }});
  passes.push_back({"batch_norm relu 8x256x56x56", "forward", 2 * map,
                    [=] { ops::batch_norm_training(x, 1e-5, weight, bias, {.low = 0}); }});
  passes.push_back({"batch_norm relu 8x256x56x56", "backward", 3 * map,
                    [=, s = s] { ops::batch_norm_backward(dy, x, s, weight, {.low = 0, .bias = bias}); }});
  passes.push_back({"batch_norm add relu 8x256x56x56", "forward", 3 * map,
                    [=] { ops::batch_norm_training(x, 1e-5, weight, bias, {.residual = dy, .low = 0}); }});
  passes.push_back({"batch_norm add relu 8x256x56x56", "backward", 5 * map, [=, s = s, y = y] {
                      ops::batch_norm_backward(dy, x, s, weight, {.need_residual = true, .low = 0, .y = y});
                    }});
}

void add_pooling(std::vector<Pass>& passes) {
  const Tensor x = normal({8, 64, 112, 112}, "x");
  const ops::MaxPoolOptions o{.kernel = 3, .stride = 2, .padding = 1};
  const ops::MaxPooled pooled = ops::max_pool2d(x, o);
  const Tensor dy = normal(pooled.y.shape(), "dy");
  const double bytes = bytes_of(x) + bytes_of(pooled.y) + bytes_of(pooled.index);
  passes.push_back({"max_pool 3x3 s2 8x64x112x112", "forward", bytes, [=] { ops::max_pool2d(x, o); }});
  passes.push_back({"max_pool 3x3 s2 8x64x112x112", "backward", bytes,
                    [=] { ops::max_pool2d_backward(dy, pooled.index, x.shape(), o); }});
}

void add_resizing(std::vector<Pass>& passes) {
  const Tensor x = normal({2, 512, 28, 28}, "x");
  const Tensor y = ops::resize_bilinear(x, 56, false);
  const double bytes = bytes_of(x) + bytes_of(y);
  passes.push_back(
      {"resize 2x512x28x28 to 56x56", "forward", bytes, [=] { ops::resize_bilinear(x, 56, false); }});
  passes.push_back({"resize 2x512x28x28 to 56x56", "backward", bytes,
                    [=] { ops::resize_bilinear_backward(y, x.shape(), false); }});
}

// The logits and labels are read once at least; each pixel's numbers for the backward pass are 12 bytes.
void add_loss(std::vector<Pass>& passes, std::int64_t classes, std::int64_t side, std::int64_t label_side) {
  const Tensor z = normal({2, classes, side, side}, "z");
  const Tensor labels({2, label_side, label_side}, DType::kInt32);
  auto* values = labels.data<std::int32_t>();
  const RandomStream random(1, "labels");
  for (std::int64_t i = 0; i < labels.numel(); ++i)
    values[i] = static_cast<std::int32_t>(random.below(i, classes));
  const ops::CrossEntropy forward = ops::upsampled_cross_entropy(z, labels, false, {});
  const Tensor one = Tensor::full({}, 1.0);
  const std::string name = cat("loss 2x", classes, "x", side, "x", side, " at ", label_side);
  passes.push_back({name, "forward", bytes_of(z) + 4 * bytes_of(labels),
                    [=] { ops::upsampled_cross_entropy(z, labels, false, {}); }});
  passes.push_back({name, "backward", 2 * bytes_of(z) + 3 * bytes_of(labels),
                    [=] { ops::upsampled_cross_entropy_backward(one, z, false, forward); }});
}

void add_update(std::vector<Pass>& passes) {
  const Tensor w = normal({8'000'000}, "w"), velocity = zeros_like(w), g = normal(w.shape(), "g");
  passes.push_back(
      {"sgd 8 million parameters", "update", 5 * bytes_of(w), [=] {
         ops::sgd_update({{w, velocity, g, {.rate = 1e-3, .momentum = 0.9, .weight_decay = 1e-4}}});
       }});
}

}  // namespace

void for_each_memory_pass(const KernelBenchOptions& o, const std::function<void(KernelTask&)>& use) {
  using Maker = std::function<void(std::vector<Pass>&)>;
  const std::vector<Maker> makers = {add_pointwise,
                                     add_pooling,
                                     add_resizing,
                                     [](auto& to) { add_loss(to, 21, 28, 224); },
                                     [](auto& to) { add_loss(to, 1001, 32, 256); },
                                     add_update};
  for (const Maker& make : makers) {
    std::vector<Pass> passes;
    make(passes);
    for (Pass& pass : passes) {
      if (pass.name.find(o.filter) == std::string::npos) continue;
      KernelTask task{.suite = "memory",
                      .name = pass.name,
                      .direction = pass.direction,
                      .bytes = pass.bytes,
                      .candidates = {}};
      task.candidates.push_back({.kernel = "-", .run = std::move(pass.run)});
      use(task);
    }
  }
}

}  // namespace clearcut
