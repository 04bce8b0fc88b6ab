#include "tensor/cpu/gemm.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "tensor/parallel.h"

namespace clearcut::gemm {

namespace {

// A panel of a (8 rows) and one line of b's panel per step share the first cache (32 KiB).
constexpr std::int64_t kMostK = 384;
// Panels of b per task: 5 * 48 columns * 384 * 4 bytes = 360 KiB of a second cache of 1 MiB.
constexpr std::int64_t kPanelsPerTask = 5;
// A task packs its own columns; below this many rows that would cost more than a twentieth of the product.
constexpr std::int64_t kLeastRows = 64;
constexpr std::int64_t kWantedTasks = 16;
// Left matrices that meet fewer columns are read in place: copying would cost a third of the product.
constexpr std::int64_t kDirectColumns = 48;
constexpr std::int64_t kMostLanes = 16, kMostVectors = 3, kMostRows = 8;

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// How c is cut into tasks; depends on the sizes only.
struct Cut {
  Cut(std::int64_t M, const PanelWidths& widths, std::int64_t tile_rows) {
    panels_per_task = std::clamp<std::int64_t>(widths.panels / kWantedTasks, 1, kPanelsPerTask);
    column_tasks = ceil_div(widths.panels, panels_per_task);
    const std::int64_t most_row_tasks = std::max<std::int64_t>(1, M / kLeastRows);
    row_tasks = std::clamp<std::int64_t>(ceil_div(kWantedTasks, column_tasks), 1, most_row_tasks);
    rows_per_task = ceil_div(ceil_div(M, row_tasks), tile_rows) * tile_rows;
    row_tasks = ceil_div(M, rows_per_task);
  }
  std::int64_t panels_per_task, column_tasks, row_tasks, rows_per_task;
};

// Writes tiles to c: straight where a tile is whole vectors side by side, else through a small buffer.
class TileWriter {
 public:
  TileWriter(const isa::GemmKernels& kernels, const Output& c) : kernels_(kernels), c_(c) {}

  void write(isa::GemmTile tile, std::int64_t m, std::int64_t j0, std::int64_t j1) {
    const Grid& g = c_.grid;
    const bool whole_rows = c_.row_stride == g.cols || g.rows == 1;
    const std::int64_t pixels = g.rows * g.cols;
    const bool same_image = g.images == 1 || j0 / pixels == (j1 - 1) / pixels;
    if (c_.col_stride == 1 && whole_rows && same_image && j1 - j0 == tile.vectors * kernels_.lanes) {
      tile.c = c_.data + j0 / pixels * c_.image_stride + m * c_.m_stride + j0 % pixels;
      tile.c_row = c_.m_stride;
      kernels_.tile(tile);
      return;
    }
    const bool add = tile.add;
    tile.c = buffer_.data();
    tile.c_row = tile.vectors * kernels_.lanes;
    tile.add = false;
    kernels_.tile(tile);
    scatter(tile, m, j0, j1, add);
  }

 private:
  void scatter(const isa::GemmTile& tile, std::int64_t m, std::int64_t j0, std::int64_t j1, bool add) const {
    for_each_run(
        c_.grid, j0, j1,
        [&](std::int64_t at, std::int64_t image, std::int64_t row, std::int64_t col, std::int64_t length) {
          const float* from = tile.c + at;
          float* to =
              c_.data + image * c_.image_stride + m * c_.m_stride + row * c_.row_stride + col * c_.col_stride;
          for (std::int64_t r = 0; r < tile.rows; ++r, from += tile.c_row, to += c_.m_stride) {
            if (add)
              for (std::int64_t j = 0; j < length; ++j) to[j * c_.col_stride] += from[j];
            else if (c_.col_stride == 1)
              std::memcpy(to, from, static_cast<std::size_t>(length) * sizeof(float));
            else
              for (std::int64_t j = 0; j < length; ++j) to[j * c_.col_stride] = from[j];
          }
        });
  }

  const isa::GemmKernels& kernels_;
  const Output& c_;
  alignas(64) std::array<float, kMostRows * kMostVectors * kMostLanes> buffer_;
};

struct Range {
  std::int64_t begin, end;
};

// Columns j of b to a panel; those from N on do not exist. Their sums are never used, but must not trap on
// old bits.
void pack_panel(const Columns& b, Range k, Range j, std::int64_t N, float* panel) {
  const std::int64_t width = j.end - j.begin;
  if (j.end > N) std::fill_n(panel, (k.end - k.begin) * width, 0.0f);
  b.pack(k.begin, k.end, j.begin, std::min(N, j.end), panel, width);
}

struct Task {
  std::int64_t m0, m1, panel0, panel1;
};

class Product {
 public:
  Product(const PackedLeft& a, const Columns& b, const float* init, const Output& c)
      : kernels_(*isa_table().gemm),
        a_(a),
        b_(b),
        init_(init),
        c_(c),
        N_(c.grid.count()),
        widths_(N_, kernels_.lanes, kernels_.max_vectors),
        cut_(a.M(), widths_, kernels_.max_rows),
        blocks_(std::max<std::int64_t>(1, ceil_div(a.K(), kMostK))) {}

  void run() const {
    parallel_for(cut_.row_tasks * cut_.column_tasks, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t m0 = i / cut_.column_tasks * cut_.rows_per_task;
        const std::int64_t panel0 = i % cut_.column_tasks * cut_.panels_per_task;
        run_task({m0, std::min(a_.M(), m0 + cut_.rows_per_task), panel0,
                  std::min(widths_.panels, panel0 + cut_.panels_per_task)});
      }
    });
  }

 private:
  void run_task(const Task& t) const {
    const std::int64_t k_block = ceil_div(a_.K(), blocks_);
    const std::int64_t panel_floats = k_block * kernels_.max_vectors * kernels_.lanes + kSlack;
    const Scratch<float> panels(panel_floats * (t.panel1 - t.panel0));
    TileWriter writer(kernels_, c_);
    for (std::int64_t block = 0; block < blocks_; ++block) {
      const std::int64_t k0 = block * k_block, k1 = std::min(a_.K(), k0 + k_block);
      for (std::int64_t p = t.panel0; p < t.panel1; ++p)
        pack_panel(b_, {k0, k1}, {widths_.first_column(p), widths_.first_column(p + 1)}, N_,
                   panels.data() + (p - t.panel0) * panel_floats);
      for (std::int64_t m = t.m0; m < t.m1; m += kernels_.max_rows) {
        isa::GemmTile tile{};
        tile.rows = std::min(kernels_.max_rows, t.m1 - m);
        tile.k = std::max<std::int64_t>(0, k1 - k0);
        tile.add = block > 0;
        tile.init = init_ != nullptr && block == 0 ? init_ + m : nullptr;
        a_.aim(tile, m, k0);
        for (std::int64_t p = t.panel0; p < t.panel1; ++p) {
          tile.b = panels.data() + (p - t.panel0) * panel_floats;
          const std::int64_t j0 = widths_.first_column(p), j1 = widths_.first_column(p + 1);
          tile.vectors = (j1 - j0) / kernels_.lanes;
          tile.b_k = j1 - j0;
          writer.write(tile, m, j0, std::min(N_, j1));
        }
      }
    }
  }

  const isa::GemmKernels& kernels_;
  const PackedLeft& a_;
  const Columns& b_;
  const float* init_;
  const Output& c_;
  std::int64_t N_;
  PanelWidths widths_;
  Cut cut_;
  std::int64_t blocks_;
};

}  // namespace

PanelWidths::PanelWidths(std::int64_t columns, std::int64_t lane_count, std::int64_t most)
    : panels(ceil_div(ceil_div(columns, lane_count), most)),
      vectors(ceil_div(columns, lane_count)),
      lanes(lane_count) {}

void PatchColumns::pack(std::int64_t k0, std::int64_t k1, std::int64_t j0, std::int64_t j1, float* panel,
                        std::int64_t width) const {
  std::array<isa::ColumnRun, kMostVectors * kMostLanes> runs;
  std::size_t count = 0;
  for_each_run(
      grid, j0, j1,
      [&](std::int64_t at, std::int64_t image, std::int64_t row, std::int64_t col, std::int64_t length) {
        runs[count++] = {at, image * image_stride + row * row_stride + col, length};
      });
  isa_table().gemm->copy_panel({.source = source,
                                .source_end = source_end,
                                .row_offset = offset + k0,
                                .k = k1 - k0,
                                .runs = runs.data(),
                                .run_count = static_cast<std::int64_t>(count),
                                .panel = panel,
                                .width = width});
}

void TransposedColumns::pack(std::int64_t k0, std::int64_t k1, std::int64_t j0, std::int64_t j1, float* panel,
                             std::int64_t width) const {
  isa_table().gemm->transpose_panel({.from = source + j0 * stride + k0,
                                     .from_row = stride,
                                     .rows = j1 - j0,
                                     .cols = k1 - k0,
                                     .to = panel,
                                     .width = width});
}

PackedLeft::PackedLeft(const Left& a, std::int64_t columns)
    : left_(a),
      kernels_(isa_table().gemm),
      direct_(columns <= kDirectColumns || a.M == 1),
      panels_(direct_ ? 0 : a.M * a.K) {
  if (direct_) return;
  const std::int64_t panels = ceil_div(a.M, kernels_->max_rows);
  const std::int64_t grain =
      std::max<std::int64_t>(1, (1 << 15) / std::max<std::int64_t>(1, kernels_->max_rows * a.K));
  parallel_for(panels, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) pack(p * kernels_->max_rows);
  });
}

void PackedLeft::pack(std::int64_t m) const {
  const std::int64_t height = std::min(kernels_->max_rows, left_.M - m);
  float* to = panels_.data() + m * left_.K;
  const float* from = left_.data + m * left_.m_stride;
  if (left_.k_stride == 1) {
    kernels_->transpose_panel({.from = from,
                               .from_row = left_.m_stride,
                               .rows = height,
                               .cols = left_.K,
                               .to = to,
                               .width = height});
    return;
  }
  for (std::int64_t k = 0; k < left_.K; ++k, to += height) {
    const float* column = from + k * left_.k_stride;
    for (std::int64_t r = 0; r < height; ++r) to[r] = column[r * left_.m_stride];
  }
}

void PackedLeft::aim(isa::GemmTile& tile, std::int64_t m, std::int64_t k0) const {
  if (direct_) {
    tile.a = left_.data + m * left_.m_stride + k0 * left_.k_stride;
    tile.a_row = left_.m_stride;
    tile.a_k = left_.k_stride;
    return;
  }
  const std::int64_t height = std::min(kernels_->max_rows, left_.M - m);
  tile.a = panels_.data() + m * left_.K + k0 * height;
  tile.a_row = 1;
  tile.a_k = height;
}

ColumnPanels::ColumnPanels(const Columns& b, std::int64_t K, std::int64_t j0, std::int64_t j1)
    : widths_(j1 - j0, isa_table().gemm->lanes, isa_table().gemm->max_vectors),
      K_(K),
      panels_(K * width() + kSlack) {
  for (std::int64_t p = 0; p < widths_.panels; ++p) {
    const std::int64_t first = widths_.first_column(p);
    pack_panel(b, {0, K}, {j0 + first, j0 + widths_.first_column(p + 1)}, j1, panels_.data() + K * first);
  }
}

void ColumnPanels::multiply(const PackedLeft& a, std::int64_t m0, std::int64_t m1, float* c) const {
  const isa::GemmKernels& kernels = *isa_table().gemm;
  for (std::int64_t m = m0; m < m1; m += kernels.max_rows) {
    isa::GemmTile tile{};
    tile.rows = std::min(kernels.max_rows, m1 - m);
    tile.k = K_;
    tile.c_row = width();
    a.aim(tile, m, 0);
    for (std::int64_t p = 0; p < widths_.panels; ++p) {
      const std::int64_t first = widths_.first_column(p);
      tile.b_k = widths_.first_column(p + 1) - first;
      tile.vectors = tile.b_k / kernels.lanes;
      tile.b = panels_.data() + K_ * first;
      tile.c = c + (m - m0) * width() + first;
      kernels.tile(tile);
    }
  }
}

void multiply(const PackedLeft& a, const Columns& b, const float* init, const Output& c) {
  if (a.M() == 0 || c.grid.count() == 0) return;
  Product(a, b, init, c).run();
}

}  // namespace clearcut::gemm
