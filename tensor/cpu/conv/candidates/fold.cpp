// Input gradient of a convolution with more than one tap, as the forward pass turned around: the product
//
//   g[(c, tap), pixel] = sum over k of w[k, (c, tap)] * dy[k, pixel]
//
// is made for a few rows of dy at a time, and each of its rows is added to the plane of channel c where its
// tap read. Few input channels (3 of a picture) still fill the register tile, dy is packed once for all taps
// and a stride needs no product of its own; the additions cost 1 in K multiply-adds.
//
// A task owns whole planes of dx. The sum of one pixel runs over blocks of rows of dy that depend on the
// width of dy alone, inside a block over the taps.
#include <algorithm>

#include "tensor/cpu/conv/kernel.h"
#include "tensor/cpu/conv/patches.h"
#include "tensor/cpu/gemm.h"
#include "tensor/parallel.h"

namespace clearcut::conv {

namespace {

constexpr std::int64_t kMostPixels = 240;  // of a block: its panels of 256 channels fill 240 KiB
constexpr std::int64_t kRows = 24;         // rows of g at a time: 23 KiB; whole tiles of 8, 6 or 4 rows
constexpr std::int64_t kWantedTasks = 16;

class InputGradient {
 public:
  InputGradient(const Taps& taps, Nchw<const float> dy, Nchw<const float> w, Group group, Nchw<float> dx)
      : taps_(taps),
        tap_(taps.offsets()),
        taps_per_channel_(static_cast<std::int64_t>(tap_.size())),
        dy_(dy),
        dx_(dx),
        first_k_(dy.C / group.groups * group.index),
        first_c_(w.C * group.index),
        channels_(w.C),
        K_(dy.C / group.groups),
        left_({.data = w.plane(first_k_, 0),
               .M = channels_ * taps_per_channel_,
               .K = K_,
               .m_stride = 1,
               .k_stride = channels_ * taps_per_channel_},
              dy.N * dy.H * dy.W) {
    for (std::int64_t k = 0; k < K_; ++k) offsets_.push_back(k * dy.H * dy.W);
  }

  void run() const {
    const std::int64_t units = ceil_div(channels_, kRows);
    const std::int64_t parts = std::min(units, ceil_div(kWantedTasks, std::max<std::int64_t>(1, dy_.N)));
    const std::int64_t per_task = ceil_div(units, parts) * kRows, tasks = ceil_div(channels_, per_task);
    parallel_for(dy_.N * tasks, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t c = i % tasks * per_task;
        planes(i / tasks, c, std::min(channels_, c + per_task));
      }
    });
  }

 private:
  // Channels [c0, c1) of image n; c0 is a multiple of kRows.
  void planes(std::int64_t n, std::int64_t c0, std::int64_t c1) const {
    const std::int64_t plane = taps_.plane(), all = (c1 - c0) * plane + gemm::kSlack;
    const Scratch<float> sums(all);
    std::fill_n(sums.data(), all, 0.0f);
    gemm::PatchColumns pixels;
    pixels.source = dy_.plane(n, first_k_);
    pixels.source_end = pixels.source + K_ * dy_.H * dy_.W;
    pixels.offset = offsets_.data();
    pixels.grid = {1, 1, dy_.H * dy_.W};
    const std::int64_t rows = std::max<std::int64_t>(1, kMostPixels / dy_.W);
    for (std::int64_t p = 0; p < dy_.H; p += rows) {
      const std::int64_t end = std::min(dy_.H, p + rows);
      add_block({pixels, K_, p * dy_.W, end * dy_.W}, {p, end}, {c0, c1}, sums.data());
    }
    for (std::int64_t c = c0; c < c1; ++c)
      taps_.fold_plane(sums.data() + (c - c0) * plane, dx_.plane(n, first_c_ + c));
  }

  struct Range {
    std::int64_t begin, end;
  };
  // Rows `p` of dy to the planes of channels `c`.
  void add_block(const gemm::ColumnPanels& pixels, Range p, Range c, float* sums) const {
    const Scratch<float> g(kRows * pixels.width() + gemm::kSlack);
    const std::int64_t m0 = c.begin * taps_per_channel_, m1 = c.end * taps_per_channel_;
    for (std::int64_t m = m0; m < m1; m += kRows) {
      const std::int64_t rows = std::min(kRows, m1 - m);
      pixels.multiply(left_, m, m + rows, g.data());
      for (std::int64_t r = 0; r < rows; ++r) {
        const std::int64_t channel = (m + r) / taps_per_channel_, tap = (m + r) % taps_per_channel_;
        isa_table().rows->add_rows({.from = g.data() + r * pixels.width(),
                                    .from_row = dy_.W,
                                    .from_step = 1,
                                    .to = sums + (channel - c.begin) * taps_.plane() +
                                          tap_[static_cast<std::size_t>(tap)] + p.begin * taps_.row_stride(),
                                    .to_row = taps_.row_stride(),
                                    .to_step = 1,
                                    .rows = p.end - p.begin,
                                    .cols = dy_.W});
      }
    }
  }

  const Taps& taps_;
  std::vector<std::int64_t> tap_;  // its offset in a plane
  std::int64_t taps_per_channel_;
  Nchw<const float> dy_;
  Nchw<float> dx_;
  std::int64_t first_k_, first_c_, channels_, K_;
  gemm::PackedLeft left_;  // row (c, tap), column k
  std::vector<std::int64_t> offsets_;
};

void backward_input(Nchw<const float> dy, const Weights& weights, const ConvOptions& o, Nchw<float> dx) {
  const Nchw<const float> w = weights.w;
  const Taps taps = forward_taps({dx.H, dx.W, w.H, w.W, dy.H, dy.W}, o);
  for (std::int64_t g = 0; g < o.groups; ++g) InputGradient(taps, dy, w, {g, o.groups}, dx).run();
}

bool fits(const Layer& layer, Direction) { return layer.R * layer.S > 1; }

// Beside the product, each of its values is added to its place: about 25 multiply-adds' work.
double cost(const Layer& layer, Direction) {
  const auto k = static_cast<double>(layer.K / layer.options.groups);
  return layer.multiply_adds() / k * (k + 25);
}

}  // namespace

namespace candidates {
extern const Kernel fold = {.name = "fold", .fits = fits, .cost = cost, .backward_input = backward_input};
}

}  // namespace clearcut::conv
