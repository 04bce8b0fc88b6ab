// FullGrad, simple FullGrad and smooth FullGrad.
#include <algorithm>
#include <cmath>

#include "explain/noisy_copies.h"
#include "explain/walk_fullgrad.h"
#include "explain/walk_method.h"
#include "tensor/ops/arithmetic.h"
#include "tensor/ops/resize.h"

namespace clearcut {

namespace {

// Sum over channels of psi(v), psi = |v| stretched to [0, 1] over all values of the picture: [h, w] from [C,
// h, w].
Tensor psi(const float* v, std::int64_t C, std::int64_t h, std::int64_t w) {
  const std::int64_t n = h * w;
  double low = std::abs(v[0]), high = low;
  for (std::int64_t i = 0; i < C * n; ++i) {
    low = std::min(low, static_cast<double>(std::abs(v[i])));
    high = std::max(high, static_cast<double>(std::abs(v[i])));
  }
  const Tensor plane({1, 1, h, w});
  float* to = plane.data<float>();
  for (std::int64_t i = 0; i < n; ++i) {
    double sum = 0;
    for (std::int64_t c = 0; c < C; ++c) sum += (std::abs(v[c * n + i]) - low) / (high - low + 1e-6);
    to[i] = static_cast<float>(sum);
  }
  return plane;
}

// Adds psi(values[i]) of a layer [B, C, h, w], brought to the maps' size, to map(i).
void add_layer(const Tensor& values, Size2 size, const std::function<double*(std::int64_t i)>& map) {
  const Tensor here = values.to(Device::kCpu);
  const std::int64_t C = here.dim(1), h = here.dim(2), w = here.dim(3);
  for (std::int64_t i = 0; i < here.dim(0); ++i) {
    const Tensor large =
        ops::resize_bilinear(psi(here.data<const float>() + i * C * h * w, C, h, w), size, true);
    const float* from = large.data<const float>();
    double* to = map(i);
    for (std::int64_t j = 0; j < large.numel(); ++j) to[j] += from[j];
  }
}

// How one of the three is made.
struct Kind {
  std::int64_t copies = 0;  // of each picture with noise; 0: the picture as it is
  bool biases = true;       // false: the gradient stands for its product with the bias
  std::int64_t rows() const { return std::max<std::int64_t>(copies, 1); }
};

// The map [H W] of each row of a batch.
std::vector<std::vector<double>> maps_of(Passes& passes, const ExplainInput& input, const std::string& name,
                                         const Kind& kind, std::int64_t first, const Tensor& x) {
  const Size2 size(x.dim(2), x.dim(3));
  const auto n_pixels = static_cast<std::size_t>(x.dim(2) * x.dim(3));
  std::vector<std::vector<double>> maps(static_cast<std::size_t>(x.dim(0)), std::vector<double>(n_pixels));
  const auto map = [&](std::int64_t i) { return maps[static_cast<std::size_t>(i)].data(); };
  const Var leaf(x, true);
  const OpenPass pass(passes.classifier(), leaf);
  const Tensor& z = pass.logits().value();
  const Tensor dz = target_gradients(z, [&](std::int64_t i) -> const Target& {
    return input.targets[static_cast<std::size_t>((first + i) / kind.rows())];
  });
  walk_full_gradient(pass, dz, name, [&](const BiasPart& part) {
    if (part.values.rank() != 4 || !(kind.biases || part.written)) return;
    add_layer(kind.biases ? part.values : part.dy, size, map);
  });
  add_layer(ops::mul(leaf.grad(), x), size, map);
  return maps;
}

Explanation full_gradient_maps(Passes& passes, const ExplainInput& input, const ExplainOptions& options,
                               const Kind& kind) {
  const std::int64_t N = input.x.dim(0), n_pixels = input.x.dim(2) * input.x.dim(3);
  const NoisyCopies noisy(input, passes.device(), options.noise, "smoothgrad");
  InputRows rows = picture_rows(input);
  if (kind.copies > 0) {
    rows.on_device = true;
    rows.fill = [&](std::int64_t r, const Tensor& slot) {
      noisy.write(r / kind.copies, r % kind.copies, slot);
    };
  }
  rows.count = N * kind.rows();
  std::vector<double> sums(static_cast<std::size_t>(N * n_pixels));
  passes.batches(rows, [&](std::int64_t first, const Tensor& x) {
    const auto maps = maps_of(passes, input, options.explainer, kind, first, x);
    for (std::size_t i = 0; i < maps.size(); ++i) {
      const std::int64_t n = (first + static_cast<std::int64_t>(i)) / kind.rows();
      for (std::int64_t j = 0; j < n_pixels; ++j)
        sums[static_cast<std::size_t>(n * n_pixels + j)] += maps[i][static_cast<std::size_t>(j)];
    }
  });
  Explanation result{.maps = Tensor({N, input.x.dim(2), input.x.dim(3)})};
  float* to = result.maps.data<float>();
  for (std::size_t j = 0; j < sums.size(); ++j)
    to[j] = static_cast<float>(sums[j] / static_cast<double>(kind.rows()));
  return result;
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
