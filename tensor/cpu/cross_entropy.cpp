#include "tensor/ops/cross_entropy.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tensor/cpu/bilinear.h"
#include "tensor/memory.h"
#include "tensor/parallel.h"

namespace clearcut::kernels {

namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

constexpr std::int64_t kTilePixels = 2048;
constexpr std::int64_t kTileClasses = 16;  // 128 KiB of upsampled logits at a time

/// Running maximum and sum of exponentials of the pixels of one tile.
struct Softmax {
  std::vector<float> top, sum;

  explicit Softmax(std::int64_t pixels)
      : top(at(pixels), -std::numeric_limits<float>::infinity()), sum(at(pixels)) {}
  double log_sum(std::int64_t i) const { return top[at(i)] + std::log(static_cast<double>(sum[at(i)])); }
};

// Writes log_sum_exp of pixels [first, first + n) and returns their part of the loss; logit(i) is the logit
// of the label of the tile's pixel i.
template <class Logit>
double finish_tile(const Softmax& softmax, LabelledPixels<float> pixels, std::int64_t first, std::int64_t n,
                   Flat<float> log_sum_exp, const Logit& logit) {
  double loss = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t p = first + i;
    log_sum_exp[p] = 0;
    if (pixels.labels[p] < 0) continue;
    const double lse = softmax.log_sum(i);
    log_sum_exp[p] = static_cast<float>(lse);
    loss += pixels.weights[p] * (lse - logit(i));
  }
  return loss;
}

// q * scale of all pixels, in float.
std::vector<float> scaled_weights(LabelledPixels<float> pixels, std::int64_t n, double scale) {
  std::vector<float> q(at(n));
  std::transform(pixels.weights, pixels.weights + n, q.begin(),
                 [=](float weight) { return static_cast<float>(weight * scale); });
  return q;
}

}  // namespace

double cross_entropy(Cpu, Nchw<const float> z, LabelledPixels<float> pixels, Flat<float> log_sum_exp) {
  enter_fast_body();
  const std::int64_t plane = z.H * z.W, tiles = (plane + kTilePixels - 1) / kTilePixels;
  return parallel_sum<double>(z.N * tiles, 1, [&](std::int64_t begin, std::int64_t end) {
    double loss = 0;
    for (std::int64_t t = begin; t < end; ++t) {
      const std::int64_t from = t % tiles * kTilePixels, n = std::min(kTilePixels, plane - from);
      const std::int64_t first = t / tiles * plane + from;
      const float* logits = z.data + t / tiles * z.C * plane + from;
      Softmax softmax(n);
      isa_table().maps->add_exponentials({logits, z.C, plane, n}, softmax.top.data(), softmax.sum.data());
      loss += finish_tile(softmax, pixels, first, n, log_sum_exp, [&](std::int64_t i) {
        return static_cast<double>(logits[pixels.labels[first + i] * plane + i]);
      });
    }
    return loss;
  });
}

void cross_entropy_backward(Cpu, Nchw<const float> z, LabelledPixels<float> pixels,
                            Flat<const float> log_sum_exp, double scale, Nchw<float> dz) {
  enter_fast_body();
  const std::int64_t plane = z.H * z.W;
  const std::vector<float> q = scaled_weights(pixels, z.N * plane, scale);
  const auto loop = isa_table().maps->loss_gradient;
  const std::int64_t grain = std::max<std::int64_t>(1, (1 << 13) / std::max<std::int64_t>(1, plane));
  parallel_for(z.N * z.C, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t map = begin; map < end; ++map) {
      const std::int64_t first = map / z.C * plane;
      loop({log_sum_exp.data + first, q.data() + first, pixels.labels + first,
            static_cast<std::int32_t>(map % z.C), plane},
           z.data + map * plane, dz.data + map * plane);
    }
  });
}

namespace {

/// Output rows [begin, end) of one picture and what interpolates its logits there.
struct Band {
  std::int64_t picture, begin, end;
};

// Fills tile[k][pixel] with the upsampled logits of classes [class_begin, class_end) over the band.
void upsample_tile(Nchw<const float> z, const Band& band, const Taps& rows, std::int64_t W,
                   std::int64_t class_begin, std::int64_t class_end, ExpandedRows& expanded, float* tile) {
  const auto blend = isa_table().maps->blend_rows;
  for (std::int64_t k = class_begin; k < class_end; ++k) {
    expanded.set_plane(z.plane(band.picture, k), z.W);
    for (std::int64_t i = band.begin; i < band.end; ++i, tile += W) {
      const float *upper = expanded.row(rows.low[at(i)]), *lower = expanded.row(rows.high[at(i)]);
      blend(upper, lower, static_cast<float>(rows.weight[at(i)]), tile, W);
    }
  }
}

// The logit of class k at output row i and column j.
double logit_at(Nchw<const float> z, std::int64_t picture, std::int64_t k, const Taps& rows, const Taps& cols,
                std::int64_t i, std::int64_t j) {
  const float *upper = z.plane(picture, k) + rows.low[at(i)] * z.W,
              *lower = z.plane(picture, k) + rows.high[at(i)] * z.W;
  const double right = cols.weight[at(j)], down = rows.weight[at(i)];
  const std::int64_t a = cols.low[at(j)], b = cols.high[at(j)];
  return (1 - down) * ((1 - right) * upper[a] + right * upper[b]) +
         down * ((1 - right) * lower[a] + right * lower[b]);
}

}  // namespace

double upsampled_cross_entropy(Cpu, Nchw<const float> z, const Taps& rows, const Taps& cols,
                               LabelledPixels<float> pixels, Flat<float> log_sum_exp) {
  enter_fast_body();
  const std::int64_t H = rows.outputs(), W = cols.outputs();
  const std::int64_t height = std::clamp<std::int64_t>(kTilePixels / std::max<std::int64_t>(1, W), 1, 8);
  const std::int64_t bands = (H + height - 1) / height;
  const FloatTaps columns(cols);
  return parallel_sum<double>(z.N * bands, 1, [&](std::int64_t begin, std::int64_t end) {
    ExpandedRows expanded(columns);
    const Scratch<float> tile(kTileClasses * height * W);
    double loss = 0;
    for (std::int64_t t = begin; t < end; ++t) {
      const Band band{t / bands, t % bands * height, std::min(H, (t % bands + 1) * height)};
      const std::int64_t n = (band.end - band.begin) * W, first = (band.picture * H + band.begin) * W;
      Softmax softmax(n);
      for (std::int64_t k = 0; k < z.C; k += kTileClasses) {
        const std::int64_t k_end = std::min(z.C, k + kTileClasses);
        upsample_tile(z, band, rows, W, k, k_end, expanded, tile.data());
        isa_table().maps->add_exponentials({tile.data(), k_end - k, n, n}, softmax.top.data(),
                                           softmax.sum.data());
      }
      loss += finish_tile(softmax, pixels, first, n, log_sum_exp, [&](std::int64_t i) {
        return logit_at(z, band.picture, pixels.labels[first + i], rows, cols, band.begin + i / W, i % W);
      });
    }
    return loss;
  });
}

// One class plane at a time: its rows are upsampled again, the gradient of each output row goes into one row
// per input row, and at the end their columns are summed. Nothing larger than [h, W] is stored.
void upsampled_cross_entropy_backward(Cpu, Nchw<const float> z, const Taps& rows, const Taps& cols,
                                      LabelledPixels<float> pixels, Flat<const float> log_sum_exp,
                                      double scale, Nchw<float> dz) {
  enter_fast_body();
  const std::int64_t H = rows.outputs(), W = cols.outputs();
  const FloatTaps columns(cols);
  const std::vector<float> q = scaled_weights(pixels, z.N * H * W, scale);
  const auto loop = isa_table().maps->blended_loss_gradient;
  parallel_for(z.N * z.C, 1, [&](std::int64_t begin, std::int64_t end) {
    ExpandedRows expanded(columns);
    const Scratch<float> sums((z.H + 1) *
                              W);  // the last row takes what a row at the border adds with weight 0
    for (std::int64_t map = begin; map < end; ++map) {
      std::fill(sums.data(), sums.data() + (z.H + 1) * W, 0.0f);
      expanded.set_plane(z.data + map * z.H * z.W, z.W);
      for (std::int64_t i = 0; i < H; ++i) {
        const std::int64_t low = rows.low[at(i)], high = rows.high[at(i)], p = (map / z.C * H + i) * W;
        const float *upper = expanded.row(low), *lower = expanded.row(high);
        loop({log_sum_exp.data + p, q.data() + p, pixels.labels + p, static_cast<std::int32_t>(map % z.C), W},
             upper, lower, static_cast<float>(rows.weight[at(i)]), sums.data() + low * W,
             sums.data() + (high == low ? z.H : high) * W);
      }
      for (std::int64_t h = 0; h < z.H; ++h)
        columns.reduce_row(sums.data() + h * W, dz.data + (map * z.H + h) * z.W);
    }
  });
}

}  // namespace clearcut::kernels
