// Winograd's minimal filtering F(4x4, 3x3) for 3x3 convolutions of stride 1, in all three directions.
//
//   y = A^T [ sum over c of (G g G^T) * (B^T d B) ] A
//
// makes 4 x 4 outputs from 6 x 6 inputs d and 3 x 3 weights g with 36 products instead of 144. For each of
// the 36 places in a tile, the sums over channels of all tiles are one matrix product. A dilated convolution
// is dilation.h * dilation.w convolutions of interleaved maps.
//
// Points of interpolation: 0, +-1/sqrt 2, +-sqrt 2, infinity. max|y - y64| / max|y64| of normal inputs, the
// same after a ReLU and normal weights, the largest over 64 to 2048 channels and maps of 14 to 56 pixels (a
// model of this code in float32, to compare points):
//
//   points                          forward     weight gradient
//   0, +-1/sqrt 2, +-sqrt 2         2.6e-6      1.6e-6
//   0, +-3/4, +-3/2                 2.7e-6      1.5e-6
//   0, +-1, 1/2, -2                 4.0e-6      2.1e-6
//   0, +-1/2, +-2                   6.3e-6      3.1e-6
//   0, +-1, +-2 (the usual ones)    1.4e-5      5.4e-6
//
// This code, over 18 to 4096 channels, maps of 7 to 64 pixels, batches of 1 and 8 and dilations of 1, 2 and
// 4: at most 2.9e-6 forward, 3.0e-6 input gradient, 1.8e-6 weight gradient.
//
// Sources: Winograd, "Arithmetic complexity of computations", 1980; Lavin and Gray, "Fast algorithms for
// convolutional neural networks", arXiv:1509.09308; choice of points after Barabasz et al., "Error analysis
// and improving the accuracy of Winograd convolution for deep neural networks", arXiv:1803.10986.
#pragma once

#include "tensor/ops/conv2d.h"

namespace clearcut::conv {

/// Weights of one group: w(m, k, r, s) = data[m * m_stride + k * k_stride + tap], tap = 3 r + s, or 8 - that
/// where turned.
struct WinogradWeights {
  const float* data;
  std::int64_t M, K, m_stride, k_stride;
  bool turned;
};

/// U = G g G^T of all weights of a group, in the order of the register tiles: four times the size of w.
class TransformedWeights {
 public:
  explicit TransformedWeights(const WinogradWeights& w);
  /// Point p of the row panels from `panel` on, for block b of input channels: data + p * stride.
  struct Points {
    const float* data;
    std::int64_t stride;
  };
  Points points(std::int64_t block, std::int64_t panel) const;

 private:
  WinogradWeights w_;
  Scratch<float> u_;
};

/// A convolution or its input gradient as the same sum:
///
///   out[n, m, p, q] = sum over k, r, s of w(m, k, r, s) * in[n, k, p + r dilation.h - top, q + s dilation.w
///   - left]
///
/// for one group: channels [first_in, first_in + w.K) of in, [first_out, first_out + w.M) of out.
struct WinogradProduct {
  Nchw<const float> in;
  std::int64_t first_in;
  Nchw<float> out;
  std::int64_t first_out;
  WinogradWeights w;
  const TransformedWeights* transformed;  // of w, or null: made on the way
  std::int64_t top, left;                 // may be negative
  Size2 dilation;
  Finish<float> finish;  // bias [M] of the group; add laid out like all of out
};
void winograd_multiply(const WinogradProduct& product);

/// dw of one group: K output channels from first_k on, dw.C input channels from first_c on.
struct WinogradWeightSum {
  Nchw<const float> dy, x;
  std::int64_t first_k, K, first_c;
  Nchw<float> dw;
  std::int64_t top, left;
  Size2 dilation;
};
void winograd_weight_gradient(const WinogradWeightSum& sum);

}  // namespace clearcut::conv
