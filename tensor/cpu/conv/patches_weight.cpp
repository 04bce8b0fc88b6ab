// Weight gradient of a convolution as a matrix product, transposed: row (c, tap) and column k of
//
//   dw^T[(c, tap), k] = sum over pixels j of all images of x[c, j + tap] * dy[k, j].
//
// dy is turned into panels [j][k] once and shared. Each task owns some rows (c, tap); their pixels are copied
// side by side (stretches of whole vectors: cheap) and read as the left side of the register tile.
#include <algorithm>

#include "tensor/cpu/conv/patches.h"
#include "tensor/cpu/gemm.h"
#include "tensor/parallel.h"

namespace clearcut::conv {

namespace {

// Pixels per block: a panel of dy of 48 channels is then 48 KiB, and 8 rows of x are 8 KiB.
constexpr std::int64_t kMostPixels = 256;
constexpr std::int64_t kWantedTasks = 16;
constexpr std::int64_t kMostPanelsPerTask = 4;

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// Images that are worked on together, their pixels j cut into blocks.
struct Pixels {
  gemm::Grid grid;
  std::int64_t blocks, per_block;
  explicit Pixels(const gemm::Grid& g)
      : grid(g), blocks(ceil_div(g.count(), kMostPixels)), per_block(ceil_div(g.count(), blocks)) {}
  std::int64_t begin(std::int64_t block) const { return std::min(grid.count(), block * per_block); }
  std::int64_t length(std::int64_t block) const { return begin(block + 1) - begin(block); }
};

class WeightGradient {
 public:
  WeightGradient(const Taps& taps, std::int64_t channels, std::int64_t K)
      : kernels_(*isa_table().gemm),
        taps_(taps),
        channels_(channels),
        K_(K),
        widths_(K, kernels_.lanes, kernels_.max_vectors),
        K_padded_(widths_.vectors * kernels_.lanes),
        rows_(channels * static_cast<std::int64_t>(taps.offsets().size())),
        sums_(rows_ * K_padded_) {
    for (std::int64_t c = 0; c < channels; ++c)
      for (const std::int64_t tap : taps.offsets()) offsets_.push_back(c * taps.plane() + tap);
  }

  void add(const float* dy, std::int64_t dy_image_stride, const TapSource& x, std::int64_t images) {
    const Pixels pixels({images, taps_.h.count, taps_.w.count});
    const Scratch<float> panels(pixels.grid.count() * K_padded_);
    pack_dy(dy, dy_image_stride, pixels, panels.data());
    const std::int64_t row_panels = ceil_div(rows_, kernels_.max_rows);
    const std::int64_t per_task = std::clamp<std::int64_t>(row_panels / kWantedTasks, 1, kMostPanelsPerTask);
    parallel_for(row_panels, per_task, [&](std::int64_t begin, std::int64_t end) {
      add_rows(begin * kernels_.max_rows, std::min(rows_, end * kernels_.max_rows), x, pixels, panels.data());
    });
    first_ = false;
  }

  /// dw [K, rows]
  void write(float* dw) const {
    kernels_.transpose_panel(
        {.from = sums_.data(), .from_row = K_padded_, .rows = rows_, .cols = K_, .to = dw, .width = rows_});
  }

 private:
  // Block b of pixels, panel p of channels: [j][width], behind the panels before it.
  float* panel_of(float* panels, const Pixels& pixels, std::int64_t b, std::int64_t p) const {
    return panels + pixels.begin(b) * K_padded_ + pixels.length(b) * widths_.first_column(p);
  }

  void pack_dy(const float* dy, std::int64_t image_stride, const Pixels& pixels, float* panels) const {
    const std::int64_t plane = taps_.h.count * taps_.w.count;
    const gemm::Grid whole_maps{pixels.grid.images, 1, plane};
    parallel_for(pixels.blocks, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t b = begin; b < end; ++b)
        for (std::int64_t p = 0; p < widths_.panels; ++p) {
          const std::int64_t k0 = widths_.first_column(p), width = widths_.first_column(p + 1) - k0;
          float* to = panel_of(panels, pixels, b, p);
          if (k0 + width > K_) std::fill_n(to, pixels.length(b) * width, 0.0f);
          gemm::for_each_run(
              whole_maps, pixels.begin(b), pixels.begin(b + 1),
              [&](std::int64_t at, std::int64_t image, std::int64_t, std::int64_t j, std::int64_t length) {
                kernels_.transpose_panel({.from = dy + image * image_stride + k0 * plane + j,
                                          .from_row = plane,
                                          .rows = std::min(width, K_ - k0),
                                          .cols = length,
                                          .to = to + at * width,
                                          .width = width});
              });
        }
    });
  }

  void add_rows(std::int64_t row0, std::int64_t row1, const TapSource& x, const Pixels& pixels,
                float* panels) {
    const std::int64_t width = pixels.per_block;
    const Scratch<float> left((row1 - row0) * width + gemm::kSlack);
    std::vector<isa::ColumnRun> runs;
    for (std::int64_t b = 0; b < pixels.blocks; ++b) {
      runs.clear();
      gemm::for_each_run(
          pixels.grid, pixels.begin(b), pixels.begin(b + 1),
          [&](std::int64_t at, std::int64_t image, std::int64_t row, std::int64_t col, std::int64_t length) {
            runs.push_back(
                {left.data() + at, width, image * x.image_stride() + row * taps_.row_stride() + col, length});
          });
      kernels_.copy_panels({.source = x.data(),
                            .source_end = x.end(),
                            .row_offset = offsets_.data() + row0,
                            .k = row1 - row0,
                            .runs = runs.data(),
                            .run_count = static_cast<std::int64_t>(runs.size())});
      for (std::int64_t p = 0; p < widths_.panels; ++p)
        for (std::int64_t row = row0; row < row1; row += kernels_.max_rows)
          kernels_.tile({.rows = std::min(kernels_.max_rows, row1 - row),
                         .vectors = (widths_.first_column(p + 1) - widths_.first_column(p)) / kernels_.lanes,
                         .k = pixels.length(b),
                         .a = left.data() + (row - row0) * width,
                         .a_row = width,
                         .a_k = 1,
                         .b = panel_of(panels, pixels, b, p),
                         .b_k = widths_.first_column(p + 1) - widths_.first_column(p),
                         .c = sums_.data() + row * K_padded_ + widths_.first_column(p),
                         .c_row = K_padded_,
                         .init = nullptr,
                         .add = !first_ || b > 0});
    }
  }

  const isa::GemmKernels& kernels_;
  const Taps& taps_;
  std::int64_t channels_, K_;
  gemm::PanelWidths widths_;
  std::int64_t K_padded_, rows_;
  Scratch<float> sums_;  // dw^T [rows, K_padded]
  std::vector<std::int64_t> offsets_;
  bool first_ = true;
};

}  // namespace

void weight_gradient(const Taps& taps, Nchw<const float> dy, Nchw<const float> x, Group group,
                     Nchw<float> dw) {
  const std::int64_t K = dy.C / group.groups, plane = x.H * x.W;
  if (x.N == 0) {
    std::fill_n(dw.plane(group.index * K, 0), K * dw.C * dw.H * dw.W, 0.0f);
    return;
  }
  WeightGradient sum(taps, dw.C, K);
  const std::int64_t step = TapSource::images_at_a_time(taps, x.N, std::max(dw.C, K));
  for (std::int64_t n = 0; n < x.N; n += step) {
    const std::int64_t images = std::min(step, x.N - n);
    const TapSource source(taps, {x.plane(n, group.index * dw.C), images, dw.C, x.C * plane, plane});
    sum.add(dy.plane(n, group.index * K), dy.C * dy.H * dy.W, source, images);
  }
  sum.write(dw.plane(group.index * K, 0));
}

}  // namespace clearcut::conv
