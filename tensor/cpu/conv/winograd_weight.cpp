// The weight gradient:
//
//   dw = G^T [ sum over tiles of (B^T d B) * (A dy A^T) ] G
//
// for each pair of channels: 36 matrix products again, whose sums run over the tiles. dy is transformed with
// output channels as lanes, x with tiles as lanes.
//
// Where the transformed dy of some output channels fits the last cache, it is made once; each task then owns
// some input channels and all that belongs to them: their x, panel of tiles by panel, their sums and their
// weights. Else (many tiles, few channels) both sides are transformed for a group of panels, and each task
// adds the products of one point and some input channels to sums that all share.
#include <algorithm>

#include "tensor/cpu/conv/winograd.h"
#include "tensor/cpu/conv/winograd_tiles.h"
#include "tensor/parallel.h"

namespace clearcut::conv {

namespace {

using isa::kWinogradPoints;

constexpr std::int64_t kMostKept = 10 << 20;  // bytes of transformed dy that are kept
constexpr std::int64_t kKeptK = 256;          // output channels of it
constexpr std::int64_t kMostOwn = 900 << 10;  // bytes of the sums and the x of a task
constexpr std::int64_t kMostSums = 10 << 20;  // bytes of shared sums
constexpr std::int64_t kMostK = 512;          // output channels of shared sums
constexpr std::int64_t kMostGroup = 3 << 20;  // bytes of a group of panels, both sides
constexpr std::int64_t kRows = 64;            // input channels that a task multiplies
constexpr std::int64_t kGrain = 16;           // input channels that a task transforms
constexpr std::int64_t kWantedTasks = 8;
constexpr std::int64_t kPad = 16;  // floats between points: no multiple of 4 KiB

class WeightSum {
 public:
  explicit WeightSum(const WinogradWeightSum& s)
      : s_(s),
        gemm_(*isa_table().gemm),
        tiles_({.images = s.dy.N,
                .H = s.dy.H,
                .W = s.dy.W,
                .image_stride = s.dy.C * s.dy.H * s.dy.W,
                .source_image_stride = s.x.C * s.x.H * s.x.W,
                .top = s.top,
                .left = s.left,
                .dilation = s.dilation},
               isa::kWinogradMaxWidth, 0) {}

  void run() const {
    const std::int64_t kept = ceil_div(s_.K, ceil_div(s_.K, kKeptK));
    if (4 * kWinogradPoints * panel_count() * dy_stride({0, kept}) <= kMostKept) {
      for (std::int64_t k = 0; k < s_.K; k += kept) run_kept({k, std::min(s_.K, k + kept)});
      return;
    }
    const std::int64_t most_k = ceil_div(s_.K, ceil_div(s_.K, kMostK));
    const std::int64_t fit = kMostSums / (4 * kWinogradPoints * most_k) / kRows * kRows;
    const std::int64_t most_c = std::min(s_.dw.C, std::max(kRows, fit));
    for (std::int64_t k = 0; k < s_.K; k += most_k)
      for (std::int64_t c = 0; c < s_.dw.C; c += most_c)
        run_shared({k, std::min(s_.K, k + most_k)}, {c, std::min(s_.dw.C, c + most_c)});
  }

 private:
  using Panel = WinogradTiles::Panel;

  // The output channels of a block in panels of vectors: [panel][tile][width].
  gemm::PanelWidths columns(Range k) const { return {k.size(), gemm_.lanes, gemm_.max_vectors}; }
  std::int64_t padded(Range k) const { return ceil_div(k.size(), gemm_.lanes) * gemm_.lanes; }

  std::int64_t panel_count() const { return static_cast<std::int64_t>(tiles_.panels().size()); }
  const Panel& panel_at(std::int64_t i) const { return tiles_.panels()[static_cast<std::size_t>(i)]; }
  std::int64_t dy_stride(Range k) const { return padded(k) * tiles_.width() + kPad; }

  void run_kept(Range k) const {
    const std::int64_t stride = dy_stride(k), panel = kWinogradPoints * stride, row = padded(k);
    const Scratch<float> dy(panel_count() * panel);
    transform_gradients({0, panel_count()}, k, {dy.data(), stride}, panel);
    const std::int64_t fit = kMostOwn / (4 * kWinogradPoints * (row + tiles_.width()));
    const std::int64_t wanted = std::max(gemm_.max_rows, ceil_div(s_.dw.C, kWantedTasks));
    const std::int64_t most =
        std::max(gemm_.max_rows, std::min(fit, wanted) / gemm_.max_rows * gemm_.max_rows);
    const std::int64_t rows = ceil_div(s_.dw.C, ceil_div(s_.dw.C, most));
    parallel_for(s_.dw.C, rows, [&](std::int64_t begin, std::int64_t end) {
      const std::int64_t x_stride = rows * tiles_.width() + kPad, sum_stride = rows * row + kPad;
      const Scratch<float> own(kWinogradPoints * (x_stride + sum_stride));
      const Points x{own.data(), x_stride}, sums{own.data() + kWinogradPoints * x_stride, sum_stride};
      for (std::int64_t p = 0; p < panel_count(); ++p) {
        transform_input(panel_at(p), {begin, end}, x);
        for (std::int64_t point = 0; point < kWinogradPoints; ++point)
          add_panel(panel_at(p), columns(k), {0, end - begin}, x.data + point * x_stride,
                    dy.data() + p * panel + point * stride, sums.data + point * sum_stride, p > 0);
      }
      write(k, {begin, end}, sums);
    });
  }

  void run_shared(Range k, Range c) const {
    const std::int64_t count = panel_count(), x_stride = c.size() * tiles_.width() + kPad;
    const std::int64_t panel = kWinogradPoints * (x_stride + dy_stride(k));
    const std::int64_t group = std::clamp<std::int64_t>(kMostGroup / (4 * panel), 1, count);
    const std::int64_t sum_stride = c.size() * padded(k) + kPad;
    const Scratch<float> both(group * panel), sums(kWinogradPoints * sum_stride);
    for (std::int64_t first = 0; first < count; first += group) {
      const Range panels{first, std::min(count, first + group)};
      const Points x{both.data(), x_stride};
      const Points dy{both.data() + kWinogradPoints * x_stride, dy_stride(k)};
      transform_inputs(panels, c, x, panel);
      transform_gradients(panels, k, dy, panel);
      add_products(panels, k, c, {x, dy, panel}, {sums.data(), sum_stride});
    }
    parallel_for(c.size(), kGrain, [&](std::int64_t begin, std::int64_t end) {
      write(k, {c.begin + begin, c.begin + end}, {sums.data() + begin * padded(k), sum_stride});
    });
  }

  // Input channels c of some panels, `panel` floats apart.
  void transform_inputs(Range panels, Range c, const Points& to, std::int64_t panel) const {
    const std::int64_t parts = ceil_div(c.size(), kGrain);
    parallel_for(panels.size() * parts, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const Panel& tiles = panel_at(panels.begin + i / parts);
        const std::int64_t from = i % parts * kGrain;
        transform_input(tiles, {c.begin + from, std::min(c.end, c.begin + from + kGrain)},
                        {to.data + i / parts * panel + from * tiles.width, to.stride});
      }
    });
  }

  // Output channels k of some panels, `panel` floats apart.
  void transform_gradients(Range panels, Range k, const Points& to, std::int64_t panel) const {
    const gemm::PanelWidths widths = columns(k);
    parallel_for(panels.size() * widths.panels, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const Panel& tiles = panel_at(panels.begin + i / widths.panels);
        const std::int64_t from = widths.first_column(i % widths.panels);
        const std::int64_t width = widths.first_column(i % widths.panels + 1) - from;
        transform_gradient(tiles, {k.begin + from, std::min(k.end, k.begin + from + width)}, width,
                           {to.data + i / widths.panels * panel + from * tiles.width, to.stride});
      }
    });
  }

  void transform_input(const Panel& tiles, Range c, const Points& to) const {
    transform_tiles(s_.x, {s_.first_c + c.begin, s_.first_c + c.end}, s_.dilation, tiles, to);
  }

  void transform_gradient(const Panel& tiles, Range k, std::int64_t width, const Points& to) const {
    const std::int64_t plane = s_.dy.H * s_.dy.W;
    isa_table().winograd_gradient->gradient({.dy = s_.dy.plane(0, s_.first_k + k.begin),
                                             .begin = s_.dy.data,
                                             .end = s_.dy.plane(s_.dy.N, 0),
                                             .channels = k.size(),
                                             .channel_stride = plane,
                                             .H = s_.dy.H,
                                             .W = s_.dy.W,
                                             .dilation_h = s_.dilation.h,
                                             .dilation_w = s_.dilation.w,
                                             .runs = tiles.tiled.data(),
                                             .run_count = static_cast<std::int64_t>(tiles.tiled.size()),
                                             .d = to.data,
                                             .point_stride = to.stride,
                                             .width = width});
  }

  struct Sides {
    Points x, dy;
    std::int64_t panel;
  };
  // sums[c][k] (+)= sum over the tiles of the panels of x[c][tile] dy[tile][k]; each task owns one point and
  // some rows of c.
  void add_products(Range panels, Range k, Range c, const Sides& sides, const Points& sums) const {
    const std::int64_t tasks = ceil_div(c.size(), kRows);
    parallel_for(kWinogradPoints * tasks, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t point = i / tasks, row = i % tasks * kRows;
        for (std::int64_t p = panels.begin; p < panels.end; ++p) {
          const std::int64_t at = (p - panels.begin) * sides.panel;
          add_panel(panel_at(p), columns(k), {row, std::min(c.size(), row + kRows)},
                    sides.x.data + at + point * sides.x.stride, sides.dy.data + at + point * sides.dy.stride,
                    sums.data + point * sums.stride, p > 0);
        }
      }
    });
  }

  void add_panel(const Panel& tiles, const gemm::PanelWidths& widths, Range rows, const float* x,
                 const float* dy, float* sums, bool add) const {
    const std::int64_t row = widths.vectors * widths.lanes;
    const std::int64_t height = ceil_div(rows.size(), ceil_div(rows.size(), gemm_.max_rows));
    for (std::int64_t j = 0; j < widths.panels; ++j) {
      const std::int64_t column = widths.first_column(j), width = widths.first_column(j + 1) - column;
      for (std::int64_t i = rows.begin; i < rows.end; i += height)
        gemm_.tile({.rows = std::min(height, rows.end - i),
                    .vectors = width / gemm_.lanes,
                    .k = tiles.tiles,
                    .a = x + i * tiles.width,
                    .a_row = tiles.width,
                    .a_k = 1,
                    .b = dy + column * tiles.width,
                    .b_k = width,
                    .c = sums + i * row + column,
                    .c_row = row,
                    .init = nullptr,
                    .add = add});
    }
  }

  void write(Range k, Range c, const Points& sums) const {
    isa_table().winograd_gradient->weights({.sums = sums.data,
                                            .point_stride = sums.stride,
                                            .width = padded(k),
                                            .channels = c.size(),
                                            .K = k.size(),
                                            .dw = s_.dw.plane(s_.first_k + k.begin, c.begin),
                                            .k_stride = s_.dw.C * 9});
  }

  const WinogradWeightSum& s_;
  const isa::GemmKernels& gemm_;
  WinogradTiles tiles_;
};

}  // namespace

void winograd_weight_gradient(const WinogradWeightSum& sum) {
  if (sum.dy.N == 0) {
    std::fill_n(sum.dw.plane(sum.first_k, 0), sum.K * sum.dw.C * 9, 0.0f);
    return;
  }
  WeightSum(sum).run();
}

}  // namespace clearcut::conv
