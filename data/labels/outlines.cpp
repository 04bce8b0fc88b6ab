// Outlines of regions along the edges of pixels.
#include <algorithm>
#include <array>
#include <set>

#include "data/labels/shapes.h"

namespace clearcut {

namespace {

/// Marks of pixels, with a border of one all around: rows -1 to height, columns -1 to width.
class Grid {
 public:
  Grid(std::int64_t height, std::int64_t width)
      : height_(height), width_(width), marks_(static_cast<std::size_t>((height + 2) * (width + 2))) {}
  std::int64_t height() const { return height_; }
  std::int64_t width() const { return width_; }
  std::int8_t& at(std::int64_t y, std::int64_t x) {
    return marks_[static_cast<std::size_t>((y + 1) * (width_ + 2) + x + 1)];
  }

 private:
  std::int64_t height_, width_;
  std::vector<std::int8_t> marks_;
};

struct Pixel {
  std::int64_t y, x;
};
struct Rows {
  std::int64_t begin, end;
};

/// Gives all pixels with the mark of (y, x) that hang together with it, within the rows, another mark.
/// Returns the box around them.
RegionBox refill(Grid& grid, Pixel start, std::int8_t mark, bool corners_connect, Rows rows) {
  constexpr std::array<Pixel, 8> kSteps{
      {{0, 1}, {1, 0}, {0, -1}, {-1, 0}, {1, 1}, {1, -1}, {-1, -1}, {-1, 1}}};
  const std::int8_t old = grid.at(start.y, start.x);
  const std::size_t steps = corners_connect ? 8 : 4;
  Pixel least = start, most = start;
  std::vector<Pixel> open = {start};
  grid.at(start.y, start.x) = mark;
  while (!open.empty()) {
    const Pixel p = open.back();
    open.pop_back();
    least = {std::min(least.y, p.y), std::min(least.x, p.x)};
    most = {std::max(most.y, p.y), std::max(most.x, p.x)};
    for (std::size_t s = 0; s < steps; ++s) {
      const Pixel q{p.y + kSteps[s].y, p.x + kSteps[s].x};
      if (q.y < rows.begin || q.y >= rows.end || q.x < -1 || q.x > grid.width()) continue;
      if (grid.at(q.y, q.x) != old) continue;
      grid.at(q.y, q.x) = mark;
      open.push_back(q);
    }
  }
  return {least.x, least.y, most.x - least.x + 1, most.y - least.y + 1};
}

/// Around the pixels of a mark, clockwise as seen on a picture, from the upper left corner of the first of
/// them. Where two pixels touch at a corner alone the outline stays with its own: they do not hang together
/// there.
Outline trace(Grid& grid, Pixel first, std::int8_t mark) {
  // East, south, west, north: a step, and the pixels ahead on the right and on the left, relative to the
  // corner.
  struct Heading {
    Pixel step, right, left;
  };
  constexpr std::array<Heading, 4> kHeadings{{{{0, 1}, {0, 0}, {-1, 0}},
                                              {{1, 0}, {0, -1}, {0, 0}},
                                              {{0, -1}, {-1, -1}, {0, -1}},
                                              {{-1, 0}, {-1, 0}, {-1, -1}}}};
  Outline outline;
  Pixel corner = first;
  std::size_t heading = 0;
  do {
    outline.push_back({static_cast<double>(corner.x), static_cast<double>(corner.y)});
    const std::size_t before = heading;
    while (heading == before) {
      const Heading& h = kHeadings[heading];
      corner = {corner.y + h.step.y, corner.x + h.step.x};
      if (grid.at(corner.y + h.right.y, corner.x + h.right.x) != mark)
        heading = (heading + 1) % 4;
      else if (grid.at(corner.y + h.left.y, corner.x + h.left.x) == mark)
        heading = (heading + 3) % 4;
    }
  } while (corner.y != first.y || corner.x != first.x);
  return outline;
}

/// The first rows of the holes of a piece (marks 1).
std::set<std::int64_t> hole_rows(Grid grid) {
  const Rows all{-1, grid.height() + 1};
  refill(grid, {-1, -1}, 2, /*corners_connect=*/true, all);
  std::set<std::int64_t> rows;
  for (std::int64_t y = 0; y < grid.height(); ++y)
    for (std::int64_t x = 0; x < grid.width(); ++x)
      if (grid.at(y, x) == 0) {
        rows.insert(y);
        refill(grid, {y, x}, 2, /*corners_connect=*/true, all);
      }
  return rows;
}

/// Of a piece (marks 1). Every hole is open at the upper border of the band that begins with its first row.
std::vector<Outline> outlines_of_piece(Grid grid) {
  std::set<std::int64_t> cuts = hole_rows(grid);
  cuts.insert(grid.height());
  std::vector<Outline> outlines;
  Rows band{0, 0};
  for (const std::int64_t cut : cuts) {
    band = {band.end, cut};
    for (std::int64_t y = band.begin; y < band.end; ++y)
      for (std::int64_t x = 0; x < grid.width(); ++x)
        if (grid.at(y, x) == 1) {
          refill(grid, {y, x}, 2, /*corners_connect=*/false, band);
          outlines.push_back(trace(grid, {y, x}, 2));
          refill(grid, {y, x}, 3, /*corners_connect=*/false, band);
        }
  }
  return outlines;
}

}  // namespace

std::vector<std::vector<Outline>> outlines_of(const Tensor& labels, std::int32_t value) {
  const std::int64_t H = labels.dim(0), W = labels.dim(1);
  const auto* p = labels.data<const std::int32_t>();
  Grid all(H, W);
  for (std::int64_t y = 0; y < H; ++y)
    for (std::int64_t x = 0; x < W; ++x) all.at(y, x) = p[y * W + x] == value;
  std::vector<std::vector<Outline>> pieces;
  for (std::int64_t y = 0; y < H; ++y)
    for (std::int64_t x = 0; x < W; ++x) {
      if (all.at(y, x) != 1) continue;
      const RegionBox box = refill(all, {y, x}, 2, /*corners_connect=*/false, {0, H});
      Grid piece(box.height, box.width);
      for (std::int64_t r = 0; r < box.height; ++r)
        for (std::int64_t c = 0; c < box.width; ++c) piece.at(r, c) = all.at(box.top + r, box.left + c) == 2;
      refill(all, {y, x}, 0, /*corners_connect=*/false, {0, H});
      pieces.push_back(outlines_of_piece(std::move(piece)));
      for (Outline& outline : pieces.back())
        for (Corner& corner : outline) {
          corner.x += static_cast<double>(box.left);
          corner.y += static_cast<double>(box.top);
        }
    }
  return pieces;
}

}  // namespace clearcut
