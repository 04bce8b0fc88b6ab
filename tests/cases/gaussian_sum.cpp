#include "autograd/gaussian_sum.h"

#include <cmath>

#include "autograd/op_case.h"
#include "tensor/ops/gaussian_sum.h"

namespace clearcut {
namespace {

// D features of every pixel as tests/golden/ops/gaussian_sum.py makes them, of the kind of q.
Tensor features_of(const Var& q, std::int64_t D) {
  const std::int64_t N = q.dim(0), H = q.dim(2), W = q.dim(3);
  std::vector<double> f;
  for (std::int64_t n = 0; n < N; ++n)
    for (std::int64_t d = 0; d < D; ++d)
      for (std::int64_t i = 0; i < H * W; ++i)
        f.push_back(1.5 * std::sin(static_cast<double>(n) + 0.7 * static_cast<double>((d + 1) * i)));
  return Tensor::from<double>({N, D, H, W}, f).to(q.dtype()).to(q.device());
}
Tensor gate_of(const Var& p) {
  const std::int64_t N = p.dim(0), H = p.dim(2), W = p.dim(3);
  std::vector<double> gate;
  for (std::int64_t i = 0; i < N * H * W; ++i) gate.push_back(0.25 * static_cast<double>(i % 5));
  return Tensor::from<double>({N, 1, H, W}, gate).to(p.dtype()).to(p.device());
}

// 135 pixels take two blocks of the kernel and five channels two passes.
const bool added = add_cases({
    {.name = "gaussian_sum",
     .shapes = {{{2, 3, 4, 5}}, {{1, 1, 1, 1}}, {{1, 5, 9, 15}}},
     .f = [](const Inputs& in) { return gaussian_sum(features_of(in[0], 3), in[0]); },
     .terms = 135,
     .golden = "gaussian_sum/three",
     .bad = {{[] {
                ops::gaussian_sum(Tensor::zeros({1, 7, 2, 2}), Tensor::zeros({1, 2, 2, 2}));
              },
              "there may be 1 to 6 features; got 7"},
             {[] {
                ops::gaussian_sum(Tensor::zeros({1, 2, 2, 3}), Tensor::zeros({1, 2, 2, 2}));
              },
              "must agree in N, H and W"}}},
    {.name = "gaussian_sum six features",
     .shapes = {{{1, 2, 3, 4}}},
     .f = [](const Inputs& in) { return gaussian_sum(features_of(in[0], 6), in[0]); },
     .terms = 12,
     .golden = "gaussian_sum/six"},
    {.name = "gaussian_energy",
     .shapes = {{{2, 3, 4, 5}}, {{1, 2, 3, 3}}},
     .f = [](const Inputs& in) { return gaussian_energy(features_of(in[0], 5), in[0], gate_of(in[0])); },
     .terms = 400,
     .golden = "gaussian_sum/energy"},
    {.name = "gaussian_energy without a gate",
     .shapes = {{{1, 2, 3, 3}}},
     .f = [](const Inputs& in) { return gaussian_energy(features_of(in[0], 2), in[0]); },
     .terms = 81,
     .golden = "gaussian_sum/plain_energy"},
});

}  // namespace
}  // namespace clearcut
