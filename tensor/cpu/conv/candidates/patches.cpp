// Convolution as one matrix product: the patches are packed straight into its panels.
//
//   forward          y[k, pixel]  = sum over (c, tap) of w[k, (c, tap)] * x[c, pixel + tap]
//   input gradient   of one tap, the same with dx[c, pixel] = sum over k of w[k, c] * dy[k, pixel], for those
//                    of the interleaved grids that a stride makes of dx which the tap reaches; of more taps
//                    in fold.cpp
//   weight gradient  in patches_weight.cpp
//
// Pixels run over all images, so that small maps fill whole registers. Groups are products of their own.
#include "tensor/cpu/conv/patches.h"

#include <algorithm>

#include "tensor/cpu/conv/kernel.h"
#include "tensor/cpu/gemm.h"

namespace clearcut::conv {

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

// out(m, pixel) = sum over (channel, tap) of left(m, (channel, tap)) * in(channel, pixel + tap), finished,
// for the pixels of one grid, the channels [first_in, first_in + channels) of `in` and those of `out` from
// first_out on.
struct PatchProduct {
  const Taps& taps;
  const gemm::PackedLeft& left;
  Nchw<const float> in;
  std::int64_t first_in, channels;
  Finish<float> finish;
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

gemm::Finish finish_of(const PatchProduct& p, const gemm::Output& c) {
  return {.init = p.finish.bias ? p.finish.bias + p.first_out : nullptr,
          .add = p.finish.add ? p.finish.add + (c.data - p.out.data) : nullptr,
          .low = p.finish.low,
          .high = p.finish.high};
}

void multiply_patches(const PatchProduct& p) {
  const Taps& taps = p.taps;
  const std::vector<std::int64_t> tap_offsets = taps.offsets();
  const std::vector<std::int64_t> offsets = row_offsets(p.channels, taps.plane(), tap_offsets);
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
    columns.k_stride = tap_offsets.size() == 1 && tap_offsets[0] == 0 ? taps.plane() : 0;
    if (columns.row_stride == columns.grid.cols) columns.grid = {images, 1, taps.h.count * taps.w.count};
    const gemm::Output c = output_of(p, n, images);
    gemm::multiply(p.left, columns, finish_of(p, c), c);
  }
}

// The left matrix of group g: w, or turned around for the input gradient of one tap.
gemm::Left left_of(Nchw<const float> w, std::int64_t groups, std::int64_t g, Direction direction) {
  const std::int64_t K = w.N / groups, terms = w.C * w.H * w.W;
  if (direction == Direction::kForward)
    return {.data = w.data + g * K * terms, .M = K, .K = terms, .m_stride = terms, .k_stride = 1};
  return {.data = w.data + g * K * w.C, .M = w.C, .K = K, .m_stride = 1, .k_stride = w.C};
}

// The left matrices of all groups, packed for any number of columns.
struct PackedGroups : PreparedWeights::Form {
  std::vector<std::unique_ptr<gemm::PackedLeft>> left;
};

std::unique_ptr<PreparedWeights::Form> prepare(Nchw<const float> w, const ConvOptions& o,
                                               Direction direction) {
  auto form = std::make_unique<PackedGroups>();
  for (std::int64_t g = 0; g < o.groups; ++g)
    form->left.push_back(std::make_unique<gemm::PackedLeft>(left_of(w, o.groups, g, direction),
                                                            std::numeric_limits<std::int64_t>::max()));
  return form;
}

// Calls body(g, left matrix of group g) for all groups.
template <class Body>
void for_each_group(const Weights& w, const ConvOptions& o, Direction direction, std::int64_t columns,
                    const Body& body) {
  const auto* form = static_cast<const PackedGroups*>(w.form);
  for (std::int64_t g = 0; g < o.groups; ++g)
    if (form)
      body(g, *form->left[static_cast<std::size_t>(g)]);
    else
      body(g, gemm::PackedLeft(left_of(w.w, o.groups, g, direction), columns));
}

void forward(Nchw<const float> x, const Weights& weights, const ConvOptions& o, const Finish<float>& finish,
             Nchw<float> y) {
  const Nchw<const float> w = weights.w;
  const Taps taps = forward_taps({x.H, x.W, w.H, w.W, y.H, y.W}, o);
  const std::int64_t K_group = y.C / o.groups, columns = y.N * y.H * y.W;
  for_each_group(weights, o, Direction::kForward, columns, [&](std::int64_t g, const gemm::PackedLeft& left) {
    multiply_patches({.taps = taps,
                      .left = left,
                      .in = x,
                      .first_in = g * w.C,
                      .channels = w.C,
                      .finish = finish,
                      .out = y,
                      .first_out = g * K_group});
  });
}

void backward_input(Nchw<const float> dy, const Weights& weights, const ConvOptions& o, Nchw<float> dx) {
  const Nchw<const float> w = weights.w;
  const std::vector<Taps> grids = backward_taps({dx.H, dx.W, w.H, w.W, dy.H, dy.W}, o);
  const auto reached = [](const Taps& taps) { return !taps.h.taps.empty() && !taps.w.taps.empty(); };
  if (!std::all_of(grids.begin(), grids.end(), reached))
    std::fill_n(dx.data, dx.N * dx.C * dx.H * dx.W, 0.0f);
  const std::int64_t K_group = dy.C / o.groups;
  for (const Taps& taps : grids) {
    if (!reached(taps)) continue;
    const std::int64_t columns = dx.N * taps.h.count * taps.w.count;
    for_each_group(weights, o, Direction::kBackwardInput, columns,
                   [&](std::int64_t g, const gemm::PackedLeft& left) {
                     multiply_patches({.taps = taps,
                                       .left = left,
                                       .in = dy,
                                       .first_in = g * K_group,
                                       .channels = K_group,
                                       .finish = {},
                                       .out = dx,
                                       .first_out = g * w.C});
                   });
  }
}

void backward_weight(Nchw<const float> dy, Nchw<const float> x, const ConvOptions& o, Nchw<float> dw) {
  const Taps taps = forward_taps({x.H, x.W, dw.H, dw.W, dy.H, dy.W}, o);
  for (std::int64_t g = 0; g < o.groups; ++g) weight_gradient(taps, dy, x, {g, o.groups}, dw);
}

bool fits(const Layer& layer, Direction direction) {
  return direction != Direction::kBackwardInput || layer.R * layer.S == 1;
}

// The product fills whole rows of register tiles; packing and writing cost about 12 more.
double cost(const Layer& layer, Direction direction) {
  const bool input = direction == Direction::kBackwardInput;
  const std::int64_t groups = layer.options.groups;
  const auto rows = static_cast<double>((input ? layer.C : layer.K) / groups);
  const double whole_rows = std::ceil(rows / 8) * 8;
  return layer.multiply_adds() / rows * (whole_rows + 12);
}

}  // namespace

namespace candidates {
extern const Kernel patches = {.name = "patches",
                               .fits = fits,
                               .cost = cost,
                               .forward = forward,
                               .backward_input = backward_input,
                               .backward_weight = backward_weight,
                               .prepare = prepare};
}

}  // namespace clearcut::conv
