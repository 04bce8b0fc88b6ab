// How the two sides of a product come into panels.
#include "tensor/cpu/gemm.h"

#include <algorithm>

#include "tensor/parallel.h"

namespace clearcut::gemm {

// A matrix whose rows lie across the memory is packed so many of its terms at a time.
constexpr std::int64_t kTermsOfStripe = 16;

// Sums of columns that do not exist are never used, but must not trap on old bits.
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

PanelWidths::PanelWidths(std::int64_t columns, std::int64_t lane_count, std::int64_t most, bool lone_column)
    : panels(0),
      vectors(ceil_div(columns, lane_count)),
      lanes(lane_count),
      lone(lone_column && columns > lane_count && columns % lane_count == 1 ? 1 : 0) {
  vectors -= lone;
  panels = ceil_div(vectors, most);
}

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

PanelRows PatchColumns::in_place(const Panel& panel) const {
  if (k_stride == 0 || panel.j1 - panel.j0 != panel.width) return {};
  PanelRows rows;
  for_each_run(
      grid, panel.j0, panel.j1,
      [&](std::int64_t, std::int64_t image, std::int64_t row, std::int64_t col, std::int64_t length) {
        if (length == panel.width) rows = {source + image * image_stride + row * row_stride + col, k_stride};
      });
  return rows;
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
      mode_(columns <= kernels_->lanes || a.M == 1                            ? Mode::kInPlace
            : columns <= kFewPanels * kernels_->max_vectors * kernels_->lanes ? Mode::kInPieces
                                                                              : Mode::kAtOnce),
      panels_(mode_ == Mode::kAtOnce ? a.M * a.K + kSlack : 0) {
  if (mode_ != Mode::kAtOnce) return;
  const std::int64_t terms = a.m_stride == 1 ? kTermsOfStripe : std::max<std::int64_t>(1, a.K);
  const std::int64_t stripes = ceil_div(a.K, terms), panels = ceil_div(a.M, kernels_->max_rows);
  const std::int64_t grain = std::max<std::int64_t>(1, (1 << 15) / (kernels_->max_rows * terms));
  parallel_for(stripes * panels, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t m = i % panels * kernels_->max_rows, k0 = i / panels * terms;
      pack(m, k0, std::min(a.K, k0 + terms), panels_.data() + m * a.K + k0 * height(m));
    }
  });
}

std::int64_t PackedLeft::height(std::int64_t m) const { return std::min(kernels_->max_rows, left_.M - m); }

void PackedLeft::pack(std::int64_t m, std::int64_t k0, std::int64_t k1, float* to) const {
  const float* from = left_.data + m * left_.m_stride + k0 * left_.k_stride;
  if (left_.k_stride == 1) {
    kernels_->transpose_panel({.from = from,
                               .from_row = left_.m_stride,
                               .rows = height(m),
                               .cols = k1 - k0,
                               .to = to,
                               .width = height(m)});
    return;
  }
  if (left_.m_stride == 1) {
    isa_table().rows->copy_rows({.from = from,
                                 .from_row = left_.k_stride,
                                 .from_step = 1,
                                 .to = to,
                                 .to_row = height(m),
                                 .to_step = 1,
                                 .rows = k1 - k0,
                                 .cols = height(m)});
    return;
  }
  for (std::int64_t k = k0; k < k1; ++k, from += left_.k_stride, to += height(m))
    for (std::int64_t r = 0; r < height(m); ++r) to[r] = from[r * left_.m_stride];
}

void PackedLeft::aim(isa::GemmTile& tile, std::int64_t m, std::int64_t k0, float* piece) const {
  if (mode_ == Mode::kInPlace) {
    tile.a = left_.data + m * left_.m_stride + k0 * left_.k_stride;
    tile.a_row = left_.m_stride;
    tile.a_k = left_.k_stride;
    return;
  }
  if (mode_ == Mode::kInPieces) pack(m, k0, k0 + tile.k, piece);
  tile.a = mode_ == Mode::kInPieces ? piece : panels_.data() + m * left_.K + k0 * height(m);
  tile.a_row = 1;
  tile.a_k = height(m);
}

ColumnPanels::ColumnPanels(const Columns& b, std::int64_t K, std::int64_t j0, std::int64_t j1)
    : widths_(j1 - j0, isa_table().gemm->lanes, isa_table().gemm->max_vectors, true),
      K_(K),
      block_(floats_of(widths_.panels, width(), K)),
      panels_(panels_of(widths_, 0, widths_.panels, j0, j1 - j0, K, block_.data())) {
  b.pack(0, K, panels_);
}

void ColumnPanels::multiply(const PackedLeft& a, std::int64_t m0, std::int64_t m1, float* c) const {
  const isa::GemmKernels& kernels = *isa_table().gemm;
  const Scratch<float> piece(kernels.max_rows * K_ + kSlack);
  for (std::int64_t m = m0; m < m1; m += kernels.max_rows, c += kernels.max_rows * width()) {
    isa::GemmTile tile{};
    tile.rows = std::min(kernels.max_rows, m1 - m);
    tile.k = K_;
    tile.c = c;
    tile.c_row = width();
    a.aim(tile, m, 0, piece.data());
    for (const Panel& panel : panels_) {
      tile.b = panel.data;
      tile.b_k = panel.width;
      tile.vectors = panel.width / kernels.lanes;
      tile.lone = panel.width % kernels.lanes != 0;
      kernels.tile(tile);
      tile.c += panel.width;
    }
  }
}

}  // namespace clearcut::gemm
