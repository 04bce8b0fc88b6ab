#include "tensor/ops/sgd.h"

#include <algorithm>

#include "tensor/parallel.h"

namespace clearcut::ops {

namespace {

constexpr std::int64_t kPiece = 1 << 15;  // values: 128 KiB of each tensor

void check_parameter(const SgdParameter& p, const SgdParameter& first) {
  check_same_kind("sgd_update", first.w, p.w);
  check_same_kind("sgd_update", p.w, p.v);
  check_same_kind("sgd_update", p.w, p.g);
  check(p.w.shape() == p.v.shape() && p.w.shape() == p.g.shape(), "sgd_update",
        "weight, velocity and gradient must have one shape, got ", p.w.shape(), ", ", p.v.shape(), ", ",
        p.g.shape());
}

template <class T>
std::vector<kernels::SgdPiece<T>> pieces_of(const std::vector<SgdParameter>& parameters) {
  std::vector<kernels::SgdPiece<T>> pieces;
  for (const SgdParameter& p : parameters) {
    T *w = p.w.data<T>(), *v = p.v.data<T>();
    const T* g = p.g.data<const T>();
    for (std::int64_t at = 0; at < p.w.numel(); at += kPiece)
      pieces.push_back({w + at, v + at, g + at, std::min(kPiece, p.w.numel() - at), p.update});
    p.w.written_by("sgd_update");
    p.v.written_by("sgd_update");
  }
  return pieces;
}

}  // namespace

void sgd_update(const std::vector<SgdParameter>& parameters) {
  if (parameters.empty()) return;
  for (const SgdParameter& p : parameters) check_parameter(p, parameters[0]);
  const Tensor& any = parameters[0].w;
  on<Floats>("sgd_update", any.device(), any.dtype(),
             [&]<class T>(auto tag) { kernels::sgd_update(tag, pieces_of<T>(parameters)); });
}

}  // namespace clearcut::ops

namespace clearcut::kernels {

template <class T>
void sgd_update(Reference, const std::vector<SgdPiece<T>>& pieces) {
  parallel_for(static_cast<std::int64_t>(pieces.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k) {
      const SgdPiece<T>& p = pieces[static_cast<std::size_t>(k)];
      const T rate = static_cast<T>(p.update.rate), m = static_cast<T>(p.update.momentum),
              decay = static_cast<T>(p.update.weight_decay);
      for (std::int64_t i = 0; i < p.n; ++i) {
        const T d = p.g[i] + decay * p.w[i];
        p.v[i] = m * p.v[i] + d;
        p.w[i] -= rate * (p.update.nesterov ? d + m * p.v[i] : p.v[i]);
      }
    }
  });
}

template void sgd_update<float>(Reference, const std::vector<SgdPiece<float>>&);
template void sgd_update<double>(Reference, const std::vector<SgdPiece<double>>&);

}  // namespace clearcut::kernels
