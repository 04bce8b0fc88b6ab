#include "tensor/ops/sgd.h"

#include "tensor/parallel.h"

namespace clearcut::ops {

void sgd_update(const Tensor& w, const Tensor& v, const Tensor& g, const SgdUpdate& update) {
  check_same_kind("sgd_update", w, v);
  check_same_kind("sgd_update", w, g);
  check(w.shape() == v.shape() && w.shape() == g.shape(), "sgd_update",
        "weight, velocity and gradient must have one shape, got ", w.shape(), ", ", v.shape(), ", ",
        g.shape());
  on<Floats>("sgd_update", w.device(), w.dtype(), [&]<class T>(auto tag) {
    kernels::sgd_update(tag, flat<T>(w), flat<T>(v), flat<const T>(g), update);
  });
  w.written_by("sgd_update");
  v.written_by("sgd_update");
}

}  // namespace clearcut::ops

namespace clearcut::kernels {

template <class T>
void sgd_update(Reference, Flat<T> w, Flat<T> v, Flat<const T> g, const SgdUpdate& update) {
  const T rate = static_cast<T>(update.rate), m = static_cast<T>(update.momentum),
          decay = static_cast<T>(update.weight_decay);
  parallel_for(w.n, 1 << 15, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const T d = g[i] + decay * w[i];
      v[i] = m * v[i] + d;
      w[i] -= rate * (update.nesterov ? d + m * v[i] : v[i]);
    }
  });
}

template void sgd_update<float>(Reference, Flat<float>, Flat<float>, Flat<const float>, const SgdUpdate&);
template void sgd_update<double>(Reference, Flat<double>, Flat<double>, Flat<const double>, const SgdUpdate&);

}  // namespace clearcut::kernels
