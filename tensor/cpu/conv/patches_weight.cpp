// Weight gradient of a convolution as a matrix product with a long inner dimension, the pixels j of all
// images:
//
//   dw[k, (c, tap)] = sum over j of dy[k, j] * x[c, j + tap].
//
// One side is turned into panels [j][column], the other is read as the left side of the register tile, where
// pixels stand side by side already. The sides change places for one tap and fewer input than output
// channels: turning costs more than copying, so the smaller side is turned.
//
// A task owns some rows, some columns and a slab of pixels. It walks over steps of some hundred pixels: its
// columns are turned, its rows copied tile by tile, and the sums stay in the second cache until they are
// written in the order of dw. Slabs, if there are several, are added in their order at the end; cuts depend
// on the sizes only.
#include <algorithm>
#include <array>

#include "tensor/cpu/conv/patches.h"
#include "tensor/cpu/gemm.h"
#include "tensor/parallel.h"

namespace clearcut::conv {

namespace {

constexpr std::int64_t kMostPixels = 256;   // of a step: a panel of 48 columns takes 48 KiB
constexpr std::int64_t kMostColumns = 192;  // of a task: 192 KiB of panels
constexpr std::int64_t kMostRows = 288;     // of a task: 216 KiB of sums
constexpr std::int64_t kWantedTasks = 16;
constexpr std::int64_t kMostSlabFloats = 1 << 20;  // 4 MiB of sums that wait to be added

// [0, n) in `parts` stretches, as equal as whole units of `unit` allow.
struct Stretches {
  Stretches(std::int64_t n_, std::int64_t parts, std::int64_t unit) : n(n_) {
    each = std::max<std::int64_t>(unit, ceil_div(ceil_div(n, std::max<std::int64_t>(1, parts)), unit) * unit);
    count = std::max<std::int64_t>(1, ceil_div(n, each));
  }
  std::int64_t begin(std::int64_t i) const { return std::min(n, i * each); }
  std::int64_t end(std::int64_t i) const { return std::min(n, (i + 1) * each); }
  std::int64_t n, each, count;
};

// Channels [first, ...) of maps whose planes hold their pixels side by side.
struct Maps {
  const float* data;
  std::int64_t image_stride, plane_stride;
  const float* plane(std::int64_t image, std::int64_t channel) const {
    return data + image * image_stride + channel * plane_stride;
  }
};

// A step: some pixels of some images, counted through.
struct Step {
  std::int64_t image0, images, pixel0, pixels;  // per image
  std::int64_t count() const { return images * pixels; }
};

// All steps over N images of `plane` pixels: small maps go several images at a time, large ones in pieces.
class Steps {
 public:
  Steps(std::int64_t N, std::int64_t plane)
      : N_(N),
        images_(std::clamp<std::int64_t>(kMostPixels / plane, 1, N)),
        pieces_(plane, ceil_div(plane, kMostPixels), 1) {}
  std::int64_t count() const { return ceil_div(N_, images_) * pieces_.count; }
  std::int64_t most_pixels() const { return images_ * pieces_.each; }
  Step at(std::int64_t i) const {
    const std::int64_t image = i / pieces_.count * images_, piece = i % pieces_.count;
    return {image, std::min(images_, N_ - image), pieces_.begin(piece),
            pieces_.end(piece) - pieces_.begin(piece)};
  }

 private:
  std::int64_t N_, images_;
  Stretches pieces_;
};

// Channels of one side of the product. Where its taps want padding or a stride, copies of the planes of one
// step's images serve instead of the maps.
class Side {
 public:
  Side(const Maps& maps, const Taps* taps, std::int64_t channels, std::int64_t images, const float* end)
      : maps_(maps),
        taps_(taps && !taps->in_place() ? taps : nullptr),
        channels_(channels),
        end_(end),
        copies_(taps_ ? images * channels * taps_->plane() + gemm::kSlack : 0) {}

  /// Makes the planes of a step's images ready.
  void prepare(const Step& step) {
    if (taps_ == nullptr || step.image0 == ready_) return;
    ready_ = step.image0;
    for (std::int64_t n = 0; n < step.images; ++n)
      for (std::int64_t c = 0; c < channels_; ++c)
        taps_->copy_plane(maps_.plane(step.image0 + n, c),
                          copies_.data() + (n * channels_ + c) * taps_->plane());
  }
  /// The planes of the step, from its first image on.
  Maps planes(const Step& step) const {
    if (taps_ == nullptr) return {maps_.plane(step.image0, 0), maps_.image_stride, maps_.plane_stride};
    return {copies_.data(), channels_ * taps_->plane(), taps_->plane()};
  }
  /// Nothing may be read from here on.
  const float* end(const Step& step) const {
    return taps_ == nullptr ? end_ : copies_.data() + step.images * channels_ * taps_->plane() + gemm::kSlack;
  }

 private:
  Maps maps_;
  const Taps* taps_;
  std::int64_t channels_;
  const float* end_;
  Scratch<float> copies_;
  std::int64_t ready_ = -1;
};

// All sizes of the product of one group. Rows are (c, tap), or k where the sides have changed places.
struct Plan {
  Plan(const Taps& t, Nchw<const float> dy, Nchw<const float> x, Group group, Nchw<float> dw)
      : taps(t),
        tap_offset(t.offsets()),
        tap_count(static_cast<std::int64_t>(tap_offset.size())),
        K(dy.C / group.groups),
        C(dw.C),
        turned(tap_count == 1 && C < K),
        steps(dy.N, dy.H * dy.W),
        rows(turned ? K : C * tap_count, ceil_div(turned ? K : C * tap_count, kMostRows), row_unit()),
        columns(turned ? C : K, ceil_div(turned ? C : K, kMostColumns), isa_table().gemm->lanes),
        slabs(steps.count(), slab_count(), 1),
        y_maps{dy.plane(0, group.index * K), dy.C * dy.H * dy.W, dy.H * dy.W},
        x_maps{x.plane(0, group.index * C), x.C * x.H * x.W, x.H * x.W},
        y_end(dy.plane(dy.N, 0)),
        x_end(x.plane(x.N, 0)) {}

  std::int64_t row_unit() const {
    const std::int64_t tiles = 8 * tap_count;
    return turned || tap_count == 1 ? 8 : C * tap_count >= 2 * tiles ? tiles : tap_count;
  }
  std::int64_t slab_count() const {
    const std::int64_t wanted = ceil_div(kWantedTasks, rows.count * columns.count);
    return std::clamp<std::int64_t>(std::min(wanted, kMostSlabFloats / dw_floats()), 1, steps.count());
  }
  std::int64_t dw_floats() const { return K * C * tap_count; }

  const Taps& taps;
  std::vector<std::int64_t> tap_offset;
  std::int64_t tap_count, K, C;
  bool turned;
  Steps steps;
  Stretches rows, columns, slabs;
  Maps y_maps, x_maps;
  const float *y_end, *x_end;
};

// Rows x columns of dw over one slab of steps.
class Task {
 public:
  Task(const Plan& plan, std::int64_t row, std::int64_t column)
      : plan_(plan),
        kernels_(*isa_table().gemm),
        m0_(plan.rows.begin(row)),
        m1_(plan.rows.end(row)),
        j0_(plan.columns.begin(column)),
        j1_(plan.columns.end(column)),
        widths_(j1_ - j0_, kernels_.lanes, kernels_.max_vectors),
        width_(widths_.vectors * kernels_.lanes),
        channel0_(plan.turned ? m0_ : m0_ / plan.tap_count),
        left_(maps_of(plan.turned, channel0_), plan.turned ? nullptr : &plan.taps,
              plan.turned ? m1_ - m0_ : ceil_div(m1_, plan.tap_count) - channel0_, images(),
              end_of(plan.turned)),
        right_(maps_of(!plan.turned, j0_), plan.turned ? &plan.taps : nullptr, j1_ - j0_, images(),
               end_of(!plan.turned)),
        panels_(plan.steps.most_pixels() * width_ + gemm::kSlack),
        rows_(kernels_.max_rows * plan.steps.most_pixels() + gemm::kSlack),
        sums_((m1_ - m0_) * width_) {
    std::fill_n(panels_.data(), plan.steps.most_pixels() * width_, 0.0f);
  }

  /// dw [K, C * taps] of this task's rows and columns, for one slab.
  void run(std::int64_t slab, float* dw) {
    for (std::int64_t i = plan_.slabs.begin(slab); i < plan_.slabs.end(slab); ++i) {
      const Step step = plan_.steps.at(i);
      left_.prepare(step);
      right_.prepare(step);
      pack_columns(step);
      multiply(step, i > plan_.slabs.begin(slab));
    }
    write(dw);
  }

 private:
  // The side of dy, or of x, from channel `first` of the group on.
  Maps maps_of(bool of_dy, std::int64_t first) const {
    const Maps& maps = of_dy ? plan_.y_maps : plan_.x_maps;
    return {maps.plane(0, first), maps.image_stride, maps.plane_stride};
  }
  const float* end_of(bool of_dy) const { return of_dy ? plan_.y_end : plan_.x_end; }
  std::int64_t images() const { return plan_.steps.at(0).images; }
  // Panel p of the step: [pixel][columns of the panel].
  float* panel(const Step& step, std::int64_t p) const {
    return panels_.data() + step.count() * widths_.first_column(p);
  }
  std::int64_t panel_width(std::int64_t p) const {
    return widths_.first_column(p + 1) - widths_.first_column(p);
  }

  void pack_columns(const Step& step) const {
    const Maps maps = right_.planes(step);
    for (std::int64_t p = 0; p < widths_.panels; ++p)
      for (std::int64_t n = 0; n < step.images; ++n) {
        const std::int64_t first = widths_.first_column(p);
        kernels_.transpose_panel({.from = maps.plane(n, first) + step.pixel0,
                                  .from_row = maps.plane_stride,
                                  .rows = std::min(panel_width(p), j1_ - j0_ - first),
                                  .cols = step.pixels,
                                  .to = panel(step, p) + n * step.pixels * panel_width(p),
                                  .width = panel_width(p)});
      }
  }

  void multiply(const Step& step, bool add) {
    const std::vector<isa::ColumnRun> runs = runs_of(step);
    for (std::int64_t m = m0_; m < m1_; m += kernels_.max_rows) {
      isa::GemmTile tile{};
      tile.rows = std::min(kernels_.max_rows, m1_ - m);
      tile.k = step.count();
      tile.add = add;
      aim(tile, m, step, runs);
      for (std::int64_t p = 0; p < widths_.panels; ++p) {
        tile.b = panel(step, p);
        tile.b_k = panel_width(p);
        tile.vectors = tile.b_k / kernels_.lanes;
        tile.c = sums_.data() + (m - m0_) * width_ + widths_.first_column(p);
        tile.c_row = width_;
        kernels_.tile(tile);
      }
    }
  }

  // The stretches of pixels that stand side by side in a plane of the left side.
  std::vector<isa::ColumnRun> runs_of(const Step& step) const {
    const AxisTaps &h = plan_.taps.h, &w = plan_.taps.w;
    const std::int64_t stride = plan_.turned ? w.count : plan_.taps.row_stride();
    const gemm::Grid grid = stride == w.count ? gemm::Grid{step.images, 1, h.count * w.count}
                                              : gemm::Grid{step.images, h.count, w.count};
    const std::int64_t image_stride = left_.planes(step).image_stride;
    std::vector<isa::ColumnRun> runs;
    gemm::for_each_run(
        grid, step.pixel0, step.pixel0 + step.count(),
        [&](std::int64_t at, std::int64_t image, std::int64_t row, std::int64_t col, std::int64_t length) {
          runs.push_back(
              {rows_.data() + at, step.count(), image * image_stride + row * stride + col, length});
        });
    return runs;
  }

  // Row m as an offset from the first plane of the left side.
  std::int64_t row_offset(std::int64_t m, const Maps& maps) const {
    if (plan_.turned) return (m - m0_) * maps.plane_stride;
    return (m / plan_.tap_count - channel0_) * maps.plane_stride +
           plan_.tap_offset[static_cast<std::size_t>(m % plan_.tap_count)];
  }

  // One stretch of rows equally far from each other is read in place; others are copied side by side.
  void aim(isa::GemmTile& tile, std::int64_t m, const Step& step,
           const std::vector<isa::ColumnRun>& runs) const {
    const Maps maps = left_.planes(step);
    tile.a_k = 1;
    if (runs.size() == 1 && (plan_.turned || plan_.tap_count == 1)) {
      tile.a = maps.data + row_offset(m, maps) + runs.front().from;
      tile.a_row = maps.plane_stride;
      tile.ahead = kernels_.max_rows * maps.plane_stride;
      return;
    }
    std::array<std::int64_t, 8> offset{};
    for (std::int64_t r = 0; r < tile.rows; ++r)
      offset[static_cast<std::size_t>(r)] = row_offset(m + r, maps);
    kernels_.copy_panels({.source = maps.data,
                          .source_end = left_.end(step),
                          .row_offset = offset.data(),
                          .k = tile.rows,
                          .runs = runs.data(),
                          .run_count = static_cast<std::int64_t>(runs.size())});
    tile.a = rows_.data();
    tile.a_row = step.count();
  }

  void write(float* dw) const {
    const std::int64_t R = plan_.C * plan_.tap_count, rows = m1_ - m0_, columns = j1_ - j0_;
    if (plan_.turned) {
      isa_table().rows->copy_rows({.from = sums_.data(),
                                   .from_row = width_,
                                   .from_step = 1,
                                   .to = dw + m0_ * R + j0_,
                                   .to_row = R,
                                   .to_step = 1,
                                   .rows = rows,
                                   .cols = columns});
    } else if (rows < kernels_.lanes) {  // whole vectors would reach into another task's rows
      for (std::int64_t k = 0; k < columns; ++k)
        for (std::int64_t r = 0; r < rows; ++r) dw[(j0_ + k) * R + m0_ + r] = sums_[r * width_ + k];
    } else {
      kernels_.transpose_panel({.from = sums_.data(),
                                .from_row = width_,
                                .rows = rows,
                                .cols = columns,
                                .to = dw + j0_ * R + m0_,
                                .width = R});
    }
  }

  const Plan& plan_;
  const isa::GemmKernels& kernels_;
  std::int64_t m0_, m1_, j0_, j1_;
  gemm::PanelWidths widths_;
  std::int64_t width_, channel0_;
  Side left_, right_;
  Scratch<float> panels_, rows_, sums_;
};

void add_slabs(const Scratch<float>& parts, std::int64_t slabs, std::int64_t n, float* dw) {
  parallel_for(n, 1 << 14, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      float sum = parts[i];
      for (std::int64_t slab = 1; slab < slabs; ++slab) sum += parts[slab * n + i];
      dw[i] = sum;
    }
  });
}

}  // namespace

void weight_gradient(const Taps& taps, Nchw<const float> dy, Nchw<const float> x, Group group,
                     Nchw<float> dw) {
  const std::int64_t K = dy.C / group.groups;
  float* const to = dw.plane(group.index * K, 0);
  if (x.N == 0 || K * dw.C == 0) {
    std::fill_n(to, K * dw.C * dw.H * dw.W, 0.0f);
    return;
  }
  const Plan plan(taps, dy, x, group, dw);
  const std::int64_t slabs = plan.slabs.count, tasks = plan.rows.count * plan.columns.count;
  const Scratch<float> parts(slabs > 1 ? slabs * plan.dw_floats() : 0);
  parallel_for(tasks * slabs, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t slab = i / tasks;
      Task task(plan, i % tasks / plan.columns.count, i % plan.columns.count);
      task.run(slab, slabs > 1 ? parts.data() + slab * plan.dw_floats() : to);
    }
  });
  if (slabs > 1) add_slabs(parts, slabs, plan.dw_floats(), to);
}

}  // namespace clearcut::conv
