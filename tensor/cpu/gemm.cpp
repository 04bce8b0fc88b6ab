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

// Where the tiles of one panel go: straight to c where they are whole vectors side by side, else through a
// small buffer, run by run.
class PanelOutput {
 public:
  PanelOutput(const Output& c, const Finish& finish, const Panel& panel) : c_(c), finish_(finish) {
    const Grid& g = c.grid;
    for_each_run(
        c.row_stride == g.cols ? Grid{g.images, 1, g.rows * g.cols} : g, panel.j0, panel.j1,
        [&](std::int64_t at, std::int64_t image, std::int64_t row, std::int64_t col, std::int64_t length) {
          runs_.push_back({at, image * c.image_stride + row * c.row_stride + col * c.col_stride, length});
        });
    straight_ = c.col_stride == 1 && runs_.size() == 1 && panel.j1 - panel.j0 == panel.width;
  }

  /// tile.finish says whether this is the last block of k.
  void write(const isa::GemmKernels& kernels, isa::GemmTile& tile, std::int64_t m) const {
    const std::int64_t row = m * c_.m_stride;
    if (straight_) {
      const std::int64_t at = row + runs_.front().to;
      tile.c = c_.data + at;
      tile.c_row = c_.m_stride;
      tile.plus = finish_.add ? finish_.add + at : nullptr;
      kernels.tile(tile);
      return;
    }
    alignas(64) std::array<float, kMostRows * kMostVectors * kMostLanes> buffer;
    isa::GemmTile part = tile;
    part.c = buffer.data();
    part.c_row = tile.b_k;
    part.add = part.finish = false;
    kernels.tile(part);
    for (const Run& run : runs_) {
      if (c_.col_stride == 1)
        finish_run(part, run, tile.add, tile.finish, row + run.to);
      else
        scatter_run(part, run, tile.add, c_.data + row + run.to);
    }
  }

 private:
  struct Run {
    std::int64_t from, to, length;  // a column of the panel, its place in a row of c
  };

  void finish_run(const isa::GemmTile& tile, const Run& run, bool add, bool last, std::int64_t at) const {
    constexpr float kNone = std::numeric_limits<float>::infinity();
    isa_table().rows->finish_rows({.from = tile.c + run.from,
                                   .from_row = tile.c_row,
                                   .to = c_.data + at,
                                   .plus = last && finish_.add ? finish_.add + at : nullptr,
                                   .row = c_.m_stride,
                                   .rows = tile.rows,
                                   .cols = run.length,
                                   .accumulate = add,
                                   .low = last ? finish_.low : -kNone,
                                   .high = last ? finish_.high : kNone});
  }
  void scatter_run(const isa::GemmTile& tile, const Run& run, bool add, float* to) const {
    if (!add) {
      isa_table().rows->copy_rows({.from = tile.c + run.from,
                                   .from_row = tile.c_row,
                                   .from_step = 1,
                                   .to = to,
                                   .to_row = c_.m_stride,
                                   .to_step = c_.col_stride,
                                   .rows = tile.rows,
                                   .cols = run.length});
      return;
    }
    const float* from = tile.c + run.from;
    for (std::int64_t r = 0; r < tile.rows; ++r, from += tile.c_row, to += c_.m_stride)
      for (std::int64_t j = 0; j < run.length; ++j) to[j * c_.col_stride] += from[j];
  }

  const Output& c_;
  const Finish& finish_;
  std::vector<Run> runs_;
  bool straight_;
};

// The panels [begin, end) of columns [j0, j0 + N), one behind the other in `block`, for K terms. Sums of
// columns that do not exist are never used, but must not trap on old bits.
std::vector<Panel> panels_of(const PanelWidths& widths, std::int64_t begin, std::int64_t end, std::int64_t j0,
                             std::int64_t N, std::int64_t K, float* block) {
  std::vector<Panel> panels;
  for (std::int64_t p = begin; p < end; ++p) {
    const std::int64_t first = widths.first_column(p), width = widths.first_column(p + 1) - first;
    panels.push_back({j0 + first, j0 + std::min(N, first + width), block, width});
    if (first + width > N) std::fill_n(block, K * width, 0.0f);
    block += K * width + kSlack;
  }
  return panels;
}

std::int64_t floats_of(std::int64_t panels, std::int64_t columns, std::int64_t K) {
  return K * columns + panels * kSlack;
}

struct Task {
  std::int64_t m0, m1, panel0, panel1;
};

class Product {
 public:
  Product(const PackedLeft& a, const Columns& b, const Finish& finish, const Output& c)
      : kernels_(*isa_table().gemm),
        a_(a),
        b_(b),
        finish_(finish),
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
    const std::int64_t columns = widths_.first_column(t.panel1) - widths_.first_column(t.panel0);
    const Scratch<float> block_of_b(floats_of(t.panel1 - t.panel0, columns, k_block));
    const std::vector<Panel> panels =
        panels_of(widths_, t.panel0, t.panel1, 0, N_, k_block, block_of_b.data());
    std::vector<PanelOutput> outputs;
    for (const Panel& panel : panels) outputs.emplace_back(c_, finish_, panel);
    for (std::int64_t block = 0; block < blocks_; ++block) {
      const std::int64_t k0 = block * k_block, k1 = std::min(a_.K(), k0 + k_block);
      b_.pack(k0, k1, panels);
      for (std::int64_t m = t.m0; m < t.m1; m += kernels_.max_rows) {
        isa::GemmTile tile{};
        tile.rows = std::min(kernels_.max_rows, t.m1 - m);
        tile.k = std::max<std::int64_t>(0, k1 - k0);
        tile.add = block > 0;
        tile.init = finish_.init != nullptr && block == 0 ? finish_.init + m : nullptr;
        tile.finish = block == blocks_ - 1 && !finish_.only_init();
        tile.low = finish_.low;
        tile.high = finish_.high;
        a_.aim(tile, m, k0);
        for (std::size_t p = 0; p < panels.size(); ++p) {
          tile.b = panels[p].data;
          tile.b_k = panels[p].width;
          tile.vectors = panels[p].width / kernels_.lanes;
          outputs[p].write(kernels_, tile, m);
        }
      }
    }
  }

  const isa::GemmKernels& kernels_;
  const PackedLeft& a_;
  const Columns& b_;
  const Finish& finish_;
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

void PatchColumns::pack(std::int64_t k0, std::int64_t k1, const std::vector<Panel>& panels) const {
  std::vector<isa::ColumnRun> runs;
  for (const Panel& panel : panels)
    for_each_run(
        grid, panel.j0, panel.j1,
        [&](std::int64_t at, std::int64_t image, std::int64_t row, std::int64_t col, std::int64_t length) {
          runs.push_back(
              {panel.data + at, panel.width, image * image_stride + row * row_stride + col, length});
        });
  isa_table().gemm->copy_panels({.source = source,
                                 .source_end = source_end,
                                 .row_offset = offset + k0,
                                 .k = k1 - k0,
                                 .runs = runs.data(),
                                 .run_count = static_cast<std::int64_t>(runs.size())});
}

void TransposedColumns::pack(std::int64_t k0, std::int64_t k1, const std::vector<Panel>& panels) const {
  for (const Panel& panel : panels)
    isa_table().gemm->transpose_panel({.from = source + panel.j0 * stride + k0,
                                       .from_row = stride,
                                       .rows = panel.j1 - panel.j0,
                                       .cols = k1 - k0,
                                       .to = panel.data,
                                       .width = panel.width});
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
  if (left_.m_stride == 1) {
    isa_table().rows->copy_rows({.from = from,
                                 .from_row = left_.k_stride,
                                 .from_step = 1,
                                 .to = to,
                                 .to_row = height,
                                 .to_step = 1,
                                 .rows = left_.K,
                                 .cols = height});
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
      block_(floats_of(widths_.panels, width(), K)),
      panels_(panels_of(widths_, 0, widths_.panels, j0, j1 - j0, K, block_.data())) {
  b.pack(0, K, panels_);
}

void ColumnPanels::multiply(const PackedLeft& a, std::int64_t m0, std::int64_t m1, float* c) const {
  const isa::GemmKernels& kernels = *isa_table().gemm;
  for (std::int64_t m = m0; m < m1; m += kernels.max_rows, c += kernels.max_rows * width()) {
    isa::GemmTile tile{};
    tile.rows = std::min(kernels.max_rows, m1 - m);
    tile.k = K_;
    tile.c = c;
    tile.c_row = width();
    a.aim(tile, m, 0);
    for (const Panel& panel : panels_) {
      tile.b = panel.data;
      tile.b_k = panel.width;
      tile.vectors = panel.width / kernels.lanes;
      kernels.tile(tile);
      tile.c += panel.width;
    }
  }
}

void multiply(const PackedLeft& a, const Columns& b, const Finish& finish, const Output& c) {
  if (a.M() == 0 || c.grid.count() == 0) return;
  check(c.col_stride == 1 || finish.only_init(), "gemm", "a finish wants col_stride 1; got ", c.col_stride);
  Product(a, b, finish, c).run();
}

}  // namespace clearcut::gemm
