// The weight gradient's own transforms: pixels of kLanes output channels are turned in registers so that a
// lane is a channel, and the sums are turned back to rows of weights.
#include "tensor/cpu/isa/winograd.h"

#include "tensor/cpu/isa/winograd_transforms.h"

namespace {

using namespace clearcut::isa;

// A row of kLanes pixels of kLanes channels to pixels[pixel], lane = channel; `fit` pixels lie in the map.
inline void turn_row(const WinogradGradient& t, const float* from, int64_t k, int64_t fit, Vec* pixels) {
  Index lane;
  for (int i = 0; i < kLanes; ++i) lane[i] = i;
  const int64_t channels = t.channels - k < kLanes ? t.channels - k : kLanes;
  const bool in_place = t.dilation_w == 1 && t.end - from >= (channels - 1) * t.channel_stride + kLanes;
  const int last = fit < kLanes ? static_cast<int>(fit) : kLanes;
  for (int i = 0; i < kLanes; ++i) {
    // Lanes without a channel repeat the last one.
    const float* row = from + (i < channels ? i : channels - 1) * t.channel_stride;
    if (in_place) {
      pixels[i] = lane < last ? load(row) : Vec{};
    } else {
      float copy[kLanes] = {};
      for (int j = 0; j < last; ++j) copy[j] = row[j * t.dilation_w];
      pixels[i] = load(copy);
    }
  }
  transpose<Vec, Index, kLanes>(pixels);
}

// Channels [k, k + kLanes) of the tiles [first, first + kLanes / 4) of a run.
void gradient_piece(const WinogradGradient& t, const WinogradRun& run, int64_t first, int64_t k) {
  const int64_t tiles = run.tiles - first < kLanes / 4 ? run.tiles - first : kLanes / 4;
  const int64_t col = run.col + 4 * first * t.dilation_w;
  const int64_t fit = (t.W - col + t.dilation_w - 1) / t.dilation_w;
  Vec pixels[4][kLanes];
  for (int i = 0; i < 4; ++i) {
    const int64_t row = run.row + i * t.dilation_h;
    if (row < t.H) {
      turn_row(t, t.dy + run.image + k * t.channel_stride + row * t.W + col, k, fit, pixels[i]);
    } else {
      for (int j = 0; j < kLanes; ++j) pixels[i][j] = Vec{};
    }
  }
  for (int64_t tile = 0; tile < tiles; ++tile) {
    Vec columns[6][4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      const Vec y[4] = {pixels[0][4 * tile + j], pixels[1][4 * tile + j], pixels[2][4 * tile + j],
                        pixels[3][4 * tile + j]};
      Vec m[6];
      transform_gradient(y, m);
#pragma GCC unroll 6
      for (int i = 0; i < 6; ++i) columns[i][j] = m[i];
    }
    float* d = t.d + (run.at + first + tile) * t.width + k;
#pragma GCC unroll 6
    for (int i = 0; i < 6; ++i) {
      Vec m[6];
      transform_gradient(columns[i], m);
#pragma GCC unroll 6
      for (int j = 0; j < 6; ++j) store(d + (6 * i + j) * t.point_stride, m[j]);
    }
  }
}

void gradient(const WinogradGradient& t) {
  for (int64_t r = 0; r < t.run_count; ++r)
    for (int64_t k = 0; k < t.channels; k += kLanes)
      for (int64_t first = 0; first < t.runs[r].tiles; first += kLanes / 4)
        gradient_piece(t, t.runs[r], first, k);
}

// The nine weights of kLanes output channels.
inline void weights_at(const float* sums, int64_t stride, float* taps) {
  Vec rows[3][6];
#pragma GCC unroll 6
  for (int j = 0; j < 6; ++j) {
    Vec u[6], g[3];
#pragma GCC unroll 6
    for (int i = 0; i < 6; ++i) u[i] = load(sums + (6 * i + j) * stride);
    transform_sums(u, g);
#pragma GCC unroll 3
    for (int i = 0; i < 3; ++i) rows[i][j] = g[i];
  }
#pragma GCC unroll 3
  for (int i = 0; i < 3; ++i) {
    Vec g[3];
    transform_sums(rows[i], g);
#pragma GCC unroll 3
    for (int j = 0; j < 3; ++j) store(taps + (3 * i + j) * kLanes, g[j]);
  }
}

// kLanes x kLanes blocks of [channel, tap][k] are turned to rows of dw.
void write_weights(const WinogradWeightGradient& t, const float* taps, int64_t c, int64_t channels,
                   int64_t k) {
  const int64_t rows = t.K - k < kLanes ? t.K - k : kLanes;
  for (int64_t first = 0; first < 9 * channels; first += kLanes) {
    Vec block[kLanes];
    for (int i = 0; i < kLanes; ++i) block[i] = load(taps + (first + i) * kLanes);
    transpose<Vec, Index, kLanes>(block);
    float* to = t.dw + k * t.k_stride + 9 * c + first;
    const int64_t n = 9 * channels - first < kLanes ? 9 * channels - first : kLanes;
    float turned[kLanes * kLanes];
    for (int i = 0; i < kLanes; ++i) store(turned + i * kLanes, block[i]);
    for (int64_t i = 0; i < rows; ++i, to += t.k_stride) {
      if (n == kLanes) {
        store(to, load(turned + i * kLanes));
      } else {
        for (int64_t j = 0; j < n; ++j) to[j] = turned[i * kLanes + j];
      }
    }
  }
}

void weight_gradient(const WinogradWeightGradient& t) {
  constexpr int64_t kChannels = 16;  // 9 of them are whole vectors
  alignas(64) float taps[9 * kChannels * kLanes] = {};
  for (int64_t c = 0; c < t.channels; c += kChannels) {
    const int64_t channels = t.channels - c < kChannels ? t.channels - c : kChannels;
    for (int64_t k = 0; k < t.K; k += kLanes) {
      for (int64_t i = 0; i < channels; ++i)
        weights_at(t.sums + (c + i) * t.width + k, t.point_stride, taps + 9 * i * kLanes);
      write_weights(t, taps, c, channels, k);
    }
  }
}

}  // namespace

namespace clearcut::isa::CLEARCUT_ISA {

extern const WinogradGradientKernels winograd_gradient_kernels = {gradient, weight_gradient};

}  // namespace clearcut::isa::CLEARCUT_ISA
