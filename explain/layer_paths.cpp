// What the values of one layer give on the way from a start x' to the picture, and to first order.
#include "explain/layer_maps.h"
#include "explain/methods.h"
#include "explain/tap_pass.h"
#include "explain/target.h"
#include "explain/walk_method.h"
#include "tensor/ops/add_products.h"
#include "tensor/ops/arithmetic.h"

namespace clearcut {

namespace {

// What a tap saw of a batch, on the device: [B, ...] each.
struct Seen {
  Tensor A, g;
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
  return {.A = A, .g = tap.gradient()};
}

// From a start to an end.
struct Way {
  Tensor from, length;  // float32 start, float64 end - start

  Way(const Tensor& start, const Tensor& end)
      : from(start), length(ops::sub(end.to(DType::kFloat64), start.to(DType::kFloat64))) {}

  void write(double a, const Tensor& slot) const { write_path_point(from, a, length, slot); }
};

// Of each picture from its start.
std::vector<Way> ways_of(const Passes& passes, const ExplainInput& input, PathStart start) {
  std::vector<Way> ways;
  for (std::int64_t n = 0; n < input.x.dim(0); ++n)
    ways.emplace_back(baseline_of(input.x[n], start).to(passes.device()), input.x[n].to(passes.device()));
  return ways;
}

// The same of the layer's values at the starts and at the pictures.
std::vector<Way> layer_ways(Passes& passes, const ExplainInput& input, const std::string& path,
                            PathStart start) {
  const std::vector<Way> ways = ways_of(passes, input, start);
  std::vector<Tensor> ends(2 * ways.size());  // 2 n and 2 n + 1: of picture n
  const InputRows rows{.count = 2 * input.x.dim(0),
                       .shape = input.x.shape().without_leading(),
                       .fill =
                           [&](std::int64_t r, const Tensor& slot) {
                             ways[static_cast<std::size_t>(r / 2)].write(static_cast<double>(r % 2), slot);
                           },
                       .on_device = true};
  passes.batches(rows, [&](std::int64_t first, const Tensor& x) {
    const NoGrad no_tape;
    const Tap tap(passes.classifier().registry(), path);
    passes.classifier().logits(Var(x));
    const Tensor A = tap.activation();
    for (std::int64_t i = 0; i < x.dim(0); ++i) ends[static_cast<std::size_t>(first + i)] = A[i].clone();
  });
  std::vector<Way> result;
  for (std::size_t n = 0; n < ways.size(); ++n) result.emplace_back(ends[2 * n], ends[2 * n + 1]);
  return result;
}

// The points of all ways, one behind the other.
InputRows points_of(const ExplainInput& input, std::int64_t points,
                    std::function<void(std::int64_t n, std::int64_t k, const Tensor& slot)> write) {
  return {.count = input.x.dim(0) * points,
          .shape = input.x.shape().without_leading(),
          .fill = [points, write = std::move(write)](
                      std::int64_t r, const Tensor& slot) { write(r / points, r % points, slot); },
          .on_device = true};
}

// A tensor that is added to from 0 for one picture after another.
struct Sum {
  Tensor nothing, values;  // float64

  // Before anything of a batch is added: a batch may be run again.
  void allocate(const Shape& shape, Device device) {
    if (values.defined()) return;
    nothing = Tensor::zeros(shape, DType::kFloat64, device);
    values = nothing.clone();
  }
  void clear() const { values.copy_from(nothing); }
};

}  // namespace

Explanation layer_conductance(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  LayerMaps maps(passes.classifier(), input, options);
  const std::vector<Way> ways = ways_of(passes, input, options.baseline);
  const std::int64_t points = options.steps + 1;
  const PathPoints path = path_points(options.path, options.steps + 1);
  const double later = options.path == PathRule::kEnds ? 0.5 : 0;  // weight of the gradient behind a step
  Sum sum;
  Seen before;  // the last row of the batch before
  const auto write = [&](std::int64_t n, std::int64_t k, const Tensor& slot) {
    ways[static_cast<std::size_t>(n)].write(path.at[static_cast<std::size_t>(k)], slot);
  };
  passes.batches(points_of(input, points, write), [&](std::int64_t first, const Tensor& x) {
    const Seen seen = look(passes.classifier(), maps.path(), x, [&](std::int64_t i) -> const Target& {
      return input.targets[static_cast<std::size_t>((first + i) / points)];
    });
    const std::int64_t B = x.dim(0);
    std::vector<Tensor> steps(static_cast<std::size_t>(B));
    for (std::int64_t i = 0; i < B; ++i)
      if ((first + i) % points > 0)
        steps[static_cast<std::size_t>(i)] = ops::sub(seen.A[i], i > 0 ? seen.A[i - 1] : before.A);
    const Seen last{.A = seen.A[B - 1].clone(), .g = seen.g[B - 1].clone()};
    sum.allocate(seen.A.shape().without_leading(), x.device());
    for (std::int64_t i = 0; i < B; ++i) {
      const std::int64_t k = (first + i) % points;
      const Tensor& step = steps[static_cast<std::size_t>(i)];
      if (k == 0) {
        sum.clear();
        continue;
      }
      ops::add_products(sum.values, i > 0 ? seen.g[i - 1] : before.g, step, 1 - later);
      ops::add_products(sum.values, seen.g[i], step, later);
      if (k == options.steps) maps.write((first + i) / points, sum.values);
    }
    before = last;
  });
  return maps.take();
}

Explanation layer_integrated_gradients(Passes& passes, const ExplainInput& input,
                                       const ExplainOptions& options) {
  LayerMaps maps(passes.classifier(), input, options);
  const PathPoints path = path_points(options.path, options.steps);
  const std::int64_t points = options.steps;
  const Tensor pictures = input.x.to(passes.device());
  const std::vector<Way> ways = layer_ways(passes, input, maps.path(), options.baseline);
  const auto way = [&](std::int64_t r) -> const Way& { return ways[static_cast<std::size_t>(r / points)]; };
  Sum sum;
  const auto write = [&](std::int64_t n, std::int64_t, const Tensor& slot) { slot.copy_from(pictures[n]); };
  passes.batches(points_of(input, points, write), [&](std::int64_t first, const Tensor& x) {
    std::vector<std::int64_t> sizes = ways[0].from.shape().sizes();
    sizes.insert(sizes.begin(), x.dim(0));
    const Tensor instead(Shape(sizes), DType::kFloat32, x.device());
    for (std::int64_t i = 0; i < x.dim(0); ++i)
      way(first + i).write(path.at[static_cast<std::size_t>((first + i) % points)], instead[i]);
    const auto target = [&](std::int64_t i) -> const Target& {
      return input.targets[static_cast<std::size_t>((first + i) / points)];
    };
    const Seen seen = look(passes.classifier(), maps.path(), x, target, instead);
    sum.allocate(ways[0].from.shape(), x.device());
    for (std::int64_t i = 0; i < x.dim(0); ++i) {
      const std::int64_t k = (first + i) % points;
      if (k == 0) sum.clear();
      ops::add_products(sum.values, seen.g[i], Tensor(), path.weight[static_cast<std::size_t>(k)]);
      if (k + 1 == points) maps.write((first + i) / points, ops::mul(sum.values, way(first + i).length));
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
                 const Tensor products({in.K, h, w}, DType::kFloat64);
                 double* to = products.data<double>();
                 for (std::int64_t j = 0; j < products.numel(); ++j)
                   to[j] = static_cast<double>(in.A[j]) * in.g[j];
                 maps.write(static_cast<std::int64_t>(n), products);
               });
  return maps.take();
}

}  // namespace clearcut
