#include "tensor/ops/fold_batch_norm.h"

#include "tensor/parallel.h"

namespace clearcut::ops {

FoldedWeights fold_batch_norm(const Tensor& w, const Tensor& b, const ChannelStatistics& s,
                              const Tensor& weight, const Tensor& bias) {
  check(w.defined() && w.rank() >= 1 && s.mean.numel() == w.dim(0) && weight.numel() == w.dim(0) &&
            bias.numel() == w.dim(0) && (!b.defined() || b.numel() == w.dim(0)),
        "fold_batch_norm",
        "bias, statistics, weight and bias of the batch norm must be [K] for w [K, ...]; w is ",
        w.defined() ? w.shape() : Shape{}, ", the statistics ", s.mean.shape());
  const FoldedWeights f{empty_like(w), empty_like(bias)};
  const std::int64_t K = w.dim(0), each = K == 0 ? 0 : w.numel() / K;
  on<Floats>("fold_batch_norm", w.device(), w.dtype(), [&]<class T>(auto tag) {
    const kernels::BatchNormView<T> constants{s.mean.data<const T>(), s.inverse_deviation.data<const T>(),
                                              weight.data<const T>(), bias.data<const T>()};
    kernels::fold_batch_norm(tag, Rows<const T>{w.data<const T>(), K, each},
                             b.defined() ? b.data<const T>() : nullptr, constants,
                             Rows<T>{f.weight.data<T>(), K, each}, f.bias.data<T>());
  });
  return f;
}

}  // namespace clearcut::ops

namespace clearcut::kernels {

template <class T>
void fold_batch_norm(Reference, Rows<const T> w, const T* b, BatchNormView<T> p, Rows<T> weight, T* bias) {
  parallel_for(w.rows, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k) {
      const double scale = static_cast<double>(p.inverse_deviation[k]) * p.weight[k];
      for (std::int64_t i = 0; i < w.cols; ++i) weight[k][i] = static_cast<T>(w[k][i] * scale);
      bias[k] = static_cast<T>(((b ? b[k] : T(0)) - static_cast<double>(p.mean[k])) * scale + p.bias[k]);
    }
  });
}

template void fold_batch_norm(Reference, Rows<const float>, const float*, BatchNormView<float>, Rows<float>,
                              float*);
template void fold_batch_norm(Reference, Rows<const double>, const double*, BatchNormView<double>,
                              Rows<double>, double*);

}  // namespace clearcut::kernels
