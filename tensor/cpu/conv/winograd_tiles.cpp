#include "tensor/cpu/conv/winograd_tiles.h"

#include <algorithm>

namespace clearcut::conv {

namespace {

// Tiles along one axis of `size` pixels: pixels `phase`, phase + dilation, ...
std::int64_t tiles_of_axis(std::int64_t size, std::int64_t dilation, std::int64_t phase) {
  return ceil_div(ceil_div(size - phase, dilation), 4);
}

// Calls body(row) for each row of tiles, `row` in the tiled map.
template <class Body>
void for_each_row(const TiledMaps& maps, const Body& body) {
  const Size2 d = maps.dilation;
  for (std::int64_t image = 0; image < maps.images; ++image)
    for (std::int64_t p = 0; p < std::min(d.h, maps.H); ++p)
      for (std::int64_t q = 0; q < std::min(d.w, maps.W); ++q)
        for (std::int64_t t = 0; t < tiles_of_axis(maps.H, d.h, p); ++t)
          body(isa::WinogradRun{.image = image,
                                .row = p + 4 * d.h * t,
                                .col = q,
                                .tiles = tiles_of_axis(maps.W, d.w, q),
                                .at = 0});
}

}  // namespace

WinogradTiles::WinogradTiles(const TiledMaps& maps, std::int64_t lanes, std::int64_t max_narrow) {
  for_each_row(maps, [&](const isa::WinogradRun& row) { tiles_ += row.tiles; });
  const std::int64_t vector = isa_table().gemm->lanes, rest = tiles_ % vector;
  const std::int64_t narrow = rest <= max_narrow ? rest : 0;
  const gemm::PanelWidths widths(std::max(tiles_ - narrow, std::int64_t{1}), vector, lanes / vector);
  for (std::int64_t i = 0; i < widths.panels; ++i) {
    const bool last = i + 1 == widths.panels;
    const std::int64_t first = widths.first_column(i);
    const std::int64_t end = last ? tiles_ : widths.first_column(i + 1);
    const std::int64_t width = ceil_div(end - first, vector) * vector;
    width_ = std::max(width_, width);
    panels_.push_back({end - first, width, last ? narrow : 0, first, {}, {}});
  }
  for_each_row(maps, [&](const isa::WinogradRun& row) { add_row(maps, row); });
}

void WinogradTiles::add_row(const TiledMaps& maps, const isa::WinogradRun& row) {
  const std::int64_t most = isa_table().winograd->max_run;
  for (std::int64_t done = 0; done < row.tiles;) {
    const auto panel = std::upper_bound(panels_.begin(), panels_.end(), next_,
                                        [](std::int64_t tile, const Panel& p) { return tile < p.offset; }) -
                       1;
    const std::int64_t at = next_ - panel->offset;
    const std::int64_t tiles = std::min(row.tiles - done, panel->tiles - at);
    const std::int64_t col = row.col + 4 * maps.dilation.w * done;
    panel->tiled.push_back({row.image * maps.image_stride, row.row, col, tiles, at});
    const std::int64_t pieces = ceil_div(tiles, most);
    for (std::int64_t i = 0; i < pieces; ++i) {
      const std::int64_t begin = i * tiles / pieces, end = (i + 1) * tiles / pieces;
      panel->source.push_back({row.image * maps.source_image_stride, row.row - maps.top,
                               col + 4 * maps.dilation.w * begin - maps.left, end - begin, at + begin});
    }
    done += tiles;
    next_ += tiles;
  }
}

void transform_tiles(Nchw<const float> maps, Range channels, Size2 dilation,
                     const WinogradTiles::Panel& panel, const Points& to) {
  isa_table().winograd->input({.x = maps.plane(0, channels.begin),
                               .begin = maps.data,
                               .end = maps.plane(maps.N, 0),
                               .channels = channels.size(),
                               .channel_stride = maps.H * maps.W,
                               .H = maps.H,
                               .W = maps.W,
                               .dilation_h = dilation.h,
                               .dilation_w = dilation.w,
                               .runs = panel.source.data(),
                               .run_count = static_cast<std::int64_t>(panel.source.size()),
                               .v = to.data,
                               .point_stride = to.stride,
                               .width = panel.width});
}

}  // namespace clearcut::conv
