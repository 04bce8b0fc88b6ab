// Convolutions around a product of the laboratory: maps are unfolded to matrices in memory and folded back.
//
// unfold, fold and finish: a thread makes one value of its result, neighbours the ones beside it. Per picture
// and group the matrix [C / groups * R * S, P * Q] is written and read once: R * S times the bytes of x. The
// pixels of dx add up what their taps read, in the order of r, s; the weight gradient adds up pictures in
// their order. Those that a product does not take go through the default one.
#include "cuda/conv_operands.cuh"
#include "tensor/cuda_memory.h"
#include "tensor/cuda_variants.h"

namespace clearcut::cuda {

namespace {

constexpr int kThreads = 256;

/// One picture and group: maps x [C, H, W], outputs [P, Q], taps R x S; columns[(c, r, s), (p, q)].
struct Unfolding {
  std::int64_t C, H, W, P, Q, R, S;
  ConvOptions o;

  std::int64_t terms() const { return C * R * S; }
  std::int64_t pixels() const { return P * Q; }
};

__global__ void __launch_bounds__(kThreads, 4) unfold_kernel(const float* x, Unfolding u, float* columns) {
  const std::int64_t i = thread_number(), pixels = u.P * u.Q;
  if (i >= u.C * u.R * u.S * pixels) return;
  const std::int64_t p = i % pixels / u.Q, q = i % u.Q, term = i / pixels;
  const std::int64_t c = term / (u.R * u.S), r = term / u.S % u.R, s = term % u.S;
  const std::int64_t h = p * u.o.stride.h + r * u.o.dilation.h - u.o.padding.top,
                     w = q * u.o.stride.w + s * u.o.dilation.w - u.o.padding.left;
  columns[i] = h >= 0 && h < u.H && w >= 0 && w < u.W ? x[(c * u.H + h) * u.W + w] : 0.0f;
}

__global__ void __launch_bounds__(kThreads, 4) fold_kernel(const float* columns, Unfolding u, float* dx) {
  const std::int64_t i = thread_number();
  if (i >= u.C * u.H * u.W) return;
  const std::int64_t c = i / (u.H * u.W), h = i / u.W % u.H, w = i % u.W;
  float sum = 0;
  for (std::int64_t r = 0; r < u.R; ++r)
    for (std::int64_t s = 0; s < u.S; ++s) {
      const std::int64_t down = h + u.o.padding.top - r * u.o.dilation.h,
                         across = w + u.o.padding.left - s * u.o.dilation.w;
      if (down < 0 || across < 0 || down % u.o.stride.h != 0 || across % u.o.stride.w != 0) continue;
      const std::int64_t p = down / u.o.stride.h, q = across / u.o.stride.w;
      if (p < u.P && q < u.Q) sum += columns[((c * u.R + r) * u.S + s) * u.P * u.Q + p * u.Q + q];
    }
  dx[i] = sum;
}

__global__ void __launch_bounds__(kThreads, 4) finish_kernel(Finish<float> finish, Nchw<float> y) {
  const std::int64_t i = thread_number();
  if (i >= y.N * y.C * y.H * y.W) return;
  y.data[i] = finished(finish, i / (y.H * y.W) % y.C, i, y.data[i]);
}

__global__ void __launch_bounds__(kThreads, 4) add_kernel(const float* from, float* to, std::int64_t n) {
  const std::int64_t i = thread_number();
  if (i < n) to[i] += from[i];
}

template <class T>
kernels::Matrices<T> matrix(T* data, std::int64_t rows, std::int64_t cols) {
  return {data, 1, rows, cols, rows * cols, cols, 1};
}
template <class T>
kernels::Matrices<T> turned(const kernels::Matrices<T>& m) {
  return {m.data, m.batch, m.cols, m.rows, m.batch_stride, m.col_stride, m.row_stride};
}

/// The product of one picture and group in a direction; `outputs` are y or dy, `columns` the unfolded maps.
Product product(Direction direction, const Unfolding& u, std::int64_t K, const float* w, const float* outputs,
                float* columns, float* result) {
  if (direction == Direction::kForward)
    return {matrix(w, K, u.terms()), matrix<const float>(columns, u.terms(), u.pixels()),
            matrix(result, K, u.pixels())};
  if (direction == Direction::kBackwardInput)
    return {turned(matrix(w, K, u.terms())), matrix(outputs, K, u.pixels()),
            matrix(columns, u.terms(), u.pixels())};
  return {matrix(outputs, K, u.pixels()), turned(matrix<const float>(columns, u.terms(), u.pixels())),
          matrix(result, K, u.terms())};
}

void multiply(const Gemm& gemm, const Product& p) {
  if (gemm.fits == nullptr || gemm.fits(p))
    gemm.multiply(p);
  else
    kernels::matmul(Cuda{}, p.a, p.b, p.c);
}

struct Floats {
  explicit Floats(std::int64_t n) : block(static_cast<std::size_t>(n) * sizeof(float)) {}
  float* data() const { return static_cast<float*>(block.data()); }
  CudaBlock block;
};

Unfolding unfolding(const Nchw<const float>& x, const Nchw<const float>& w, const Nchw<const float>& y,
                    const ConvOptions& o) {
  return {w.C, x.H, x.W, y.H, y.W, w.H, w.W, o};
}

}  // namespace

void finish_maps(const Finish<float>& finish, Nchw<float> y) {
  launch<finish_kernel>(cuda::one_each(y.N * y.C * y.H * y.W, kThreads), finish, y);
}

bool unfolded_fits(const Gemm& gemm, const conv::Layer& l, Direction direction) {
  const Unfolding u{l.C / l.options.groups, l.H, l.W, l.P, l.Q, l.R, l.S, l.options};
  return gemm.fits == nullptr ||
         gemm.fits(product(direction, u, l.K / l.options.groups, nullptr, nullptr, nullptr, nullptr));
}

void unfolded_forward(const Gemm& gemm, Nchw<const float> x, Nchw<const float> w, const ConvOptions& o,
                      const Finish<float>& finish, Nchw<float> y) {
  const Unfolding u = unfolding(x, w, {y.data, y.N, y.C, y.H, y.W}, o);
  const Floats columns(u.terms() * u.pixels());
  const std::int64_t K = y.C / o.groups;
  for (std::int64_t n = 0; n < x.N; ++n)
    for (std::int64_t g = 0; g < o.groups; ++g) {
      launch<unfold_kernel>(cuda::one_each(u.terms() * u.pixels(), kThreads), x.plane(n, g * w.C), u,
                            columns.data());
      multiply(gemm, product(Direction::kForward, u, K, w.plane(g * K, 0), nullptr, columns.data(),
                             y.plane(n, g * K)));
    }
  finish_maps(finish, y);
}

void unfolded_backward_input(const Gemm& gemm, Nchw<const float> dy, Nchw<const float> w,
                             const ConvOptions& o, Nchw<float> dx) {
  const Unfolding u = unfolding({dx.data, dx.N, dx.C, dx.H, dx.W}, w, dy, o);
  const Floats columns(u.terms() * u.pixels());
  const std::int64_t K = dy.C / o.groups;
  for (std::int64_t n = 0; n < dx.N; ++n)
    for (std::int64_t g = 0; g < o.groups; ++g) {
      multiply(gemm, product(Direction::kBackwardInput, u, K, w.plane(g * K, 0), dy.plane(n, g * K),
                             columns.data(), nullptr));
      launch<fold_kernel>(cuda::one_each(u.C * u.H * u.W, kThreads), columns.data(), u, dx.plane(n, g * w.C));
    }
}

void unfolded_backward_weight(const Gemm& gemm, Nchw<const float> dy, Nchw<const float> x,
                              const ConvOptions& o, Nchw<float> dw) {
  const Unfolding u = unfolding(x, {dw.data, dw.N, dw.C, dw.H, dw.W}, dy, o);
  const std::int64_t K = dy.C / o.groups, values = K * u.terms();
  const Floats columns(u.terms() * u.pixels()), one(values);
  cuda_fill(dw.data, 0, static_cast<std::size_t>(o.groups * values) * sizeof(float));
  for (std::int64_t n = 0; n < x.N; ++n)
    for (std::int64_t g = 0; g < o.groups; ++g) {
      launch<unfold_kernel>(cuda::one_each(u.terms() * u.pixels(), kThreads), x.plane(n, g * dw.C), u,
                            columns.data());
      multiply(gemm, product(Direction::kBackwardWeight, u, K, nullptr, dy.plane(n, g * K), columns.data(),
                             one.data()));
      launch<add_kernel>(cuda::one_each(values, kThreads), one.data(), dw.plane(g * K, 0), values);
    }
}

}  // namespace clearcut::cuda
