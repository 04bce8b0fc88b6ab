// The transforms of Winograd's convolution F(4x4, 3x3), one table per instruction set. The driver is
// tensor/cpu/conv/winograd.h, which tells the method.
//
// Polynomials are evaluated at the points 0, +-1/sqrt 2, +-sqrt 2 and infinity. A tile of 6 x 6 values has 36
// such places ("points"); value `point` of a tile is row point / 6 (downwards) and column point % 6 of B^T d
// B and its like. In all tables below a lane is one tile, but for weights, where it is a row of the product.
#pragma once

#include <stdint.h>

namespace clearcut::isa {

constexpr int64_t kWinogradPoints = 36;
constexpr int64_t kWinogradMaxWidth = 128;  // lanes of a panel of tiles, at most

/// Tiles side by side in one row of tiles: they share their rows of pixels.
struct WinogradRun {
  int64_t image;     // where the image's plane of channel 0 begins, in floats
  int64_t row, col;  // the first pixel of the first tile; for inputs it may lie outside of the map
  int64_t tiles;
  int64_t at;  // lane of the first tile
};

/// v[point * point_stride + c * width + lane] = B^T d B of the tile in that lane, for c < channels. d is 6 x
/// 6 pixels of x[run.image + c * channel_stride ...], `dilation` apart; pixels outside of the map are 0. A
/// run has at most max_run tiles. Runs come by ascending lane; lanes that no run covers are left or
/// overwritten. Nothing is read outside of [begin, end).
struct WinogradInput {
  const float* x;
  const float *begin, *end;
  int64_t channels, channel_stride;
  int64_t H, W;
  int64_t dilation_h, dilation_w;
  const WinogradRun* runs;
  int64_t run_count;
  float* v;
  int64_t point_stride, width;
};

/// u[point * point_stride + k * height + row] = G g G^T of the 9 weights at w + row * row_stride + k *
/// k_stride, in this order or, turned, backwards. rows <= height <= max_rows of the register tile.
struct WinogradWeights {
  const float* w;
  int64_t rows, row_stride;
  int64_t k, k_stride;
  bool turned;
  float* u;
  int64_t point_stride, height;
};

/// m[row * width + tile] (+)= sum over k of u(row, k) * v[k * width + tile] for few tiles, row by row of the
/// panels that `weights` wrote: u(row, k) = u[row / height * height * k_count + k * height + row % height]. A
/// lane is a row here; each sum is the chain of multiply-adds of GemmKernels::tile. Up to a vector behind u
/// is read, a vector of m is written from each row on.
struct WinogradNarrow {
  const float* u;
  int64_t rows, height, k;
  const float* v;
  float* m;
  int64_t tiles, width;  // tiles: 1 .. max_narrow
  bool add;
  int64_t ahead;  // floats from u to the weights that are wanted next; they are fetched meanwhile
};

/// The 4 x 4 pixels A^T m A of each tile, m[point * point_stride + row * width + lane], go to the map of row
/// `row`, y[run.image + row * row_stride ...], `dilation` apart, as min(max(value + bias[row] + plus, low),
/// high); pixels outside of the map are dropped.
struct WinogradOutput {
  const float* m;
  int64_t point_stride, width;
  int64_t rows, row_stride;
  const float* bias;  // or null for 0
  float* y;
  const float* plus;  // laid out like y, or null for 0
  float low, high;
  int64_t H, W;
  int64_t dilation_h, dilation_w;
  const WinogradRun* runs;
  int64_t run_count;
};

/// The gradient's side of the weight gradient; here a lane is an output channel. d[point * point_stride +
/// tile * width + k] = A g A^T for k < channels, where g is 4 x 4 pixels of dy[run.image + k * channel_stride
/// ...] and tile counts from 0 at lane 0 of the runs. Pixels outside of the map are 0. channels <= width, in
/// whole vectors; columns behind channels are arbitrary. Nothing is read outside of [begin, end).
struct WinogradGradient {
  const float* dy;
  const float *begin, *end;
  int64_t channels, channel_stride;
  int64_t H, W;
  int64_t dilation_h, dilation_w;
  const WinogradRun* runs;
  int64_t run_count;
  float* d;
  int64_t point_stride, width;
};

/// dw[k * k_stride + 9 c + tap] = G^T s G with s = sums[point * point_stride + c * width + k], for c <
/// channels, k < K. Whole vectors of s are read.
struct WinogradWeightGradient {
  const float* sums;
  int64_t point_stride, width;
  int64_t channels, K;
  float* dw;
  int64_t k_stride;
};

struct WinogradKernels {
  int64_t max_run;     // tiles of an input run
  int64_t max_narrow;  // most tiles for `narrow`; 0: the register tile is as fast
  void (*input)(const WinogradInput&);
  void (*weights)(const WinogradWeights&);
  void (*narrow)(const WinogradNarrow&);
  void (*output)(const WinogradOutput&);
};

struct WinogradGradientKernels {
  void (*gradient)(const WinogradGradient&);
  void (*weights)(const WinogradWeightGradient&);
};

namespace baseline {
extern const WinogradKernels winograd_kernels;
extern const WinogradGradientKernels winograd_gradient_kernels;
}  // namespace baseline
namespace avx2 {
extern const WinogradKernels winograd_kernels;
extern const WinogradGradientKernels winograd_gradient_kernels;
}  // namespace avx2
namespace avx512 {
extern const WinogradKernels winograd_kernels;
extern const WinogradGradientKernels winograd_gradient_kernels;
}  // namespace avx512

}  // namespace clearcut::isa
