// Convolution, step 2: a product of matrices, one of which is never laid out (implicit GEMM).
//
//   y[k, pixel] = sum over t = (c, r, s) of w[k, t] * x[the pixel that tap t of this pixel reads]
//
// A block of 16 x 16 threads makes 16 output channels by 16 pixels, as step 3 of the matrix product does: per
// step each thread brings one weight and one pixel to shared memory, for which it takes t apart into c, r, s
// once per 16 multiply-adds in place of once for each.
// Bytes from memory: 0.5 per multiply-add; 4 operations per byte.
// Order: one sum in the order of c, r, s.
#include "cuda/conv_operands.cuh"
#include "tensor/cuda_variants.h"

namespace clearcut::cuda {

namespace {

constexpr int kSide = 16;

struct Pixels {
  Maps<const float> x, y;
  ConvWindow window;
  int count, terms, channels;  // of y; of one sum; of y in a group

  /// What tap `term` of pixel (n, p, q) reads, of the group whose first channel is `first`.
  __device__ float at(const Maps<const float>::Pixel& pixel, int first, int term) const {
    const auto [channel, down, across] = window.term(term);
    const int h = pixel.h * window.stride_h - window.top + down,
              v = pixel.w * window.stride_w - window.left + across;
    if (h < 0 || h >= x.H || v < 0 || v >= x.W) return 0;
    return x.data[x.picture(pixel.n) + (std::int64_t{first + channel} * x.H + h) * x.W + v];
  }
};

__global__ void tile_kernel(Pixels pixels, Nchw<const float> w, Finish<float> finish, Nchw<float> y, int down,
                            int across) {
  SHARED(float, left, [kSide][kSide]);
  SHARED(float, right, [kSide][kSide]);
  const int tx = static_cast<int>(threadIdx.x), ty = static_cast<int>(threadIdx.y);
  const int tile = static_cast<int>(blockIdx.x), group = tile / (down * across);
  const int row = tile / across % down * kSide + ty, col = tile % across * kSide + tx;
  const auto pixel = pixels.y.pixel(col < pixels.count ? col : 0);
  const std::int64_t k = std::int64_t{group} * pixels.channels + row;
  float sum = 0;
  for (int t0 = 0; t0 < pixels.terms; t0 += kSide) {
    const bool weight = row < pixels.channels && t0 + tx < pixels.terms, value = t0 + ty < pixels.terms;
    left[ty][tx] = weight ? w.data[k * pixels.terms + t0 + tx] : 0.0f;
    right[ty][tx] = value ? pixels.at(pixel, group * static_cast<int>(w.C), t0 + ty) : 0.0f;
    __syncthreads();  // the tiles are there
    UNROLL
    for (int t = 0; t < kSide; ++t) sum += left[ty][t] * right[t][tx];
    __syncthreads();  // everybody has read them
  }
  if (row >= pixels.channels || col >= pixels.count) return;
  const std::int64_t at = ((pixel.n * y.C + k) * y.H + pixel.h) * y.W + pixel.w;
  y.data[at] = finished(finish, k, at, sum);
}

void forward(Nchw<const float> x, const conv::Weights& weights, const ConvOptions& o,
             const Finish<float>& finish, Nchw<float> y) {
  const Nchw<const float> w = weights.w;
  check(y.N * y.H * y.W <= kMostTerms, "conv2d", "a CUDA kernel numbers pixels up to ", kMostTerms);
  const Pixels pixels{.x = Maps<const float>(x),
                      .y = Maps<const float>({y.data, y.N, y.C, y.H, y.W}),
                      .window = ConvWindow(o, w.H, w.W),
                      .count = static_cast<int>(y.N * y.H * y.W),
                      .terms = static_cast<int>(w.C * w.H * w.W),
                      .channels = static_cast<int>(y.C / o.groups)};
  const unsigned down = blocks_for(y.C / o.groups, kSide), across = blocks_for(pixels.count, kSide);
  launch<tile_kernel>(
      {.blocks = static_cast<unsigned>(o.groups) * down * across, .threads = dim3(kSide, kSide)}, pixels, w,
      finish, y, static_cast<int>(down), static_cast<int>(across));
}

bool fits(const conv::Layer& layer, Direction) { return layer.C * layer.R * layer.S <= kMostTerms; }

}  // namespace

namespace variants {
extern const Convolution conv2d_v2_tile = {
    .kernel = {.name = "v2_tile", .fits = fits, .cost = nullptr, .forward = forward}};
}

}  // namespace clearcut::cuda
