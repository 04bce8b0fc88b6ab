#include "tensor/ops/dropout.h"

#include "tensor/parallel.h"

namespace clearcut::ops {

Tensor dropout(const Tensor& x, const DropoutOptions& o) {
  check(o.p >= 0 && o.p < 1, "dropout", "p must lie in [0, 1), got ", o.p);
  const int least = o.whole_channels ? 2 : 1;
  check(x.defined() && x.rank() >= least, "dropout", "x must be ",
        o.whole_channels ? "[N, C, ...]" : "[N, ...]", ", got ", x.defined() ? x.shape() : Shape{});
  const std::int64_t N = x.dim(0), size = x.shape().without_leading().numel();
  check(o.items.empty() || static_cast<std::int64_t>(o.items.size()) == N, "dropout",
        "one item id per picture is needed: N = ", N, ", got ", o.items.size(), " ids; x ", x.shape());
  std::vector<RandomStream> streams;
  for (std::int64_t n = 0; n < N; ++n)
    streams.emplace_back(
        o.seed, o.purpose,
        o.items.empty() ? static_cast<std::uint64_t>(n) : o.items[static_cast<std::size_t>(n)], o.step);
  const std::int64_t per_decision = o.whole_channels && size > 0 ? size / x.dim(1) : 1;
  Tensor y = empty_like(x);
  on<Floats>("dropout", x.device(), x.dtype(), [&]<class T>(auto tag) {
    kernels::dropout(tag, Rows<const T>{x.data<const T>(), N, size}, streams, o.p, per_decision,
                     Rows<T>{y.data<T>(), N, size});
  });
  return y;
}

}  // namespace clearcut::ops

namespace clearcut::kernels {

template <class T>
void dropout(Reference, Rows<const T> x, const std::vector<RandomStream>& streams, double p,
             std::int64_t per_decision, Rows<T> y) {
  const T scale = static_cast<T>(1 / (1 - p));
  parallel_for(x.rows, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n)
      for (std::int64_t i = 0; i < x.cols; ++i) {
        const bool kept = streams[static_cast<std::size_t>(n)].uniform(i / per_decision) >= p;
        y[n][i] = kept ? x[n][i] * scale : T(0);
      }
  });
}

template void dropout(Reference, Rows<const float>, const std::vector<RandomStream>&, double, std::int64_t,
                      Rows<float>);
template void dropout(Reference, Rows<const double>, const std::vector<RandomStream>&, double, std::int64_t,
                      Rows<double>);

}  // namespace clearcut::kernels
