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
// Pieces of the rows of the last columns, and their least size: each packs these columns again.
constexpr std::int64_t kLastPieces = 4, kLeastLastRows = 32;
constexpr std::int64_t kMostRows = 8, kMostColumns = 3 * 16 + 1;  // of a register tile
// Columns that meet no more rows than this are read where they are: packing them costs as much as a few rows
// of tiles. Not where their rows are so far apart that all share a few places of the caches.
constexpr std::int64_t kMostRowsInPlace = 128;
constexpr std::int64_t kSharedPlaces = 128;  // floats: an eighth of the places of a first cache

struct Task {
  std::int64_t m0, m1, panel0, panel1;
};

// How c is cut into tasks; depends on the sizes only. Few columns: tasks are cut by rows alone. Else the last
// columns make smaller tasks than the others, so that threads end together.
class Cut {
 public:
  Cut(std::int64_t M, const PanelWidths& widths, std::int64_t tile_rows) : M_(M), panels_(widths.panels) {
    const auto cut_rows = [&](std::int64_t pieces) {
      return std::max<std::int64_t>(1, ceil_div(ceil_div(M, pieces), tile_rows)) * tile_rows;
    };
    if (few()) {
      last_rows_ = rows_ = cut_rows(kWantedTasks);
      return;
    }
    panels_per_task_ = std::clamp<std::int64_t>(panels_ / kWantedTasks, 1, kPanelsPerTask);
    whole_columns_ = ceil_div(panels_, panels_per_task_) - 1;
    const std::int64_t row_tasks = std::clamp<std::int64_t>(ceil_div(kWantedTasks, whole_columns_ + 1), 1,
                                                            std::max<std::int64_t>(1, M / kLeastRows));
    rows_ = cut_rows(row_tasks);
    const std::int64_t least = ceil_div(kLeastLastRows, tile_rows) * tile_rows;
    last_rows_ = std::min(rows_, std::max(least, cut_rows(row_tasks * kLastPieces)));
  }
  bool few() const { return panels_ <= kFewPanels; }
  std::int64_t tasks() const { return whole_tasks() + ceil_div(M_, last_rows_); }
  Task task(std::int64_t i) const {
    if (i >= whole_tasks())
      return at((i - whole_tasks()) * last_rows_, last_rows_, whole_columns_ * panels_per_task_);
    return at(i / whole_columns_ * rows_, rows_, i % whole_columns_ * panels_per_task_);
  }

 private:
  std::int64_t whole_tasks() const { return whole_columns_ * ceil_div(M_, rows_); }
  Task at(std::int64_t m, std::int64_t rows, std::int64_t panel) const {
    const std::int64_t end = few() ? panels_ : std::min(panels_, panel + panels_per_task_);
    return {m, std::min(M_, m + rows), panel, end};
  }

  std::int64_t M_, panels_;
  std::int64_t panels_per_task_ = 0, whole_columns_ = 0;  // columns in tasks of rows_ rows
  std::int64_t rows_, last_rows_;
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
    alignas(64) std::array<float, kMostRows * kMostColumns> buffer;
    isa::GemmTile part = tile;
    part.c = buffer.data();
    part.c_row = kMostColumns;
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

class Product {
 public:
  Product(const PackedLeft& a, const Columns& b, const Finish& finish, const Output& c)
      : kernels_(*isa_table().gemm),
        a_(a),
        b_(b),
        finish_(finish),
        c_(c),
        N_(c.grid.count()),
        widths_(N_, kernels_.lanes, kernels_.max_vectors, true),
        cut_(a.M(), widths_, kernels_.max_rows),
        blocks_(std::max<std::int64_t>(1, ceil_div(a.K(), kMostK))),
        k_block_(ceil_div(a.K(), blocks_)) {}

  void run() const {
    const bool few = cut_.few();
    const std::int64_t block_floats = few ? panel_floats(0, widths_.panels) : 0;
    const Scratch<float> all(blocks_ * block_floats);
    std::vector<std::vector<Panel>> shared;
    for (std::int64_t block = 0; few && block < blocks_; ++block)
      shared.push_back(panels_at(0, widths_.panels, all.data() + block * block_floats));
    if (few) pack_shared(shared);
    parallel_for(cut_.tasks(), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) run_task(cut_.task(i), shared);
    });
  }

 private:
  std::int64_t panel_floats(std::int64_t begin, std::int64_t end) const {
    return floats_of(end - begin, widths_.first_column(end) - widths_.first_column(begin), k_block_);
  }
  std::vector<Panel> panels_at(std::int64_t begin, std::int64_t end, float* at) const {
    return panels_of(widths_, begin, end, 0, N_, k_block_, at);
  }

  // Panels are filled in parallel, each from its first row to its last: behind a row up to a vector more is
  // overwritten.
  void pack_shared(const std::vector<std::vector<Panel>>& shared) const {
    parallel_for(blocks_ * widths_.panels, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t block = i / widths_.panels, k0 = block * k_block_;
        const auto panel = static_cast<std::size_t>(i % widths_.panels);
        b_.pack(k0, std::max(k0, std::min(a_.K(), k0 + k_block_)),
                {shared[static_cast<std::size_t>(block)][panel]});
      }
    });
  }

  // The columns of a task for one block of k.
  struct Block {
    std::int64_t index, k0, k1;
    std::vector<PanelRows> rows;  // of each panel, from k0 on
  };

  // `shared`: panels of all columns for each block of k, or empty where a task packs its own.
  void run_task(const Task& t, const std::vector<std::vector<Panel>>& shared) const {
    const Scratch<float> own(shared.empty() ? panel_floats(t.panel0, t.panel1) : 0);
    const Scratch<float> piece(kernels_.max_rows * k_block_ + kSlack);
    const std::vector<Panel> panels = shared.empty() ? panels_at(t.panel0, t.panel1, own.data()) : shared[0];
    std::vector<PanelOutput> outputs;
    for (const Panel& panel : panels) outputs.emplace_back(c_, finish_, panel);
    for (std::int64_t i = 0; i < blocks_; ++i) {
      Block block{i, i * k_block_, std::max(i * k_block_, std::min(a_.K(), (i + 1) * k_block_)), {}};
      if (shared.empty())
        block.rows = own_rows(panels, block);
      else
        for (const Panel& panel : shared[static_cast<std::size_t>(i)])
          block.rows.push_back({panel.data, panel.width});
      for (std::int64_t m = t.m0; m < t.m1; m += kernels_.max_rows)
        run_row(m, std::min(t.m1, m + kernels_.max_rows), block, panels, outputs, piece.data());
    }
  }

  // Packs the panels, but for those that can be read in place and meet few rows.
  std::vector<PanelRows> own_rows(const std::vector<Panel>& panels, const Block& block) const {
    std::vector<PanelRows> rows;
    std::vector<Panel> packed;
    for (const Panel& panel : panels) {
      rows.push_back(a_.M() <= kMostRowsInPlace ? b_.in_place(panel) : PanelRows{});
      if (rows.back().data != nullptr && rows.back().stride % kSharedPlaces != 0) {
        rows.back().data += block.k0 * rows.back().stride;
      } else {
        rows.back() = {panel.data, panel.width};
        packed.push_back(panel);
      }
    }
    if (!packed.empty()) b_.pack(block.k0, block.k1, packed);
    return rows;
  }

  void run_row(std::int64_t m, std::int64_t m1, const Block& block, const std::vector<Panel>& panels,
               const std::vector<PanelOutput>& outputs, float* piece) const {
    isa::GemmTile tile{};
    tile.rows = m1 - m;
    tile.k = block.k1 - block.k0;
    tile.add = block.index > 0 || finish_.accumulate;
    tile.init = finish_.init != nullptr && block.index == 0 ? finish_.init + m : nullptr;
    tile.finish = block.index == blocks_ - 1 && !finish_.only_init();
    tile.low = finish_.low;
    tile.high = finish_.high;
    a_.aim(tile, m, block.k0, piece);
    for (std::size_t p = 0; p < panels.size(); ++p) {
      tile.b = block.rows[p].data;
      tile.b_k = block.rows[p].stride;
      tile.vectors = panels[p].width / kernels_.lanes;
      tile.lone = panels[p].width % kernels_.lanes != 0;
      outputs[p].write(kernels_, tile, m);
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
  std::int64_t blocks_, k_block_;
};

}  // namespace

void multiply(const PackedLeft& a, const Columns& b, const Finish& finish, const Output& c) {
  if (a.M() == 0 || c.grid.count() == 0) return;
  check(c.col_stride == 1 || finish.only_init(), "gemm", "a finish wants col_stride 1; got ", c.col_stride);
  Product(a, b, finish, c).run();
}

}  // namespace clearcut::gemm
