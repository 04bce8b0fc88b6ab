#include "autograd/cross_entropy.h"

#include <cmath>

#include "autograd/op_case.h"
#include "tests/hand_case.h"

namespace clearcut {
namespace {

// Pixel p has label (5 p + p / 3) mod (classes + 1); `classes` is the ignore index. As in
// tests/golden/ops/layers.py.
Tensor drawn_labels(const Shape& shape, std::int64_t classes, Device device) {
  const Tensor y(shape, DType::kInt64);
  std::int64_t* label = y.data<std::int64_t>();
  for (std::int64_t p = 0; p < y.numel(); ++p) label[p] = (5 * p + p / 3) % (classes + 1);
  return y.to(device);
}

// 0.25, 0.5, 0.75, 1, 0.25, ...
Tensor drawn_pixel_weights(const Shape& shape, const Var& like) {
  Tensor w(shape, DType::kFloat64);
  for (std::int64_t p = 0; p < w.numel(); ++p) w.data<double>()[p] = static_cast<double>(p % 4) / 4 + 0.25;
  return w.to(like.dtype()).to(like.device());
}

Shape label_shape(const Var& z) {
  return z.shape().rank() == 2 ? Shape{z.dim(0)} : Shape{z.dim(0), z.dim(2), z.dim(3)};
}

struct Setting {
  std::vector<double> class_weights = {};
  bool pixel_weights = false;
  double epsilon = 0;  // PyTorch's own loss has none
  double focal_gamma = 0;
  std::optional<ops::HardPixels> hard = {};
};

CrossEntropyOptions options(const Setting& s, const Shape& labels, const Var& z) {
  return {.ignore_index = z.dim(1),
          .class_weights = s.class_weights,
          .pixel_weights = s.pixel_weights ? drawn_pixel_weights(labels, z) : Tensor{},
          .epsilon = s.epsilon,
          .focal_gamma = s.focal_gamma,
          .hard = s.hard};
}

OpFunction loss(const Setting& s) {
  return [s](const Inputs& in) {
    const Shape shape = label_shape(in[0]);
    const Tensor y = drawn_labels(shape, in[0].dim(1), in[0].device());
    return cross_entropy(in[0], y, options(s, shape, in[0]));
  };
}

OpFunction upsampled(Size2 size, bool corners, const Setting& s) {
  return [=](const Inputs& in) {
    const Shape shape{in[0].dim(0), size.h, size.w};
    const Tensor y = drawn_labels(shape, in[0].dim(1), in[0].device());
    return upsampled_cross_entropy(in[0], y, corners, options(s, shape, in[0]));
  };
}

// One object pixel with cross-entropy a and ten background pixels (weight 0.1) with cross-entropy b give
// (a + b) / 2. Logits (0, t) for the object's label 0 and background's label 1: a = log(1 + e^t),
// b = log(1 + e^u) for logits (u, 0).
void object_and_background_weigh_the_same() {
  const double t = 0.7, u = -0.3, a = std::log1p(std::exp(t)), b = std::log1p(std::exp(u));
  std::vector<double> z(22);
  for (std::size_t p = 0; p < 11; ++p) {
    z[2 * p] = p == 4 ? 0 : u;
    z[2 * p + 1] = p == 4 ? t : 0;
  }
  std::vector<std::int32_t> y(11, 1);
  y[4] = 0;
  const Var logits(Tensor::from<double>({11, 2}, z));
  const Tensor labels = Tensor::from<std::int32_t>({11}, y);
  // 1e-7: the 1e-8 per pixel in the denominator, 11e-8 / 2, times a loss of about 0.8.
  expect_near(cross_entropy(logits, labels, {.class_weights = {1.0, 0.1}}).value().item(), (a + b) / 2, 1e-7,
              "the weighted loss");
  const double plain = (a + 10 * b) / 11;
  expect_near(cross_entropy(logits, labels, {.class_weights = {0.3, 0.3}}).value().item(), plain, 1e-7,
              "the loss with equal weights");
  const Tensor half = Tensor::full({11}, 0.5, DType::kFloat64);
  expect_near(cross_entropy(logits, labels, {.pixel_weights = half}).value().item(), plain, 1e-7,
              "the loss with equal pixel weights");
}

// All pixels ignored, and all weights zero: loss 0 and gradient 0, also without epsilon.
void nothing_counts() {
  for (const double epsilon : {1e-8, 0.0})
    for (const bool fused : {false, true}) {
      const Var z(Tensor::full({1, 3, 2, 2}, 5), true);
      const Tensor y = Tensor::full({1, 2, 2}, 255, DType::kInt32);
      const CrossEntropyOptions o{.ignore_index = 255, .epsilon = epsilon};
      const Var l = fused ? upsampled_cross_entropy(z, y, false, o) : cross_entropy(z, y, o);
      l.backward();
      expect_near(l.value().item(), 0, 0, "the loss of an ignored batch");
      for (const float g : z.grad().values<float>()) expect_near(g, 0, 0, "its gradient");
    }
}

void by_hand() {
  object_and_background_weigh_the_same();
  nothing_counts();
}

Tensor int_labels(const Shape& shape, int value) { return Tensor::full(shape, value, DType::kInt32); }
Var zeros(const Shape& shape) { return Var(Tensor::zeros(shape)); }

Tensor labels_with(const Shape& shape, std::int64_t at, std::int32_t value) {
  Tensor y = Tensor::zeros(shape, DType::kInt32);
  y.data<std::int32_t>()[at] = value;
  return y;
}

const std::vector<double> kWeights = {1.0, 0.5, 2.0, 0.1};

const bool added = add_cases({
    {.name = "cross_entropy",
     .shapes = {{{2, 4, 3, 5}}, {{1, 1, 1, 1}}, {{2, 21, 17, 9}}},
     .f = loss({}),
     .values = {{.deviation = 3}},
     .fast_forward = true,
     .fast_backward = true,
     .terms = 400,
     .golden = "layers/ce_plain",
     .oracle = by_hand,
     .bad = {{[] {
                cross_entropy(zeros({1, 3, 2, 4}), labels_with({1, 2, 4}, 6, 37), {.ignore_index = 255});
              },
              "labels must lie in [0, 3) or be the ignore index 255; got 37 at [n 0, y 1, x 2]"},
             {[] {
                cross_entropy(zeros({2, 3}), labels_with({2}, 1, -1));
              },
              "labels must lie in [0, 3); got -1 at [n 1]"},
             {[] {
                cross_entropy(zeros({1, 3, 2, 4}), int_labels({1, 2, 3}, 0));
              },
              "logits [1, 3, 2, 4], labels [1, 2, 3]"},
             {[] {
                cross_entropy(zeros({2, 3}), int_labels({2}, 0), {.class_weights = {1, 2}});
              },
              "class_weights needs one weight per class, 3; got 2"},
             {[] {
                cross_entropy(zeros({2, 3}), int_labels({2}, 0), {.pixel_weights = Tensor::zeros({3})});
              },
              "pixel_weights must have the shape of the labels [2]; got [3]"},
             {[] {
                cross_entropy(zeros({2, 3}), Tensor::zeros({2}));
              },
              "dtype must be one of int32, int64"}}},
    {.name = "cross_entropy of rows",
     .shapes = {{{7, 4}}, {{3, 1001}}, {{1, 2}}},
     .f = loss({}),
     .values = {{.deviation = 3}},
     .fast_forward = true,
     .fast_backward = true,
     .terms = 1001,
     .golden = "layers/ce_rows"},
    {.name = "cross_entropy class weights",
     .shapes = {{{2, 4, 3, 5}}},
     .f = loss({.class_weights = kWeights}),
     .fast_forward = true,
     .fast_backward = true,
     .terms = 30,
     .golden = "layers/ce_class_weights"},
    {.name = "cross_entropy pixel weights",
     .shapes = {{{2, 4, 3, 5}}},
     .f = loss({.class_weights = kWeights, .pixel_weights = true, .epsilon = 1e-8}),
     .fast_forward = true,
     .fast_backward = true,
     .terms = 30,
     .golden = "layers/ce_pixel_weights"},
    {.name = "upsampled_cross_entropy",
     .shapes = {{{2, 4, 3, 4}}, {{1, 4, 1, 1}}, {{1, 4, 9, 11}}},
     .f = upsampled({7, 9}, false, {.class_weights = kWeights, .pixel_weights = true, .epsilon = 1e-8}),
     .values = {{.deviation = 3}},
     .fast_forward = true,
     .fast_backward = true,
     .terms = 126,
     .golden = "layers/upsampled",
     .bad = {{[] {
                upsampled_cross_entropy(zeros({2, 3, 2, 2}), int_labels({1, 4, 4}, 0), false);
              },
              "differ in N"},
             {[] {
                upsampled_cross_entropy(zeros({1, 3, 2, 2}), labels_with({1, 4, 4}, 15, 3), false);
              },
              "got 3 at [n 0, y 3, x 3]"},
             {[] {
                upsampled_cross_entropy(zeros({1, 3, 2, 2}), int_labels({1}, 0), false);
              },
              "labels must be [N, H, W]"}}},
    {.name = "upsampled_cross_entropy corners",
     .shapes = {{{2, 4, 3, 4}}},
     .f = upsampled({7, 9}, true, {.epsilon = 1e-8}),
     .values = {{.deviation = 3}},
     .fast_forward = true,
     .fast_backward = true,
     .terms = 126,
     .golden = "layers/upsampled_corners"},
    {.name = "upsampled_cross_entropy focal",
     .shapes = {{{2, 4, 3, 4}}, {{1, 4, 1, 1}}},
     .f = upsampled({7, 9}, false,
                    {.class_weights = kWeights, .pixel_weights = true, .epsilon = 1e-8, .focal_gamma = 2}),
     .values = {{.deviation = 3}},
     .fast_forward = true,
     .fast_backward = true,
     .terms = 126,
     .golden = "layers/upsampled_focal"},
    {.name = "cross_entropy of rows focal",
     .shapes = {{{7, 4}}, {{3, 101}}},
     .f = loss({.focal_gamma = 0.5}),
     .fast_forward = true,
     .fast_backward = true,
     .terms = 101,
     .golden = "layers/ce_rows_focal",
     .bad = {{[] {
                cross_entropy(zeros({2, 3}), int_labels({2}, 0), {.focal_gamma = -1});
              },
              "focal_gamma must be >= 0, got -1"}}},
    {.name = "upsampled_cross_entropy of hard pixels",
     .shapes = {{{2, 4, 3, 4}}, {{1, 4, 9, 11}}},
     .f = upsampled({7, 9}, false,
                    {.epsilon = 1e-8, .hard = ops::HardPixels{.threshold = 0.3, .min_kept = 4}}),
     .values = {{.deviation = 2}},
     .fast_forward = true,
     .fast_backward = true,
     .terms = 126,
     .golden = "layers/upsampled_hard",
     .bad = {{[] {
                cross_entropy(zeros({2, 3}), int_labels({2}, 0), {.hard = ops::HardPixels{.threshold = 0}});
              },
              "hard pixels need a threshold in (0, 1]"}}},
    // Few pixels are below the threshold: the number decides.
    {.name = "cross_entropy of the hardest pixels",
     .shapes = {{{2, 4, 3, 5}}},
     .f = loss({.class_weights = kWeights, .hard = ops::HardPixels{.threshold = 0.01, .min_kept = 9}}),
     .fast_forward = true,
     .fast_backward = true,
     .terms = 30,
     .golden = "layers/ce_hardest"},
    {.name = "upsampled_cross_entropy of many classes",
     .shapes = {{{1, 101, 5, 4}}},
     .f = upsampled({40, 33}, false, {.epsilon = 1e-8}),
     .values = {{.deviation = 4}},
     .fast_forward = true,
     .fast_backward = true,
     .terms = 1320,
     .golden = "layers/upsampled_101"},
});

}  // namespace
}  // namespace clearcut
