#include "tensor/ops/adamw.h"

#include <algorithm>
#include <cmath>

#include "tensor/parallel.h"

namespace clearcut::ops {

namespace {

constexpr std::int64_t kPiece = 1 << 15;  // values: 128 KiB of each tensor

void check_parameter(const AdamWParameter& p, const AdamWParameter& first) {
  check_same_kind("adamw_update", first.w, p.w);
  for (const Tensor* other : {&p.m, &p.v, &p.g}) {
    check_same_kind("adamw_update", p.w, *other);
    check(p.w.shape() == other->shape(), "adamw_update",
          "weight, means and gradient must have one shape, got ", p.w.shape(), " and ", other->shape());
  }
  check(p.update.step >= 1, "adamw_update", "steps count from 1, got ", p.update.step);
}

template <class T>
kernels::AdamWFactors<T> factors_of(const AdamWUpdate& u) {
  const auto t = static_cast<double>(u.step);
  return {.keep = static_cast<T>(1 - u.rate * u.weight_decay),
          .beta1 = static_cast<T>(u.beta1),
          .share1 = static_cast<T>(1 - u.beta1),
          .beta2 = static_cast<T>(u.beta2),
          .share2 = static_cast<T>(1 - u.beta2),
          .rate = static_cast<T>(u.rate / (1 - std::pow(u.beta1, t))),
          .root = static_cast<T>(std::sqrt(1 - std::pow(u.beta2, t))),
          .epsilon = static_cast<T>(u.epsilon)};
}

template <class T>
std::vector<kernels::AdamWPiece<T>> pieces_of(const std::vector<AdamWParameter>& parameters) {
  std::vector<kernels::AdamWPiece<T>> pieces;
  for (const AdamWParameter& p : parameters) {
    T *w = p.w.data<T>(), *m = p.m.data<T>(), *v = p.v.data<T>();
    const T* g = p.g.data<const T>();
    for (std::int64_t at = 0; at < p.w.numel(); at += kPiece)
      pieces.push_back(
          {w + at, m + at, v + at, g + at, std::min(kPiece, p.w.numel() - at), factors_of<T>(p.update)});
    for (const Tensor* written : {&p.w, &p.m, &p.v}) written->written_by("adamw_update");
  }
  return pieces;
}

}  // namespace

void adamw_update(const std::vector<AdamWParameter>& parameters) {
  if (parameters.empty()) return;
  for (const AdamWParameter& p : parameters) check_parameter(p, parameters[0]);
  const Tensor& any = parameters[0].w;
  on<Floats>("adamw_update", any.device(), any.dtype(),
             [&]<class T>(auto tag) { kernels::adamw_update(tag, pieces_of<T>(parameters)); });
}

}  // namespace clearcut::ops

namespace clearcut::kernels {

template <class T>
void adamw_update(Reference, const std::vector<AdamWPiece<T>>& pieces) {
  parallel_for(static_cast<std::int64_t>(pieces.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k) {
      const AdamWPiece<T>& p = pieces[static_cast<std::size_t>(k)];
      const AdamWFactors<T> f = p.factors;
      for (std::int64_t i = 0; i < p.n; ++i) {
        p.m[i] = f.beta1 * p.m[i] + f.share1 * p.g[i];
        p.v[i] = f.beta2 * p.v[i] + f.share2 * (p.g[i] * p.g[i]);
        p.w[i] = f.keep * p.w[i] - f.rate * (p.m[i] / (std::sqrt(p.v[i]) / f.root + f.epsilon));
      }
    }
  });
}

template void adamw_update<float>(Reference, const std::vector<AdamWPiece<float>>&);
template void adamw_update<double>(Reference, const std::vector<AdamWPiece<double>>&);

}  // namespace clearcut::kernels
