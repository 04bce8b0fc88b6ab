// FullGrad, simple FullGrad and smooth FullGrad.
#include "explain/noisy_copies.h"
#include "explain/walk_fullgrad.h"
#include "explain/walk_method.h"
#include "tensor/ops/add_products.h"
#include "tensor/ops/arithmetic.h"
#include "tensor/ops/elementwise.h"
#include "tensor/ops/reduce.h"
#include "tensor/ops/resize.h"

namespace clearcut {

namespace {

// Sum over channels of psi(v) of values [B, C, h, w], psi = |v| stretched to [0, 1] over all values of the
// picture: [B, 1, h, w].
Tensor psi(const Tensor& values) {
  const std::int64_t B = values.dim(0);
  const Tensor v = ops::abs(values).reshape({B, -1});
  const Tensor from_0 = ops::add(v, ops::max(ops::neg(v), 1, true).values);
  const Tensor stretched = ops::div(from_0, ops::add(ops::max(from_0, 1, true).values, 1e-6));
  return ops::sum(stretched.reshape(values.shape()), {1}, true);
}

// Adds psi of a layer, brought to the maps' size, to the maps [B, H, W].
void add_layer(const Tensor& values, const Tensor& maps) {
  const Tensor large = ops::resize_bilinear(psi(values), {maps.dim(1), maps.dim(2)}, true);
  ops::add_products(maps, large.reshape(maps.shape()), Tensor(), 1);
}

// How one of the three is made.
struct Kind {
  std::int64_t copies = 0;  // of each picture with noise; 0: the picture as it is
  bool biases = true;       // false: the gradient stands for its product with the bias
  std::int64_t rows() const { return std::max<std::int64_t>(copies, 1); }
};

// The maps of a batch: float64 [B, H, W] on the device.
Tensor maps_of(Passes& passes, const ExplainInput& input, const std::string& name, const Kind& kind,
               std::int64_t first, const Tensor& x) {
  const Tensor maps = Tensor::zeros({x.dim(0), x.dim(2), x.dim(3)}, DType::kFloat64, x.device());
  const Var leaf(x, true);
  const OpenPass pass(passes.classifier(), leaf);
  const Tensor& z = pass.logits().value();
  const Tensor dz = target_gradients(z, [&](std::int64_t i) -> const Target& {
    return input.targets[static_cast<std::size_t>((first + i) / kind.rows())];
  });
  walk_full_gradient(pass, dz, name, [&](const BiasPart& part) {
    if (part.values.rank() != 4 || !(kind.biases || part.written)) return;
    add_layer(kind.biases ? part.values : part.dy, maps);
  });
  add_layer(ops::mul(leaf.grad(), x), maps);
  return maps;
}

Explanation full_gradient_maps(Passes& passes, const ExplainInput& input, const ExplainOptions& options,
                               const Kind& kind) {
  const std::int64_t N = input.x.dim(0);
  const NoisyCopies noisy(input, passes.device(), options.noise, "smoothgrad");
  InputRows rows = picture_rows(input);
  if (kind.copies > 0) {
    rows.on_device = true;
    rows.fill = [&](std::int64_t r, const Tensor& slot) {
      noisy.write(r / kind.copies, r % kind.copies, slot);
    };
  }
  rows.count = N * kind.rows();
  const Tensor sums = Tensor::zeros({N, input.x.dim(2), input.x.dim(3)}, DType::kFloat64, passes.device());
  passes.batches(rows, [&](std::int64_t first, const Tensor& x) {
    const Tensor maps = maps_of(passes, input, options.explainer, kind, first, x);
    for (std::int64_t i = 0; i < x.dim(0); ++i)
      ops::add_products(sums[(first + i) / kind.rows()], maps[i], Tensor(), 1);
  });
  return {.maps = ops::mul(sums, 1 / static_cast<double>(kind.rows())).to(Device::kCpu).to(DType::kFloat32)};
}

}  // namespace

Explanation full_grad(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  return full_gradient_maps(passes, input, options, {});
}

Explanation simple_full_grad(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  return full_gradient_maps(passes, input, options, {.biases = false});
}

Explanation smooth_full_grad(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  return full_gradient_maps(passes, input, options, {.copies = samples_of(options)});
}

}  // namespace clearcut
