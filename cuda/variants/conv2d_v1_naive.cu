// Convolution, step 1: as the formula says.
//
// A thread makes one value of y from all taps of all channels of its group; its neighbours make the pixels
// beside it. A warp so reads 32 neighbouring values of x and one weight, which it shares.
// Bytes asked of memory: 8 per multiply-add, mostly from the caches. Arithmetic intensity 0.25 operations per
// byte asked for; finding the tap takes more instructions than the multiply-add.
// Order: one sum in the order of c, r, s.
#include "cuda/conv_operands.cuh"
#include "tensor/cuda_variants.h"

namespace clearcut::cuda {

namespace {

constexpr int kThreads = 256;

__global__ void direct_kernel(Nchw<const float> x, Nchw<const float> w, ConvOptions o, Finish<float> finish,
                              Nchw<float> y) {
  const std::int64_t i = thread_number();
  if (i >= y.N * y.C * y.H * y.W) return;
  const std::int64_t q = i % y.W, p = i / y.W % y.H, k = i / (y.W * y.H) % y.C, n = i / (y.W * y.H * y.C);
  const std::int64_t first = k / (y.C / o.groups) * w.C;  // channel of its group
  float sum = 0;
  for (std::int64_t c = 0; c < w.C; ++c)
    for (std::int64_t r = 0; r < w.H; ++r)
      for (std::int64_t s = 0; s < w.W; ++s) {
        const std::int64_t h = p * o.stride.h + r * o.dilation.h - o.padding.top,
                           v = q * o.stride.w + s * o.dilation.w - o.padding.left;
        if (h >= 0 && h < x.H && v >= 0 && v < x.W) sum += w(k, c, r, s) * x(n, first + c, h, v);
      }
  y.data[i] = finished(finish, k, i, sum);
}

void forward(Nchw<const float> x, const conv::Weights& w, const ConvOptions& o, const Finish<float>& finish,
             Nchw<float> y) {
  launch<direct_kernel>({.blocks = blocks_for(y.N * y.C * y.H * y.W, kThreads), .threads = kThreads}, x, w.w,
                        o, finish, y);
}

}  // namespace

namespace variants {
extern const Convolution conv2d_v1_naive = {
    .kernel = {.name = "v1_naive",
               .fits = [](const conv::Layer&, Direction) { return true; },
               .cost = nullptr,
               .forward = forward}};
}

}  // namespace clearcut::cuda
