// Fast convolution: the patches are packed straight into the panels of the matrix product.
//
//   forward          y[k, pixel]  = sum over (c, tap) of w[k, (c, tap)] * x[c, pixel + tap]
//   input gradient   of one tap, the same with dx[c, pixel] = sum over k of w[k, c] * dy[k, pixel], for those
//                    of the interleaved grids that a stride makes of dx which the tap reaches; of more taps
//                    in conv2d_input.cpp
//
// Pixels run over all images, so that small maps fill whole registers. Groups are products of their own.
#include "tensor/cpu/conv2d.h"

#include <algorithm>

#include "tensor/cpu/gemm.h"
#include "tensor/cpu/taps.h"
#include "tensor/parallel.h"

namespace clearcut::kernels {

namespace {

// offsets[channel * taps + tap] = channel * stride + tap_offset[tap]
std::vector<std::int64_t> row_offsets(std::int64_t channels, std::int64_t stride,
                                      const std::vector<std::int64_t>& tap_offset) {
  std::vector<std::int64_t> offsets;
  offsets.reserve(static_cast<std::size_t>(channels) * tap_offset.size());
  for (std::int64_t c = 0; c < channels; ++c)
    for (const std::int64_t tap : tap_offset) offsets.push_back(c * stride + tap);
  return offsets;
}

// out(m, pixel) = init[m] + sum over (channel, tap) of left(m, (channel, tap)) * in(channel, pixel + tap),
// for the pixels of one grid and the channels [first_in, first_in + channels) of `in`.
struct PatchProduct {
  const Taps& taps;
  const gemm::Left& left;
  Nchw<const float> in;
  std::int64_t first_in, channels;
  const float* init;
  Nchw<float> out;
  std::int64_t first_out;
};

gemm::Output output_of(const PatchProduct& p, std::int64_t image, std::int64_t images) {
  const AxisTaps &h = p.taps.h, &w = p.taps.w;
  return {.data = p.out.plane(image, p.first_out) + h.out_first * p.out.W + w.out_first,
          .grid = {images, h.count, w.count},
          .image_stride = p.out.C * p.out.H * p.out.W,
          .m_stride = p.out.H * p.out.W,
          .row_stride = h.out_step * p.out.W,
          .col_stride = w.out_step};
}

void multiply_patches(const PatchProduct& p) {
  const Taps& taps = p.taps;
  const gemm::PackedLeft left(p.left, p.in.N * taps.h.count * taps.w.count);
  const std::vector<std::int64_t> offsets = row_offsets(p.channels, taps.plane(), taps.offsets());
  const std::int64_t step = taps.in_place() ? p.in.N : TapSource::images_at_a_time(taps, p.in.N, p.channels);
  for (std::int64_t n = 0; n < p.in.N; n += step) {
    const std::int64_t images = std::min(step, p.in.N - n);
    const std::int64_t plane = p.in.H * p.in.W;
    const TapSource source(taps, {p.in.plane(n, p.first_in), images, p.channels, p.in.C * plane, plane});
    gemm::PatchColumns columns;
    columns.source = source.data();
    columns.source_end = source.end();
    columns.offset = offsets.data();
    columns.grid = {images, taps.h.count, taps.w.count};
    columns.image_stride = source.image_stride();
    columns.row_stride = taps.row_stride();
    if (columns.row_stride == columns.grid.cols) columns.grid = {images, 1, taps.h.count * taps.w.count};
    gemm::multiply(left, columns, p.init, output_of(p, n, images));
  }
}

bool depthwise(std::int64_t C, std::int64_t K, const ConvOptions& o) {
  return o.groups > 1 && o.groups == C && o.groups == K;
}

}  // namespace

void conv2d(Cpu, Nchw<const float> x, Nchw<const float> w, Flat<const float> bias, const ConvOptions& o,
            Nchw<float> y) {
  enter_fast_body();
  const Taps taps = forward_taps({x.H, x.W, w.H, w.W, y.H, y.W}, o);
  if (depthwise(x.C, y.C, o)) return depthwise_gather({taps, x, w, bias.data, y});
  const std::int64_t K_group = y.C / o.groups, terms = w.C * w.H * w.W;
  for (std::int64_t g = 0; g < o.groups; ++g) {
    const gemm::Left left{
        .data = w.data + g * K_group * terms, .M = K_group, .K = terms, .m_stride = terms, .k_stride = 1};
    multiply_patches({.taps = taps,
                      .left = left,
                      .in = x,
                      .first_in = g * w.C,
                      .channels = w.C,
                      .init = bias.data ? bias.data + g * K_group : nullptr,
                      .out = y,
                      .first_out = g * K_group});
  }
}

void conv2d_backward_input(Cpu, Nchw<const float> dy, Nchw<const float> w, const ConvOptions& o,
                           Nchw<float> dx) {
  enter_fast_body();
  if (w.H * w.W > 1 && !depthwise(dx.C, dy.C, o)) {
    const Taps taps = forward_taps({dx.H, dx.W, w.H, w.W, dy.H, dy.W}, o);
    for (std::int64_t g = 0; g < o.groups; ++g) input_gradient(taps, dy, w, {g, o.groups}, dx);
    return;
  }
  const std::vector<Taps> grids = backward_taps({dx.H, dx.W, w.H, w.W, dy.H, dy.W}, o);
  const auto reached = [](const Taps& taps) { return !taps.h.taps.empty() && !taps.w.taps.empty(); };
  if (!std::all_of(grids.begin(), grids.end(), reached))
    std::fill_n(dx.data, dx.N * dx.C * dx.H * dx.W, 0.0f);
  const std::int64_t K_group = dy.C / o.groups;
  for (const Taps& taps : grids) {
    if (!reached(taps)) continue;
    if (depthwise(dx.C, dy.C, o)) {
      depthwise_gather({taps, dy, w, nullptr, dx});
      continue;
    }
    for (std::int64_t g = 0; g < o.groups; ++g) {
      const gemm::Left left{
          .data = w.data + g * K_group * w.C, .M = w.C, .K = K_group, .m_stride = 1, .k_stride = w.C};
      multiply_patches({.taps = taps,
                        .left = left,
                        .in = dy,
                        .first_in = g * K_group,
                        .channels = K_group,
                        .init = nullptr,
                        .out = dx,
                        .first_out = g * w.C});
    }
  }
}

void conv2d_backward_weight(Cpu, Nchw<const float> dy, Nchw<const float> x, const ConvOptions& o,
                            Nchw<float> dw) {
  enter_fast_body();
  const Taps taps = forward_taps({x.H, x.W, dw.H, dw.W, dy.H, dy.W}, o);
  if (depthwise(x.C, dy.C, o)) return depthwise_weight(taps, dy, x, dw);
  for (std::int64_t g = 0; g < o.groups; ++g) weight_gradient(taps, dy, x, {g, o.groups}, dw);
}

}  // namespace clearcut::kernels
