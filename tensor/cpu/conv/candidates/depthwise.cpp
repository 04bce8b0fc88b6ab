// Depthwise convolution. Windows of 3x3 with stride 1 or 2, nearly all there are, read the planes where they
// are. For other taps each plane is copied with its padding into a buffer that stays in the nearest caches.
// Rows of at least a vector are computed a few at a time, straight to their place; shorter ones (7 or 14
// pixels) as one stretch, the pixels between the rows included, so that they fill whole vectors.
#include <algorithm>

#include "tensor/cpu/conv/kernel.h"
#include "tensor/cpu/conv/taps.h"
#include "tensor/cpu/gemm.h"
#include "tensor/cpu/isa.h"
#include "tensor/parallel.h"

namespace clearcut::conv {

namespace {

// out(n, c, pixel) = sum over taps of w(c, tap) * in(n, c, pixel + tap), finished, for the pixels of one
// grid. Serves y from x, and dx from dy with the taps turned around.
struct DepthwiseGather {
  const Taps& taps;
  Nchw<const float> in;
  Nchw<const float> w;
  const Finish<float>& finish;
  Nchw<float> out;
};

constexpr std::int64_t kSlack = 64;       // floats behind a plane: four vectors of the widest set
constexpr std::int64_t kStretch = 2048;   // outputs computed before they are copied to their rows: 8 KiB
constexpr std::int64_t kGrain = 1 << 15;  // outputs per chunk of parallel work

std::int64_t planes_per_chunk(const Taps& taps) {
  return std::max<std::int64_t>(1, kGrain / std::max<std::int64_t>(1, taps.h.count * taps.w.count));
}

// One plane at a time: buffers and tables that all planes of a chunk share.
class PlaneSum {
 public:
  explicit PlaneSum(const DepthwiseGather& g)
      : g_(g),
        offset_(g.taps.offsets()),
        place_(g.taps.kernel_index(g.w.W)),
        weight_(place_.size()),
        rows_(std::max<std::int64_t>(1, kStretch / g.taps.row_stride())),
        plane_(g.taps.plane() + kSlack),
        result_(rows_ * g.taps.row_stride() + kSlack) {
    std::fill_n(plane_.data() + g.taps.plane(), kSlack, 0.0f);
  }

  void run(std::int64_t n, std::int64_t c) {
    g_.taps.copy_plane(g_.in.plane(n, c), plane_.data());
    const float* w = g_.w.plane(c, 0);
    for (std::size_t t = 0; t < place_.size(); ++t) weight_[t] = w[place_[t]];
    const std::int64_t at = g_.out.plane(n, c) - g_.out.data + g_.taps.h.out_first * g_.out.W;
    const float init = g_.finish.bias ? g_.finish.bias[c] : 0.0f;
    if (g_.taps.w.out_step == 1 && g_.taps.w.count >= isa_table().gemm->lanes)
      whole_rows(at, init, g_.in.plane(n, c + 1));
    else
      one_stretch(at, init);
  }

 private:
  // Rows of at least one vector go straight to their place `at` of the output.
  void whole_rows(std::int64_t at, float init, const float* next) const {
    isa_table().depthwise->tap_rows({.plane = plane_.data(),
                                     .plane_row = g_.taps.row_stride(),
                                     .offset = offset_.data(),
                                     .weight = weight_.data(),
                                     .taps = static_cast<std::int64_t>(offset_.size()),
                                     .init = init,
                                     .to = g_.out.data + at,
                                     .plus = g_.finish.add ? g_.finish.add + at : nullptr,
                                     .row = g_.taps.h.out_step * g_.out.W,
                                     .rows = g_.taps.h.count,
                                     .cols = g_.taps.w.count,
                                     .low = g_.finish.low,
                                     .high = g_.finish.high,
                                     .next = next,
                                     .next_row = g_.in.H * g_.in.W / g_.taps.h.count});
  }

  // Short rows, and those that are scattered: one stretch of them at a time.
  void one_stretch(std::int64_t at, float init) const {
    const AxisTaps& h = g_.taps.h;
    for (std::int64_t row = 0; row < h.count; row += rows_) {
      const std::int64_t rows = std::min(rows_, h.count - row);
      isa_table().depthwise->tap_sum({.plane = plane_.data() + row * g_.taps.row_stride(),
                                      .offset = offset_.data(),
                                      .weight = weight_.data(),
                                      .taps = static_cast<std::int64_t>(offset_.size()),
                                      .init = init,
                                      .to = result_.data(),
                                      .n = (rows - 1) * g_.taps.row_stride() + g_.taps.w.count});
      write_rows(at + row * h.out_step * g_.out.W, rows);
    }
  }

  // Rows of result_ to place `at` of the output.
  void write_rows(std::int64_t at, std::int64_t rows) const {
    const AxisTaps &h = g_.taps.h, &w = g_.taps.w;
    if (w.out_step == 1)
      return isa_table().rows->finish_rows({.from = result_.data(),
                                            .from_row = g_.taps.row_stride(),
                                            .to = g_.out.data + at,
                                            .plus = g_.finish.add ? g_.finish.add + at : nullptr,
                                            .row = h.out_step * g_.out.W,
                                            .rows = rows,
                                            .cols = w.count,
                                            .accumulate = false,
                                            .low = g_.finish.low,
                                            .high = g_.finish.high});
    isa_table().rows->copy_rows({.from = result_.data(),
                                 .from_row = g_.taps.row_stride(),
                                 .from_step = 1,
                                 .to = g_.out.data + at + w.out_first,
                                 .to_row = h.out_step * g_.out.W,
                                 .to_step = w.out_step,
                                 .rows = rows,
                                 .cols = w.count});
  }

  const DepthwiseGather& g_;
  std::vector<std::int64_t> offset_, place_;
  std::vector<float> weight_;
  std::int64_t rows_;
  Scratch<float> plane_, result_;
};

// Three taps side by side, and at most one pixel of padding at both ends.
bool is_window(const AxisTaps& axis) {
  if (axis.taps.size() != 3 || axis.stride > 2 || axis.out_step != 1) return false;
  const std::int64_t first = axis.pixel_of(axis.taps[0]), middle = axis.pixel_of(axis.taps[1]);
  if (std::abs(first - middle) != 1 || axis.pixel_of(axis.taps[2]) != 2 * middle - first) return false;
  return axis.padding <= 1 && (axis.count - 1) * axis.stride + 2 - axis.padding <= axis.size;
}

bool are_windows(const Taps& taps) {
  return is_window(taps.h) && is_window(taps.w) && taps.h.stride == taps.w.stride;
}

// The windows of `count` planes of one image, from channel c on, which lie at `from`.
void multiply_windows(const DepthwiseGather& g, std::int64_t n, std::int64_t c, std::int64_t count,
                      const float* from, const float* zeros) {
  const std::int64_t at = g.out.plane(n, c) - g.out.data;
  isa_table().window->planes({.count = count,
                              .plane = from,
                              .H = g.in.H,
                              .W = g.in.W,
                              .stride = g.taps.w.stride,
                              .top = g.taps.h.padding,
                              .left = g.taps.w.padding,
                              .weight = g.w.plane(c, 0),
                              .turned = g.taps.w.pixel_of(g.taps.w.taps[0]) != 0,
                              .bias = g.finish.bias ? g.finish.bias + c : nullptr,
                              .to = g.out.data + at,
                              .plus = g.finish.add ? g.finish.add + at : nullptr,
                              .P = g.out.H,
                              .Q = g.out.W,
                              .low = g.finish.low,
                              .high = g.finish.high,
                              .zeros = zeros});
}

// The same where nothing behind the tensor's end is read: rows of less than the vectors that read them reach
// into what follows, so the last planes are computed from a copy with room behind it.
void multiply_inside(const DepthwiseGather& g, std::int64_t n, std::int64_t c, std::int64_t count) {
  const std::int64_t room = std::max(g.in.W, g.taps.w.stride * isa_table().gemm->lanes);
  const std::int64_t plane = g.in.H * g.in.W, reach = room - g.in.W;
  const std::int64_t behind = g.in.plane(g.in.N, 0) - g.in.plane(n, c + count);
  const std::int64_t copied = std::clamp<std::int64_t>(ceil_div(reach - behind, plane), 0, count);
  const std::int64_t direct = count - copied;
  const std::vector<float> zeros(static_cast<std::size_t>(room));
  multiply_windows(g, n, c, direct, g.in.plane(n, c), zeros.data());
  if (copied == 0) return;
  std::vector<float> last(static_cast<std::size_t>(copied * plane + reach));
  std::copy_n(g.in.plane(n, c + direct), copied * plane, last.begin());
  multiply_windows(g, n, c + direct, copied, last.data(), zeros.data());
}

void depthwise_gather(const DepthwiseGather& g) {
  parallel_for(g.in.N * g.in.C, planes_per_chunk(g.taps), [&](std::int64_t begin, std::int64_t end) {
    if (!are_windows(g.taps)) {
      PlaneSum sum(g);
      for (std::int64_t i = begin; i < end; ++i) sum.run(i / g.in.C, i % g.in.C);
      return;
    }
    for (std::int64_t i = begin; i < end;) {
      const std::int64_t c = i % g.in.C, count = std::min(end - i, g.in.C - c);
      multiply_inside(g, i / g.in.C, c, count);
      i += count;
    }
  });
}

void depthwise_weight(const Taps& taps, Nchw<const float> dy, Nchw<const float> x, Nchw<float> dw) {
  const std::vector<std::int64_t> offset = taps.offsets(), place = taps.kernel_index(dw.W);
  const std::int64_t stride = taps.row_stride(), n_grid = dy.H * stride;
  parallel_for(x.C, std::max<std::int64_t>(1, planes_per_chunk(taps) / std::max<std::int64_t>(1, x.N)),
               [&](std::int64_t begin, std::int64_t end) {
                 const Scratch<float> plane(taps.plane() + kSlack), grid(n_grid + kSlack);
                 std::fill_n(plane.data() + taps.plane(), kSlack, 0.0f);
                 std::fill_n(grid.data(), n_grid + kSlack, 0.0f);  // between the rows it stays 0
                 for (std::int64_t c = begin; c < end; ++c) {
                   std::vector<double> sum(offset.size(), 0.0);
                   for (std::int64_t n = 0; n < x.N; ++n) {
                     taps.copy_plane(x.plane(n, c), plane.data());
                     isa_table().rows->copy_rows({.from = dy.plane(n, c),
                                                  .from_row = dy.W,
                                                  .from_step = 1,
                                                  .to = grid.data(),
                                                  .to_row = stride,
                                                  .to_step = 1,
                                                  .rows = dy.H,
                                                  .cols = dy.W});
                     isa_table().depthwise->tap_dots({.plane = plane.data(),
                                                      .offset = offset.data(),
                                                      .taps = static_cast<std::int64_t>(offset.size()),
                                                      .dy = grid.data(),
                                                      .n = (dy.H - 1) * stride + dy.W,
                                                      .sum = sum.data()});
                   }
                   for (std::size_t t = 0; t < place.size(); ++t)
                     dw.plane(c, 0)[place[t]] = static_cast<float>(sum[t]);
                 }
               });
}

void forward(Nchw<const float> x, const Weights& weights, const ConvOptions& o, const Finish<float>& finish,
             Nchw<float> y) {
  const Nchw<const float> w = weights.w;
  depthwise_gather({forward_taps({x.H, x.W, w.H, w.W, y.H, y.W}, o), x, w, finish, y});
}

// A stride cuts dx into grids; one that no tap reaches is 0.
void backward_input(Nchw<const float> dy, const Weights& weights, const ConvOptions& o, Nchw<float> dx) {
  const Nchw<const float> w = weights.w;
  const std::vector<Taps> grids = backward_taps({dx.H, dx.W, w.H, w.W, dy.H, dy.W}, o);
  const auto reached = [](const Taps& taps) { return !taps.h.taps.empty() && !taps.w.taps.empty(); };
  if (!std::all_of(grids.begin(), grids.end(), reached))
    std::fill_n(dx.data, dx.N * dx.C * dx.H * dx.W, 0.0f);
  for (const Taps& taps : grids)
    if (reached(taps)) depthwise_gather({taps, dy, w, {}, dx});
}

void backward_weight(Nchw<const float> dy, Nchw<const float> x, const ConvOptions& o, Nchw<float> dw) {
  depthwise_weight(forward_taps({x.H, x.W, dw.H, dw.W, dy.H, dy.W}, o), dy, x, dw);
}

bool fits(const Layer& layer, Direction) {
  const std::int64_t groups = layer.options.groups;
  return groups > 1 && groups == layer.C && groups == layer.K;
}

// Two loads for each multiply-add, and copies of the planes.
double cost(const Layer& layer, Direction) { return 4 * layer.multiply_adds(); }

}  // namespace

namespace candidates {
extern const Kernel depthwise = {.name = "depthwise",
                                 .fits = fits,
                                 .cost = cost,
                                 .forward = forward,
                                 .backward_input = backward_input,
                                 .backward_weight = backward_weight};
}

}  // namespace clearcut::conv
