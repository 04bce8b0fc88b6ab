// What the values of one layer give on the way from a start x' to the picture, and to first order.
#include "explain/layer_maps.h"
#include "explain/methods.h"
#include "explain/tap_pass.h"
#include "explain/target.h"
#include "explain/walk_method.h"

namespace clearcut {

namespace {

using Values = std::vector<double>;

// What a tap saw of each row of a batch.
struct Seen {
  Shape shape;             // with the batch
  Tensor value, gradient;  // on the host
  std::int64_t size() const { return shape.numel() / shape[0]; }
  const float* A(std::int64_t i) const { return value.data<const float>() + i * size(); }
  const float* g(std::int64_t i) const { return gradient.data<const float>() + i * size(); }
};

// The values of the layer and the gradient of the score with respect to them. `instead`, where it is defined:
// the values that the network goes on with.
Seen look(Classifier& classifier, const std::string& path, const Tensor& x,
          const std::function<const Target&(std::int64_t i)>& target, const Tensor& instead = {}) {
  Tap tap(classifier.registry(), path);
  if (instead.defined()) tap.replace([&](const Tensor&) { return instead; });
  const Var z = classifier.logits(Var(x));
  const Tensor A = tap.activation();  // an unknown path is said before there is nothing to differentiate
  z.backward(target_gradients(z.value(), target));
  return {.shape = A.shape(), .value = A.to(Device::kCpu), .gradient = tap.gradient().to(Device::kCpu)};
}

// x' + a (x - x') in the slot.
void write_between(const Tensor& x, const Tensor& start, double a, const Tensor& slot) {
  const float *to = x.data<const float>(), *from = start.data<const float>();
  float* p = slot.data<float>();
  for (std::int64_t j = 0; j < slot.numel(); ++j)
    p[j] = static_cast<float>(from[j] + a * (static_cast<double>(to[j]) - from[j]));
}

std::vector<Tensor> starts_of(const ExplainInput& input, PathStart start) {
  std::vector<Tensor> starts;
  for (std::int64_t n = 0; n < input.x.dim(0); ++n) starts.push_back(baseline_of(input.x[n], start));
  return starts;
}

// The layer's values at the starts and at the pictures: 2 n and 2 n + 1 of the result, on the host.
std::vector<Tensor> layer_ends(Passes& passes, const ExplainInput& input, const std::string& path,
                               const std::vector<Tensor>& starts) {
  std::vector<Tensor> ends(2 * starts.size());
  InputRows rows = picture_rows(input);
  rows.count *= 2;
  rows.fill = [&](std::int64_t r, const Tensor& slot) {
    slot.copy_from(r % 2 == 0 ? starts[static_cast<std::size_t>(r / 2)] : input.x[r / 2]);
  };
  passes.batches(rows, [&](std::int64_t first, const Tensor& x) {
    const NoGrad no_tape;
    const Tap tap(passes.classifier().registry(), path);
    passes.classifier().logits(Var(x));
    const Tensor A = tap.activation().to(Device::kCpu);
    for (std::int64_t i = 0; i < x.dim(0); ++i) ends[static_cast<std::size_t>(first + i)] = A[i].clone();
  });
  return ends;
}

}  // namespace

Explanation layer_conductance(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  LayerMaps maps(passes.classifier(), input, options);
  const std::vector<Tensor> starts = starts_of(input, options.baseline);
  const std::int64_t points = options.steps + 1;
  const PathPoints path = path_points(options.path, options.steps + 1);
  const double later = options.path == PathRule::kEnds ? 0.5 : 0;  // weight of the gradient behind a step
  InputRows rows = picture_rows(input);
  rows.count *= points;
  rows.fill = [&](std::int64_t r, const Tensor& slot) {
    const std::int64_t n = r / points;
    write_between(input.x[n], starts[static_cast<std::size_t>(n)],
                  path.at[static_cast<std::size_t>(r % points)], slot);
  };
  Values sum, A, g;  // A and g: of the point before
  passes.batches(rows, [&](std::int64_t first, const Tensor& x) {
    const Seen seen = look(passes.classifier(), maps.path(), x, [&](std::int64_t i) -> const Target& {
      return input.targets[static_cast<std::size_t>((first + i) / points)];
    });
    for (std::int64_t i = 0; i < x.dim(0); ++i) {
      const float *now = seen.A(i), *slope = seen.g(i);
      const auto size = static_cast<std::size_t>(seen.size());
      const std::int64_t n = (first + i) / points, k = (first + i) % points;
      if (k == 0) sum.assign(size, 0);
      for (std::size_t j = 0; k > 0 && j < size; ++j)
        sum[j] += ((1 - later) * g[j] + later * slope[j]) * (now[j] - A[j]);
      A.assign(now, now + size);
      g.assign(slope, slope + size);
      if (k == options.steps) maps.write(n, seen.shape, sum.data());
    }
  });
  return maps.take();
}

Explanation layer_integrated_gradients(Passes& passes, const ExplainInput& input,
                                       const ExplainOptions& options) {
  LayerMaps maps(passes.classifier(), input, options);
  const PathPoints path = path_points(options.path, options.steps);
  const std::int64_t points = options.steps;
  const std::vector<Tensor> ends = layer_ends(passes, input, maps.path(), starts_of(input, options.baseline));
  const auto end = [&](std::int64_t n, int which) { return ends[static_cast<std::size_t>(2 * n + which)]; };
  InputRows rows = picture_rows(input);
  rows.count *= points;
  rows.fill = [&](std::int64_t r, const Tensor& slot) { slot.copy_from(input.x[r / points]); };
  Values sum;
  passes.batches(rows, [&](std::int64_t first, const Tensor& x) {
    std::vector<std::int64_t> sizes = ends[0].shape().sizes();
    sizes.insert(sizes.begin(), x.dim(0));
    const Tensor instead{Shape(sizes)};
    for (std::int64_t i = 0; i < x.dim(0); ++i) {
      const std::int64_t n = (first + i) / points;
      write_between(end(n, 1), end(n, 0), path.at[static_cast<std::size_t>((first + i) % points)],
                    instead[i]);
    }
    const auto target = [&](std::int64_t i) -> const Target& {
      return input.targets[static_cast<std::size_t>((first + i) / points)];
    };
    const Seen seen = look(passes.classifier(), maps.path(), x, target, instead.to(x.device()));
    for (std::int64_t i = 0; i < x.dim(0); ++i) {
      const std::int64_t n = (first + i) / points, k = (first + i) % points;
      const auto size = static_cast<std::size_t>(seen.size());
      if (k == 0) sum.assign(size, 0);
      for (std::size_t j = 0; j < size; ++j)
        sum[j] += path.weight[static_cast<std::size_t>(k)] * seen.g(i)[j];
      if (k + 1 < points) continue;
      const float *to = end(n, 1).data<const float>(), *from = end(n, 0).data<const float>();
      for (std::size_t j = 0; j < size; ++j) sum[j] *= static_cast<double>(to[j]) - from[j];
      maps.write(n, seen.shape, sum.data());
    }
  });
  return maps.take();
}

Explanation linear_approximation(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  ExplainOptions with_sign = options;
  with_sign.relu = false;
  LayerMaps maps(passes.classifier(), input, with_sign);
  const std::int64_t C = passes.classes();
  const TapPass pass{.path = maps.path(), .seed = [&](std::size_t n, const float* z, float* dz) {
                       target_gradient(z, C, input.targets[n], dz);
                     }};
  run_tap_pass(passes, input, pass, options.explainer.c_str(),
               [&](std::size_t n, const CamInput& in, std::int64_t h, std::int64_t w) {
                 Values products(static_cast<std::size_t>(in.K * in.n));
                 for (std::size_t j = 0; j < products.size(); ++j)
                   products[j] = static_cast<double>(in.A[j]) * in.g[j];
                 maps.write(static_cast<std::int64_t>(n), {1, in.K, h, w}, products.data());
               });
  return maps.take();
}

}  // namespace clearcut
