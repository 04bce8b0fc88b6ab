// Convolution as a sum over taps: each tap is a 1x1 convolution between two rectangles, the outputs that read
// a pixel of the map through it and the pixels that they read.
//
//   forward          y[k, rect]           += sum over c of w[k, c, tap] * x[c, rect + tap]
//   input gradient   dx[c, rect + tap]    += sum over k of w[k, c, tap] * dy[k, rect]
//   weight gradient  dw[k, c, tap]         = sum over rect of dy[k, rect] * x[c, rect + tap]
//
// Taps on padding cost nothing. That is worth the sums' trips through the caches where a dilation is a good
// part of the map: the branches of ASPP at 28 x 28 pixels do 51 % of the plain sum's work at dilation 12, 11
// % at 36.
#include <algorithm>

#include "tensor/cpu/conv/kernel.h"
#include "tensor/cpu/conv/patches.h"
#include "tensor/cpu/gemm.h"
#include "tensor/parallel.h"

namespace clearcut::conv {

namespace {

// Outputs [begin, begin + count) of one axis read input pixels from begin + shift on through a tap.
struct Stretch {
  std::int64_t begin, count, shift;
};
Stretch stretch_of(std::int64_t size, std::int64_t out, std::int64_t shift) {
  const std::int64_t begin = std::clamp<std::int64_t>(-shift, 0, out);
  return {begin, std::max<std::int64_t>(0, std::min(out, size - shift) - begin), shift};
}

struct TapRectangle {
  std::int64_t tap;  // its place in a kernel
  Stretch h, w;
  std::int64_t pixels() const { return h.count * w.count; }
};

// Those that reach a pixel, the one with most pixels first.
std::vector<TapRectangle> rectangles(const MapSizes& s, const ConvOptions& o) {
  std::vector<TapRectangle> all;
  for (std::int64_t r = 0; r < s.R; ++r)
    for (std::int64_t q = 0; q < s.S; ++q) {
      const TapRectangle t{r * s.S + q, stretch_of(s.H, s.P, r * o.dilation.h - o.padding.top),
                           stretch_of(s.W, s.Q, q * o.dilation.w - o.padding.left)};
      if (t.pixels() > 0) all.push_back(t);
    }
  std::stable_sort(all.begin(), all.end(), [](auto& a, auto& b) { return a.pixels() > b.pixels(); });
  return all;
}

// A rectangle of maps, from (row, col) on.
struct Corner {
  std::int64_t row, col;
};

// out[m, rectangle] (+)= sum over k of left[m, k] * in[k, rectangle], for all images.
struct RectangleProduct {
  const gemm::Left& left;
  Nchw<const float> in;
  Corner from;
  Nchw<float> out;
  Corner to;
  std::int64_t rows, cols;
  const float* init;
  bool accumulate;
};
void multiply(const RectangleProduct& p) {
  const std::int64_t plane = p.in.H * p.in.W;
  std::vector<std::int64_t> offset;
  for (std::int64_t k = 0; k < p.in.C; ++k) offset.push_back(k * plane);
  const bool whole = p.cols == p.in.W && p.cols == p.out.W;
  gemm::PatchColumns columns;
  columns.source = p.in.data + p.from.row * p.in.W + p.from.col;
  columns.source_end = p.in.plane(p.in.N, 0);
  columns.offset = offset.data();
  columns.grid = whole ? gemm::Grid{p.in.N, 1, p.rows * p.cols} : gemm::Grid{p.in.N, p.rows, p.cols};
  columns.image_stride = p.in.C * plane;
  columns.row_stride = p.in.W;
  const gemm::Output out{.data = p.out.data + p.to.row * p.out.W + p.to.col,
                         .grid = {p.in.N, p.rows, p.cols},
                         .image_stride = p.out.C * p.out.H * p.out.W,
                         .m_stride = p.out.H * p.out.W,
                         .row_stride = p.out.W};
  gemm::multiply(gemm::PackedLeft(p.left, p.in.N * p.rows * p.cols), columns,
                 {.init = p.init, .accumulate = p.accumulate}, out);
}

// Floats from the K * C weights of one tap to the next's. Often a power of two without the line more, and
// nine streams would meet in the same places of the caches.
std::int64_t tap_stride(std::int64_t pairs) { return pairs + 16; }

// The listed taps of w [K, C, taps] as [taps, K, C]: a tap's weights side by side.
void by_taps(Nchw<const float> w, const std::vector<TapRectangle>& listed, float* to) {
  const std::int64_t taps = w.H * w.W, pairs = w.N * w.C, stride = tap_stride(pairs);
  parallel_for(pairs, 1 << 13, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      for (const TapRectangle& t : listed) to[t.tap * stride + i] = w.data[i * taps + t.tap];
  });
}

void fill(Nchw<float> y, const float* bias) {
  const std::int64_t plane = y.H * y.W;
  parallel_for(y.N * y.C, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      std::fill_n(y.data + i * plane, plane, bias ? bias[i % y.C] : 0.0f);
  });
}

void finish_all(Nchw<float> y, const Finish<float>& finish) {
  const std::int64_t plane = y.H * y.W;
  parallel_for(y.N * y.C, 16, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t at = begin * plane;
    isa_table().rows->finish_rows({.from = y.data + at,
                                   .from_row = plane,
                                   .to = y.data + at,
                                   .plus = finish.add ? finish.add + at : nullptr,
                                   .row = plane,
                                   .rows = end - begin,
                                   .cols = plane,
                                   .accumulate = false,
                                   .low = finish.low,
                                   .high = finish.high});
  });
}

void forward(Nchw<const float> x, const Weights& weights, const ConvOptions& o, const Finish<float>& finish,
             Nchw<float> y) {
  const Nchw<const float> w = weights.w;
  const auto taps = rectangles({x.H, x.W, w.H, w.W, y.H, y.W}, o);
  const std::int64_t stride = tap_stride(w.N * w.C);
  const Scratch<float> left(w.H * w.W * stride);
  by_taps(w, taps, left.data());
  bool first = !taps.empty() && taps.front().pixels() == y.H * y.W;  // one tap reaches all pixels
  if (!first) fill(y, finish.bias);
  for (const TapRectangle& t : taps) {
    const gemm::Left matrix{.data = left.data() + t.tap * stride, .M = w.N, .K = w.C, .m_stride = w.C};
    multiply({.left = matrix,
              .in = x,
              .from = {t.h.begin + t.h.shift, t.w.begin + t.w.shift},
              .out = y,
              .to = {t.h.begin, t.w.begin},
              .rows = t.h.count,
              .cols = t.w.count,
              .init = first ? finish.bias : nullptr,
              .accumulate = !first});
    first = false;
  }
  if (finish.add || std::isfinite(finish.low) || std::isfinite(finish.high)) finish_all(y, finish);
}

void backward_input(Nchw<const float> dy, const Weights& weights, const ConvOptions& o, Nchw<float> dx) {
  const Nchw<const float> w = weights.w;
  const auto taps = rectangles({dx.H, dx.W, w.H, w.W, dy.H, dy.W}, o);
  const std::int64_t stride = tap_stride(w.N * w.C);
  const Scratch<float> left(w.H * w.W * stride);
  by_taps(w, taps, left.data());
  bool first = !taps.empty() && taps.front().pixels() == dx.H * dx.W;
  if (!first) fill(dx, nullptr);
  for (const TapRectangle& t : taps) {
    const gemm::Left matrix{
        .data = left.data() + t.tap * stride, .M = w.C, .K = w.N, .m_stride = 1, .k_stride = w.C};
    multiply({.left = matrix,
              .in = dy,
              .from = {t.h.begin, t.w.begin},
              .out = dx,
              .to = {t.h.begin + t.h.shift, t.w.begin + t.w.shift},
              .rows = t.h.count,
              .cols = t.w.count,
              .init = nullptr,
              .accumulate = !first});
    first = false;
  }
}

// The rectangle of all maps, side by side.
void cut_out(Nchw<const float> x, Corner from, std::int64_t rows, std::int64_t cols, float* to) {
  parallel_for(x.N * x.C, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      isa_table().rows->copy_rows({.from = x.data + (i * x.H + from.row) * x.W + from.col,
                                   .from_row = x.W,
                                   .from_step = 1,
                                   .to = to + i * rows * cols,
                                   .to_row = cols,
                                   .to_step = 1,
                                   .rows = rows,
                                   .cols = cols});
  });
}

// The way back from by_taps(), `from` having only the taps that are listed; the others' weights become 0.
void from_taps(const float* from, const std::vector<TapRectangle>& listed, Nchw<float> dw) {
  const std::int64_t taps = dw.H * dw.W, pairs = dw.N * dw.C, stride = tap_stride(pairs);
  parallel_for(pairs, 1 << 13, [&](std::int64_t begin, std::int64_t end) {
    std::fill_n(dw.data + begin * taps, (end - begin) * taps, 0.0f);
    for (std::int64_t i = begin; i < end; ++i)
      for (const TapRectangle& t : listed) dw.data[i * taps + t.tap] = from[t.tap * stride + i];
  });
}

void backward_weight(Nchw<const float> dy, Nchw<const float> x, const ConvOptions& o, Nchw<float> dw) {
  const std::int64_t stride = tap_stride(dw.N * dw.C);
  const auto taps = rectangles({x.H, x.W, dw.H, dw.W, dy.H, dy.W}, o);
  const Scratch<float> of_taps(dw.H * dw.W * stride);
  for (const TapRectangle& t : taps) {
    const std::int64_t rows = t.h.count, cols = t.w.count;
    const Scratch<float> from(x.N * x.C * t.pixels()), to(dy.N * dy.C * t.pixels());
    cut_out(x, {t.h.begin + t.h.shift, t.w.begin + t.w.shift}, rows, cols, from.data());
    cut_out(dy, {t.h.begin, t.w.begin}, rows, cols, to.data());
    weight_gradient(forward_taps({rows, cols, 1, 1, rows, cols}, {}), {to.data(), dy.N, dy.C, rows, cols},
                    {from.data(), x.N, x.C, rows, cols}, {0, 1},
                    {of_taps.data() + t.tap * stride, dw.N, dw.C, 1, 1});
  }
  from_taps(of_taps.data(), taps, dw);
}

// Multiply-adds that remain, as a part of the plain sum's.
double share(const Layer& layer) {
  double pixels = 0;
  for (const TapRectangle& t :
       rectangles({layer.H, layer.W, layer.R, layer.S, layer.P, layer.Q}, layer.options))
    pixels += static_cast<double>(t.pixels());
  return pixels / static_cast<double>(layer.P * layer.Q * layer.R * layer.S);
}

bool fits(const Layer& layer, Direction) {
  return layer.R * layer.S > 1 && layer.options.stride == Size2(1) && layer.options.groups == 1;
}

// The product of 1x1 layers for the taps' rectangles, each with its own trip of the sums, and the copies of
// the weights, for batches of four.
double cost(const Layer& layer, Direction direction) {
  const bool input = direction == Direction::kBackwardInput;
  const auto rows = static_cast<double>(input ? layer.C : layer.K);
  const auto terms = static_cast<double>(input ? layer.K : layer.C);
  const double products = layer.multiply_adds() * share(layer);
  return products * (1 + 12 / rows + 12 / terms) +
         8 * layer.multiply_adds() / static_cast<double>(layer.P * layer.Q);
}

}  // namespace

namespace candidates {
extern const Kernel shifted = {.name = "shifted",
                               .fits = fits,
                               .cost = cost,
                               .forward = forward,
                               .backward_input = backward_input,
                               .backward_weight = backward_weight};
}

}  // namespace clearcut::conv
