// Convolutions as products of tiles (implicit GEMM).
//
//                  rows              columns             summed over
// forward          output channels   output pixels       channels and taps
// input gradient   channels          pixels of x         output channels and taps
// weight gradient  output channels   channels and taps   output pixels
//
// A block makes a tile of 64 x 64 as cuda/tile_product.cuh says; cuda/conv_operands.cuh says where operands
// lie. Per step of 16 floats a block reads 4 KiB of each operand. A value of x comes from memory once per 64
// output channels and again for each tap, then mostly from the cache. Groups are products of their own;
// depthwise ones have kernels of their own (cuda/depthwise.cuh). With a stride s the input gradient
// multiplies s * s times as much as there is, mostly by zeros.
//
// Order: one sum per element over (channel, r, s), which depends on no other pixel, so that a picture's bits
// do not depend on the batch. The weight gradient cuts its pixels into pieces by shape alone; the pieces'
// sums are added in order, in double.
#include "tensor/ops/conv2d.h"

#include <algorithm>

#include "cuda/depthwise.cuh"
#include "tensor/cuda_memory.h"
#include "tensor/cuda_variants.h"

namespace clearcut::kernels {

namespace {

using conv::Direction;
using cuda::Along, cuda::ConvWindow, cuda::Divisor, cuda::Maps, cuda::MapsOut, cuda::MatrixOperand,
    cuda::MatrixOut, cuda::TileGrid;

constexpr int kThreads = 256;

bool depthwise(const ConvOptions& o, std::int64_t channels_of_group) {
  return o.groups > 1 && channels_of_group == 1;
}
/// Each output pixel reads the pixel of the same number only.
bool pixel_by_pixel(const ConvOptions& o, std::int64_t R, std::int64_t S) {
  return R * S == 1 && o.stride == Size2(1) && o.padding == Padding2(0);
}
template <class T>
bool whole_chunks(std::int64_t n, const T* data) {
  return n % cuda::Pack<T>::kSize == 0 && cuda::may_pack(data);
}
template <class T>
std::int64_t pixels(const Nchw<T>& x) {
  const std::int64_t n = x.N * x.H * x.W;
  check(n <= cuda::kMostTerms, "conv2d", "a CUDA kernel numbers pixels up to ", cuda::kMostTerms, "; got ", n,
        " in the batch");
  return n;
}

// The operands of the first group; `values_of_group` lie before the next one's.
template <class T, class Math>
__global__ void __launch_bounds__(Math::kThreads, cuda::kTileBlocks)
    conv2d_kernel(MatrixOperand<T, Along::kDepth> w, cuda::Patches<T> x, MapsOut<T> y,
                  std::int64_t x_of_group, std::int64_t terms, TileGrid tiles) {
  const auto [group, row0, col0] = tiles.at(blockIdx.x);
  w.data += group * y.rows * terms;
  x.data += group * x_of_group;
  y.first_channel = group * y.rows;
  cuda::tile_product<T, Math>(w, row0, x, col0, 0, static_cast<int>(terms), y);
}

template <class T, class Math, class Weights>
__global__ void __launch_bounds__(Math::kThreads, cuda::kTileBlocks)
    backward_input_kernel(Weights w, std::int64_t w_of_group, cuda::Readers<T> dy, std::int64_t dy_of_group,
                          MapsOut<T> dx, std::int64_t terms, TileGrid tiles) {
  const auto [group, row0, col0] = tiles.at(blockIdx.x);
  w.data += group * w_of_group;
  dy.data += group * dy_of_group;
  dx.first_channel = group * dx.rows;
  cuda::tile_product<T, Math>(w, row0, dy, col0, 0, static_cast<int>(terms), dx);
}

// Writes [piece][output channel][channel, r, s].
template <class T, class Math>
__global__ void __launch_bounds__(Math::kThreads, cuda::kTileBlocks)
    backward_weight_kernel(cuda::PixelsOfChannels<T> dy, cuda::PixelsOfTaps<T> x, MatrixOut<T> dw,
                           std::int64_t groups, std::int64_t x_of_group, std::int64_t n_pixels,
                           std::int64_t pixels_of_piece, TileGrid tiles) {
  const auto [item, row0, col0] = tiles.at(blockIdx.x);
  const std::int64_t group = item % groups, first = item / groups * pixels_of_piece;
  dy.data += group * dw.rows * dy.dy.H * dy.dy.W;
  x.data += group * x_of_group;
  dw.data += item * dw.rows * dw.cols;
  cuda::tile_product<T, Math>(dy, row0, x, col0, static_cast<int>(first),
                              static_cast<int>(min(n_pixels, first + pixels_of_piece)), dw);
}

template <class T>
__global__ void __launch_bounds__(kThreads, 4)
    add_pieces_kernel(const T* partial, std::int64_t pieces, Flat<T> dw) {
  const std::int64_t i = cuda::thread_number();
  if (i >= dw.n) return;
  double sum = 0;
  for (std::int64_t piece = 0; piece < pieces; ++piece) sum += partial[piece * dw.n + i];
  dw[i] = static_cast<T>(sum);
}

template <class T>
__global__ void __launch_bounds__(kThreads, 4) backward_bias_kernel(Nchw<const T> dy, Flat<T> dbias) {
  const std::int64_t k = blockIdx.x, plane = dy.H * dy.W;
  double sum = 0;
  for (std::int64_t i = threadIdx.x; i < dy.N * plane; i += kThreads)
    sum += dy.plane(i / plane, k)[i % plane];
  sum = cuda::block_reduce<cuda::Sum, kThreads>(sum);
  if (threadIdx.x == 0) dbias[k] = static_cast<T>(sum);
}

/// Pieces of the sum over pixels: enough for 512 blocks, but none shorter than 1024 pixels.
struct Split {
  std::int64_t pieces, pixels_of_piece;

  Split(std::int64_t n_pixels, std::int64_t tiles) {
    constexpr std::int64_t kBlocks = 512, kLeast = 1024, kWhole = 64;  // kWhole: steps stay aligned
    const std::int64_t most = std::max<std::int64_t>(1, n_pixels / kLeast);
    const std::int64_t wanted = std::min(most, (kBlocks + tiles - 1) / tiles);
    pixels_of_piece = ((n_pixels + wanted - 1) / wanted + kWhole - 1) / kWhole * kWhole;
    pieces = std::max<std::int64_t>(
        1, (n_pixels + pixels_of_piece - 1) / std::max<std::int64_t>(1, pixels_of_piece));
  }
};

template <class T>
void default_conv2d(Nchw<const T> x, Nchw<const T> w, const Finish<T>& finish, const ConvOptions& o,
                    Nchw<T> y) {
  const std::int64_t n_values = cuda::values(y), terms = w.C * w.H * w.W, K = y.C / o.groups;
  if (depthwise(o, w.C))
    return cuda::launch<cuda::depthwise_kernel<T>>(cuda::one_each(n_values, kThreads), x, w, finish, o, y,
                                                   n_values);
  pixels(x);
  const cuda::Patches<T> patches{.data = x.data,
                                 .sides = pixels(y),
                                 .packed = pixel_by_pixel(o, w.H, w.W) && whole_chunks(y.H * y.W, x.data),
                                 .x = Maps<const T>(x),
                                 .y = Maps<const T>({y.data, y.N, y.C, y.H, y.W}),
                                 .window = ConvWindow(o, w.H, w.W)};
  const TileGrid tiles(o.groups, K, patches.sides);
  const MatrixOperand<T, Along::kDepth> weights{w.data, K, terms, whole_chunks(terms, w.data)};
  const bool packed = whole_chunks(y.H * y.W, y.data) && cuda::may_pack(finish.add);
  const MapsOut<T> out{Maps<T>(y), K, patches.sides, 0, finish, packed};
  cuda::tile::with_math<T>([&]<class Math>() {
    cuda::launch<conv2d_kernel<T, Math>>(cuda::launch_grid<Math>(tiles), weights, patches, out,
                                         w.C * x.H * x.W, terms, tiles);
  });
}

template <class T>
void default_backward_input(Nchw<const T> dy, Nchw<const T> w, const ConvOptions& o, Nchw<T> dx) {
  const std::int64_t n_values = cuda::values(dx), K = dy.C / o.groups, taps = w.H * w.W;
  if (depthwise(o, w.C))
    return cuda::launch<cuda::depthwise_backward_input_kernel<T>>(cuda::one_each(n_values, kThreads), dy, w,
                                                                  o, dx, n_values);
  pixels(dy);
  const cuda::Readers<T> readers{.data = dy.data,
                                 .sides = pixels(dx),
                                 .packed = pixel_by_pixel(o, w.H, w.W) && whole_chunks(dx.H * dx.W, dy.data),
                                 .strided = !(o.stride == Size2(1)),
                                 .x = Maps<const T>({dx.data, dx.N, dx.C, dx.H, dx.W}),
                                 .dy = Maps<const T>(dy),
                                 .window = ConvWindow(o, w.H, w.W),
                                 .stride_h = Divisor(o.stride.h),
                                 .stride_w = Divisor(o.stride.w)};
  const TileGrid tiles(o.groups, w.C, readers.sides);
  const MapsOut<T> out{Maps<T>(dx), w.C, readers.sides, 0, {}, whole_chunks(dx.H * dx.W, dx.data)};
  const std::int64_t w_of_group = K * w.C * taps, dy_of_group = K * dy.H * dy.W;
  const auto run = [&]<class Weights>(const Weights& weights) {
    cuda::tile::with_math<T>([&]<class Math>() {
      cuda::launch<backward_input_kernel<T, Math, Weights>>(
          cuda::launch_grid<Math>(tiles), weights, w_of_group, readers, dy_of_group, out, K * taps, tiles);
    });
  };
  if (taps == 1)
    run(MatrixOperand<T, Along::kSide>{w.data, w.C, w.C, whole_chunks(w.C, w.data)});
  else
    run(cuda::TurnedWeights<T>{w.data, w.C, Divisor(taps), static_cast<int>(taps)});
}

template <class T>
void default_backward_weight(Nchw<const T> dy, Nchw<const T> x, const ConvOptions& o, Nchw<T> dw) {
  const std::int64_t n_values = cuda::values(dw), K = dy.C / o.groups, terms = dw.C * dw.H * dw.W;
  if (depthwise(o, dw.C))
    return cuda::launch<cuda::depthwise_backward_weight_kernel<T>>(
        {.blocks = static_cast<unsigned>(n_values), .threads = cuda::kDepthwiseThreads}, dy, x, o, dw);
  pixels(x);
  const std::int64_t n_pixels = pixels(dy);
  const Split split(n_pixels, TileGrid(o.groups, K, terms).blocks());
  const TileGrid tiles(o.groups * split.pieces, K, terms);
  const cuda::PixelsOfChannels<T> rows{dy.data, K, whole_chunks(dy.H * dy.W, dy.data), Maps<const T>(dy)};
  const cuda::PixelsOfTaps<T> columns{x.data, terms, Maps<const T>(x), Maps<const T>(dy),
                                      ConvWindow(o, dw.H, dw.W)};
  const bool whole = split.pieces == 1;
  const CudaBlock scratch(whole ? 0 : static_cast<std::size_t>(split.pieces * n_values) * sizeof(T));
  T* const partial = whole ? dw.data : static_cast<T*>(scratch.data());
  const MatrixOut<T> out{partial, K, terms, terms, 1, whole_chunks(terms, partial)};
  cuda::tile::with_math<T>([&]<class Math>() {
    cuda::launch<backward_weight_kernel<T, Math>>(cuda::launch_grid<Math>(tiles), rows, columns, out,
                                                  o.groups, dw.C * x.H * x.W, n_pixels, split.pixels_of_piece,
                                                  tiles);
  });
  if (!whole)
    cuda::launch<add_pieces_kernel<T>>(cuda::one_each(n_values, kThreads), partial, split.pieces,
                                       Flat<T>{dw.data, n_values});
}

template <class T>
Nchw<const T> to_read(Nchw<T> x) {
  return {x.data, x.N, x.C, x.H, x.W};
}

}  // namespace

template <class T>
void conv2d(Cuda, Nchw<const T> x, Nchw<const T> w, const Finish<T>& finish, const ConvOptions& o,
            PreparedWeights*, Nchw<T> y) {
  if constexpr (sizeof(T) == sizeof(float))
    if (const conv::Kernel* k = cuda::preferred(conv::layer_of(x, w, to_read(y), o), Direction::kForward))
      return k->forward(x, conv::Weights{w}, o, finish, y);
  default_conv2d(x, w, finish, o, y);
}

template <class T>
void conv2d_backward_input(Cuda, Nchw<const T> dy, Nchw<const T> w, const ConvOptions& o, PreparedWeights*,
                           Nchw<T> dx) {
  if constexpr (sizeof(T) == sizeof(float))
    if (const conv::Kernel* k =
            cuda::preferred(conv::layer_of(to_read(dx), w, dy, o), Direction::kBackwardInput))
      return k->backward_input(dy, conv::Weights{w}, o, dx);
  default_backward_input(dy, w, o, dx);
}

template <class T>
void conv2d_backward_weight(Cuda, Nchw<const T> dy, Nchw<const T> x, const ConvOptions& o, Nchw<T> dw) {
  if constexpr (sizeof(T) == sizeof(float))
    if (const conv::Kernel* k =
            cuda::preferred(conv::layer_of(x, to_read(dw), dy, o), Direction::kBackwardWeight))
      return k->backward_weight(dy, x, o, dw);
  default_backward_weight(dy, x, o, dw);
}

template <class T>
void conv2d_backward_bias(Cuda, Nchw<const T> dy, Flat<T> dbias) {
  cuda::launch<backward_bias_kernel<T>>({.blocks = static_cast<unsigned>(dy.C), .threads = kThreads}, dy,
                                        dbias);
}

#define INSTANTIATE(T)                                                                                   \
  template void conv2d(Cuda, Nchw<const T>, Nchw<const T>, const Finish<T>&, const ConvOptions&,         \
                       PreparedWeights*, Nchw<T>);                                                       \
  template void conv2d_backward_input(Cuda, Nchw<const T>, Nchw<const T>, const ConvOptions&,            \
                                      PreparedWeights*, Nchw<T>);                                        \
  template void conv2d_backward_weight(Cuda, Nchw<const T>, Nchw<const T>, const ConvOptions&, Nchw<T>); \
  template void conv2d_backward_bias(Cuda, Nchw<const T>, Flat<T>);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace clearcut::kernels

namespace clearcut::cuda::variants {
extern const Convolution conv2d_default = {
    .kernel = {.name = "default",
               .fits = [](const conv::Layer&, Direction) { return true; },
               .cost = nullptr,
               .forward = [](Nchw<const float> x, const conv::Weights& w, const ConvOptions& o,
                             const Finish<float>& finish,
                             Nchw<float> y) { kernels::default_conv2d(x, w.w, finish, o, y); },
               .backward_input = [](Nchw<const float> dy, const conv::Weights& w, const ConvOptions& o,
                                    Nchw<float> dx) { kernels::default_backward_input(dy, w.w, o, dx); },
               .backward_weight = [](Nchw<const float> dy, Nchw<const float> x, const ConvOptions& o,
                                     Nchw<float> dw) { kernels::default_backward_weight(dy, x, o, dw); }}};
}
