#include "autograd/batch_norm.h"

#include <cmath>

#include "autograd/arithmetic.h"
#include "autograd/elementwise.h"
#include "autograd/op_case.h"
#include "tests/hand_case.h"

namespace clearcut {
namespace {

// The statistics that tests/golden/ops/layers.py uses, for three channels.
RunningStatistics three_channels(const Var& x) {
  const Tensor mean = Tensor::from<double>({3}, {0.5, -1.0, 0.25});
  const Tensor variance = Tensor::from<double>({3}, {0.5, 2.0, 1.0});
  return {mean.to(x.dtype()).to(x.device()), variance.to(x.dtype()).to(x.device())};
}

Var training(const Inputs& in) {
  const Tensor zero = Tensor::zeros(in[1].shape(), in[0].dtype(), in[0].device());
  return batch_norm(in[0], in[1], in[2], {zero, zero.clone()}, {.mode = BatchNormMode::kTraining});
}

// Residual and clamp in the same operator; a fourth input is the residual.
After after(const Inputs& in, double low, double high = BatchNormTail::kNone) {
  return {.residual = in.size() > 3 ? in[3] : Var(), .low = low, .high = high};
}

Var training_relu(const Inputs& in) {
  const Tensor zero = Tensor::zeros(in[1].shape(), in[0].dtype(), in[0].device());
  return batch_norm(in[0], in[1], in[2], {zero, zero.clone()}, {.mode = BatchNormMode::kTraining},
                    after(in, 0));
}

Var training_relu6(const Inputs& in) {
  const Tensor zero = Tensor::zeros(in[1].shape(), in[0].dtype(), in[0].device());
  return batch_norm(in[0], in[1] * 4, in[2] * 4, {zero, zero.clone()}, {.mode = BatchNormMode::kTraining},
                    after(in, 0, 6));
}

Var training_add(const Inputs& in) {
  const Tensor zero = Tensor::zeros(in[1].shape(), in[0].dtype(), in[0].device());
  return batch_norm(in[0], in[1], in[2], {zero, zero.clone()}, {.mode = BatchNormMode::kTraining},
                    after(in, -BatchNormTail::kNone));
}

Var evaluation_relu(const Inputs& in) {
  return batch_norm(in[0], in[1], in[2], three_channels(in[0]), {}, after(in, 0));
}

// Weight and bias that nobody trains: inputs x and residual.
Var frozen_add_relu6(const Inputs& in) {
  const Tensor w = Tensor::from<double>({3}, {2, 6, -4}), b = Tensor::from<double>({3}, {1, 2, 3});
  return batch_norm(in[0], Var(w.to(in[0].dtype()).to(in[0].device())),
                    Var(b.to(in[0].dtype()).to(in[0].device())), three_channels(in[0]), {},
                    {.residual = in[1], .low = 0, .high = 6});
}

// A temporary whose storage is taken over.
Var frozen_in_place(const Inputs& in) {
  const Var one(Tensor::full({3}, 1, in[0].dtype(), in[0].device()));
  return batch_norm(in[0] * 2, one, one, three_channels(in[0]), {}, {.residual = in[1], .low = 0});
}

Var composed(const Inputs& in) {
  const Var one(Tensor::full({3}, 1, in[0].dtype(), in[0].device()));
  const Var doubled = in[0] * 2;
  return relu(batch_norm(doubled, one, one, three_channels(in[0]), {}) + in[1]);
}

// Closed form: the same numbers as one operator after the other.
void in_place_is_composed() {
  const Var x(Tensor::from<double>({1, 3, 2}, {0.5, -2, 1, 3, 0.25, -1}), true);
  const Var r(Tensor::from<double>({1, 3, 2}, {1, -1, 0.5, -0.5, 0.25, 2}), true);
  const auto a = frozen_in_place({x, r}).value().values<double>(),
             b = composed({x, r}).value().values<double>();
  for (std::size_t i = 0; i < a.size(); ++i) expect_near(a[i], b[i], 1e-12, "in place");
}

Var evaluation(const Inputs& in) { return batch_norm(in[0], in[1], in[2], three_channels(in[0]), {}); }

// Channel values 1, 2, 3, 6: mean 3, squared distances 4 + 1 + 0 + 9 = 14, so the biased variance is 3.5 and
// the unbiased one 14 / 3. From running mean 1 and variance 2: 0.9 * 1 + 0.1 * 3 = 1.2 and
// 0.9 * 2 + 0.1 * 14 / 3 or 0.9 * 2 + 0.1 * 3.5.
void running_statistics_by_hand() {
  for (const bool unbiased : {true, false}) {
    const RunningStatistics running{Tensor::full({1}, 1, DType::kFloat64),
                                    Tensor::full({1}, 2, DType::kFloat64)};
    const Var x(Tensor::from<double>({2, 1, 1, 2}, {1, 2, 3, 6}));
    const Var one(Tensor::full({1}, 1, DType::kFloat64)), zero(Tensor::zeros({1}, DType::kFloat64));
    batch_norm(x, one, zero, running,
               {.mode = BatchNormMode::kTraining, .unbiased_running_variance = unbiased});
    expect_near(running.mean.item(), 1.2, 1e-12, "running mean");
    expect_near(running.variance.item(), 1.8 + 0.1 * (unbiased ? 14.0 / 3 : 3.5), 1e-12, "running variance");
  }
}

Var call(const Shape& x, const Shape& w, BatchNormMode mode) {
  const Tensor v = Tensor::full(w, 1);
  return batch_norm(Var(Tensor::zeros(x)), Var(v), Var(v), {v.clone(), v.clone()}, {.mode = mode});
}

const std::vector<std::vector<Shape>> kPlain = {
    {{4, 3, 5, 2}, {3}, {3}}, {{5, 3}, {3}, {3}}, {{3, 3, 33, 17}, {3}, {3}}};
const std::vector<std::vector<Shape>> kWithResidual = {{{4, 3, 5, 2}, {3}, {3}, {4, 3, 5, 2}},
                                                       {{3, 3, 33, 17}, {3}, {3}, {3, 3, 33, 17}}};
const std::vector<std::vector<Shape>> kFrozen = {{{4, 3, 5, 2}, {4, 3, 5, 2}},
                                                 {{3, 3, 33, 17}, {3, 3, 33, 17}}};

const bool fused_added = add_cases({
    {.name = "batch_norm relu",
     .shapes = kPlain,
     .f = training_relu,
     .fast_forward = true,
     .fast_backward = true,
     .terms = 1700,  // a channel of the last shape
     .golden = "batch_norm/relu"},
    {.name = "batch_norm relu6",
     .shapes = kPlain,
     .f = training_relu6,
     .fast_forward = true,
     .fast_backward = true,
     .terms = 1700,
     .golden = "batch_norm/relu6"},
    {.name = "batch_norm add relu",
     .shapes = kWithResidual,
     .f = training_relu,
     .fast_forward = true,
     .fast_backward = true,
     .terms = 1700,
     .golden = "batch_norm/add_relu",
     .bad = {{[] {
                const Var v(Tensor::full({3}, 1)), x(Tensor::zeros({2, 3, 4}));
                batch_norm(x, v, v, {v.value().clone(), v.value().clone()}, {},
                           {.residual = Var(Tensor::zeros({2, 3, 1}))});
              },
              "the residual must have the shape of x [2, 3, 4]; got [2, 3, 1]"}}},
    {.name = "batch_norm add",
     .shapes = kWithResidual,
     .f = training_add,
     .fast_forward = true,
     .fast_backward = true,
     .terms = 1700,
     .golden = "batch_norm/add"},
    {.name = "batch_norm evaluation relu",
     .shapes = kPlain,
     .f = evaluation_relu,
     .fast_forward = true,
     .fast_backward = true,
     .terms = 1700,
     .golden = "batch_norm/evaluation_relu"},
    {.name = "batch_norm evaluation add relu",
     .shapes = kWithResidual,
     .f = evaluation_relu,
     .fast_forward = true,
     .fast_backward = true,
     .terms = 1700,
     .golden = "batch_norm/evaluation_add_relu"},
    {.name = "batch_norm frozen add relu6",
     .shapes = kFrozen,
     .f = frozen_add_relu6,
     .fast_forward = true,
     .fast_backward = true,
     .golden = "batch_norm/frozen_add_relu6"},
    {.name = "batch_norm frozen in place",
     .shapes = kFrozen,
     .f = frozen_in_place,
     .fast_forward = true,
     .fast_backward = true,
     .oracle = in_place_is_composed},
});

const bool added = add_cases({
    {.name = "batch_norm training",
     .shapes = {{{3, 1, 2, 1}, {1}, {1}},
                {{4, 3, 5, 2}, {3}, {3}},
                {{5, 2}, {2}, {2}},
                {{3, 5, 33, 17}, {5}, {5}},
                {{2, 67, 3, 3}, {67}, {67}}},
     .f = training,
     .values = {{.mean = 0.5, .deviation = 2}},
     .fast_forward = true,
     .fast_backward = true,
     .terms = 1700,  // a channel of the fourth shape
     .golden = "layers/batch_norm_training",
     .bad = {{[] {
                call({1, 4, 1, 1}, {4}, BatchNormMode::kTraining);
              },
              "training needs at least 2 values per channel to have a variance; x [1, 4, 1, 1] has 1"},
             {[] {
                call({2, 4, 3, 3}, {3}, BatchNormMode::kTraining);
              },
              "weight must be [4]"},
             {[] { call({4}, {4}, BatchNormMode::kTraining); }, "x must be [N, C, ...]"}}},
    {.name = "batch_norm training of rows",
     .shapes = {{{6, 3}, {3}, {3}}},
     .f = training,
     .fast_forward = true,
     .fast_backward = true,
     .golden = "layers/batch_norm_rows",
     .oracle = running_statistics_by_hand},
    {.name = "batch_norm evaluation",
     .shapes = {{{1, 3, 1, 1}, {3}, {3}}, {{4, 3, 5, 2}, {3}, {3}}, {{3, 3, 33, 17}, {3}, {3}}},
     .f = evaluation,
     .fast_forward = true,
     .fast_backward = true,
     .terms = 1700,
     .golden = "layers/batch_norm_evaluation",
     .bad = {{[] {
                call({2, 4, 3, 3}, {3}, BatchNormMode::kEvaluation);
              },
              "mean must be [4]"}}},
});

}  // namespace
}  // namespace clearcut
