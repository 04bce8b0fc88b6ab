// Pointwise operators of tensor/elementwise.def.
//
// A thread works on 16 bytes of each tensor, one load and one store; where a slice is not aligned, or at the
// end, it goes value by value. A block has 256 threads. Bytes moved per element: those of x and y forward, of
// dy, the kept value and dx backward. No sums: the bits do not depend on the launch.
#include "tensor/ops/elementwise.h"

#include "cuda/pack.cuh"

namespace clearcut::kernels {

namespace {

using cuda::Pack;

constexpr int kThreads = 256;

template <class Op, class T>
__global__ void __launch_bounds__(kThreads, 4)
    pointwise_kernel(Op op, Flat<const T> x, Flat<T> y, bool packed) {
  const std::int64_t first = cuda::thread_number() * Pack<T>::kSize, end = first + Pack<T>::kSize;
  if (packed && end <= y.n) {
    const Pack<T> in = cuda::load_pack(x.data + first);
    Pack<T> out;
    for (int i = 0; i < Pack<T>::kSize; ++i) out.v[i] = op.f(in.v[i]);
    cuda::store_pack(y.data + first, out);
  } else {
    for (std::int64_t i = first; i < end && i < y.n; ++i) y[i] = op.f(x[i]);
  }
}

template <class Op, class T>
__global__ void __launch_bounds__(kThreads, 4)
    pointwise_backward_kernel(Op op, Flat<const T> dy, Flat<const T> kept, Flat<T> dx, bool packed) {
  const std::int64_t first = cuda::thread_number() * Pack<T>::kSize, end = first + Pack<T>::kSize;
  if (packed && end <= dx.n) {
    const Pack<T> up = cuda::load_pack(dy.data + first), value = cuda::load_pack(kept.data + first);
    Pack<T> out;
    for (int i = 0; i < Pack<T>::kSize; ++i) out.v[i] = op.dx(up.v[i], value.v[i]);
    cuda::store_pack(dx.data + first, out);
  } else {
    for (std::int64_t i = first; i < end && i < dx.n; ++i) dx[i] = op.dx(dy[i], kept[i]);
  }
}

template <class T>
cuda::Grid grid(std::int64_t n) {
  return {.blocks = cuda::blocks_for(n, kThreads * Pack<T>::kSize), .threads = kThreads};
}

}  // namespace

template <class Op, class T>
void pointwise(Cuda, const Op& op, Flat<const T> x, Flat<T> y) {
  cuda::launch<pointwise_kernel<Op, T>>(grid<T>(y.n), op, x, y, cuda::may_pack(x.data, y.data));
}

template <class Op, class T>
void pointwise_backward(Cuda, const Op& op, Flat<const T> dy, Flat<const T> kept, Flat<T> dx) {
  cuda::launch<pointwise_backward_kernel<Op, T>>(grid<T>(dx.n), op, dy, kept, dx,
                                                 cuda::may_pack(dy.data, kept.data, dx.data));
}

#define INSTANTIATE(name, T)                                                                             \
  template void pointwise(Cuda, const clearcut::pointwise::name&, Flat<const T>, Flat<T>);               \
  template void pointwise_backward(Cuda, const clearcut::pointwise::name&, Flat<const T>, Flat<const T>, \
                                   Flat<T>);
#define OP(name, ...)      \
  INSTANTIATE(name, float) \
  INSTANTIATE(name, double)
#define OP1(name, ...) OP(name)
#define OP2(name, ...) OP(name)
#include "tensor/elementwise.def"
#undef INSTANTIATE

}  // namespace clearcut::kernels
