#include "autograd/region_losses.h"

#include "autograd/arithmetic.h"
#include "autograd/op_case.h"
#include "autograd/softmax.h"
#include "tensor/ops/region_losses.h"
#include "tests/hand_case.h"

namespace clearcut {
namespace {

// Pixel p has label (5 p + p / 3) mod (classes + 1); `classes` is the ignore index. As in
// tests/golden/ops/region_losses.py.
Tensor drawn_labels(const Var& p) {
  const Tensor y({p.dim(0), p.dim(2), p.dim(3)}, DType::kInt64);
  std::int64_t* label = y.data<std::int64_t>();
  for (std::int64_t i = 0; i < y.numel(); ++i) label[i] = (5 * i + i / 3) % (p.dim(1) + 1);
  return y.to(p.device());
}

// A rectangle of class 1, a corner of class 3, three ignored pixels of "class" 4, the rest class 0.
Tensor patches(const Var& p) {
  const Tensor y = Tensor::zeros({1, 9, 8}, DType::kInt32);
  std::int32_t* label = y.data<std::int32_t>();
  for (int i = 2; i < 7; ++i)
    for (int j = 3; j < 8; ++j) label[8 * i + j] = 1;
  label[0] = 3;
  for (int j = 0; j < 3; ++j) label[8 * 8 + j] = 4;
  return y.to(p.device());
}

template <class Loss>
OpFunction of_softmax(const Loss& loss, Tensor (*labels)(const Var&) = drawn_labels) {
  return [=](const Inputs& in) { return loss(softmax(in[0]), labels(in[0]), in[0].dim(1)); };
}
OpFunction dice(double smooth) {
  return of_softmax(
      [=](const Var& p, const Tensor& y, std::int64_t ignore) { return dice_loss(p, y, ignore, smooth); });
}
Var lovasz(const Var& p, const Tensor& y, std::int64_t ignore) { return lovasz_softmax(p, y, ignore); }
Var boundary(const Var& p, const Tensor& y, std::int64_t ignore) { return boundary_loss(p, y, ignore); }

// Right everywhere: no loss. All pixels ignored: no loss and no gradient.
void ends() {
  const Tensor y = Tensor::from<std::int32_t>({1, 1, 4}, {0, 0, 1, 1});
  const Var right(Tensor::from<float>({1, 2, 1, 4}, {1, 1, 0, 0, 0, 0, 1, 1}));
  expect_near(dice_loss(right, y).value().item(), 0, 0, "Dice where all is right");
  expect_near(lovasz_softmax(right, y).value().item(), 0, 0, "Lovasz where all is right");
  const Var p(Tensor::full({1, 2, 1, 4}, 0.5), true);
  const Tensor none = Tensor::full({1, 1, 4}, 9, DType::kInt32);
  const Var all = lovasz_softmax(p, none, 9) + boundary_loss(p, none, 9) + dice_loss(p, none, 9);
  all.backward();
  expect_near(all.value().item(), 0, 0, "losses of an ignored picture");  // Dice: 1 - smooth / smooth
  for (const float g : p.grad().values<float>()) expect_near(g, 0, 0, "their gradient");
}

// One pixel of class 0 with p = 0.75, one of class 1 with p = 0.5. Class 0 sorted: e = 0.5 (not its own),
// 0.25; J = 1 - 1/2, 1: 0.5 * 0.5 + 0.25 * 0.5 = 0.375. Class 1: e = 0.5 (its own), 0.25; J = 1, 1: 0.5.
void lovasz_by_hand() {
  const Tensor y = Tensor::from<std::int32_t>({1, 1, 2}, {0, 1});
  const Var p(Tensor::from<double>({1, 2, 1, 2}, {0.75, 0.5, 0.25, 0.5}));
  expect_near(lovasz_softmax(p, y).value().item(), (0.375 + 0.5) / 2, 1e-15, "Lovasz of two pixels");
  ends();
}

// A row of five: class 1 at the third pixel.
void distances_by_hand() {
  const Tensor y = Tensor::from<std::int32_t>({1, 1, 5}, {0, 0, 1, 0, 7});
  const auto phi = ops::signed_distances(y, 3).values<double>();
  const double expected[] = {-1, 0, 1, 0, 1, 2, 1, 0, 1, 2, 0, 0, 0, 0, 0};
  for (std::size_t i = 0; i < 15; ++i) expect_near(phi[i], expected[i], 0, "signed distance");
}

Var half(const Shape& shape) { return Var(Tensor::full(shape, 0.5)); }
Tensor zero_labels(const Shape& shape) { return Tensor::zeros(shape, DType::kInt32); }

const bool added = add_cases({
    {.name = "dice_loss",
     .shapes = {{{2, 3, 5, 7}}, {{1, 1, 1, 1}}, {{2, 21, 17, 9}}},
     .f = dice(1),
     .terms = 300,
     .golden = "region_losses/dice",
     .oracle = ends,
     .bad = {{[] {
                dice_loss(half({1, 2, 3, 4}), zero_labels({1, 3, 5}));
              },
              "needs labels [N, H, W]"},
             {[] {
                dice_loss(half({1, 2, 3, 4}), Tensor::full({1, 3, 4}, 2, DType::kInt32));
              },
              "labels must lie in [0, 2); got 2 at [n 0, y 0, x 0]"}}},
    {.name = "dice_loss without smoothing",
     .shapes = {{{1, 5, 9, 6}}},
     .f = dice(0),
     .terms = 54,
     .golden = "region_losses/dice_rough"},
    {.name = "lovasz_softmax",
     .shapes = {{{2, 3, 5, 7}}, {{1, 2, 1, 1}}, {{1, 5, 17, 31}}},
     .f = of_softmax(lovasz),
     .terms = 500,
     .golden = "region_losses/lovasz",
     .oracle = lovasz_by_hand,
     .bad = {{[] {
                lovasz_softmax(half({1, 2, 3, 4}), zero_labels({1, 3, 5}));
              },
              "needs labels [N, H, W]"}}},
    {.name = "lovasz_softmax of patches",
     .shapes = {{{1, 4, 9, 8}}},
     .f = of_softmax(lovasz, patches),
     .terms = 72,
     .golden = "region_losses/lovasz_patches"},
    {.name = "boundary_loss",
     .shapes = {{{2, 3, 5, 7}}, {{1, 2, 1, 1}}},
     .f = of_softmax(boundary),
     .terms = 210,
     .golden = "region_losses/boundary",
     .oracle = distances_by_hand,
     .bad = {{[] {
                boundary_loss(half({1, 2, 3, 4}), zero_labels({1, 3, 5}));
              },
              "needs labels [N, H, W]"}}},
    {.name = "boundary_loss of patches",
     .shapes = {{{1, 4, 9, 8}}},
     .f = of_softmax(boundary, patches),
     .terms = 288,
     .golden = "region_losses/boundary_patches"},
});

}  // namespace
}  // namespace clearcut
