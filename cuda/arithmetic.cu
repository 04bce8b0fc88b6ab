// a + b, a - b, a * b, a / b and copies, with broadcasting.
//
// Equal shapes: a thread works on 16 bytes of each tensor. Broadcast shapes: a thread makes one element and
// works out where its operands stand, two divisions per dimension. A block has 256 threads. Bytes moved per
// element: those of y and of each operand that is not repeated; repeated ones come from the cache. No sums.
#include "tensor/ops/arithmetic.h"

#include "cuda/pack.cuh"
#include "cuda/walk.cuh"

namespace clearcut::kernels {

namespace {

using cuda::Pack;

constexpr int kThreads = 256;

// y may be a.
template <class Op, class T>
__global__ void __launch_bounds__(kThreads, 4)
    same_shape_kernel(const T* a, const T* b, T* y, std::int64_t n, bool packed) {
  const std::int64_t first = cuda::thread_number() * Pack<T>::kSize, end = first + Pack<T>::kSize;
  if (packed && end <= n) {
    const Pack<T> left = cuda::load_pack(a + first), right = cuda::load_pack(b + first);
    Pack<T> out;
    for (int i = 0; i < Pack<T>::kSize; ++i) out.v[i] = Op::f(left.v[i], right.v[i]);
    cuda::store_pack(y + first, out);
  } else {
    for (std::int64_t i = first; i < end && i < n; ++i) y[i] = Op::f(a[i], b[i]);
  }
}

template <class Op, class T>
__global__ void __launch_bounds__(kThreads, 4)
    broadcast_kernel(cuda::Walk walk, const T* a, const T* b, T* y) {
  const std::int64_t i = cuda::thread_number();
  if (i >= walk.count) return;
  const cuda::Walk::Offsets at = walk.at(i);
  y[i] = Op::f(a[at.a], b[at.b]);
}

template <class T>
__global__ void __launch_bounds__(kThreads, 4) repeat_kernel(cuda::Walk walk, const T* x, T* y) {
  const std::int64_t i = cuda::thread_number();
  if (i < walk.count) y[i] = x[walk.at(i).a];
}

}  // namespace

template <class Op, class T>
void binary(Cuda, Op, const BroadcastPlan& plan, const T* a, const T* b, T* y) {
  const bool same_shape = plan.sizes.size() == 1 && plan.a[0] == 1 && plan.b[0] == 1;
  if (same_shape)
    cuda::launch<same_shape_kernel<Op, T>>(
        {.blocks = cuda::blocks_for(plan.numel, kThreads * Pack<T>::kSize), .threads = kThreads}, a, b, y,
        plan.numel, cuda::may_pack(a, b, y));
  else
    cuda::launch<broadcast_kernel<Op, T>>(cuda::one_each(plan.numel, kThreads), cuda::walk_of(plan), a, b, y);
}

template <class T>
void broadcast_to(Cuda, const BroadcastPlan& plan, const T* x, T* y) {
  cuda::launch<repeat_kernel<T>>(cuda::one_each(plan.numel, kThreads), cuda::walk_of(plan), x, y);
}

#define INSTANTIATE(T)                                                           \
  template void binary(Cuda, Add, const BroadcastPlan&, const T*, const T*, T*); \
  template void binary(Cuda, Sub, const BroadcastPlan&, const T*, const T*, T*); \
  template void binary(Cuda, Mul, const BroadcastPlan&, const T*, const T*, T*); \
  template void binary(Cuda, Div, const BroadcastPlan&, const T*, const T*, T*); \
  template void broadcast_to(Cuda, const BroadcastPlan&, const T*, T*);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace clearcut::kernels
