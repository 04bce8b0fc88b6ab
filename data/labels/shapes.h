// Regions of a label map as runs and as outlines, the two ways in which annotation tools keep them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace clearcut {

/// Lengths of runs outside and inside the region in turn, the first one outside (it may be 0).
using Runs = std::vector<std::int64_t>;

/// A rectangle of whole pixels.
struct RegionBox {
  std::int64_t left = 0, top = 0, width = 0, height = 0;
};

/// The pixels of `value` in labels int32 [H, W]: their box (empty if there are none), and their number.
RegionBox box_of(const Tensor& labels, std::int32_t value);
std::int64_t area_of(const Tensor& labels, std::int32_t value);

/// COCO: over the whole map, column by column from the left, each from the top.
Runs column_runs(const Tensor& labels, std::int32_t value);
/// CVAT: inside a box, row by row from the top, each from the left.
Runs row_runs(const Tensor& labels, std::int32_t value, const RegionBox& box);
/// Both paint `value` where the runs are inside. Throw Error that starts with `where` unless the runs are not
/// negative and fill the map (the box) exactly, and for a box that leaves the map.
void paint_columns(const Runs& runs, std::int32_t value, Tensor& labels, const std::string& where);
void paint_rows(const Runs& runs, const RegionBox& box, std::int32_t value, Tensor& labels,
                const std::string& where);

/// COCO's packed runs: each number is written as 5-bit groups, the lowest first, bit 5 = another one follows,
/// plus 48; the last group's highest bit is the sign; from the fourth number on, the difference to the number
/// two before. Source: pycocotools, maskApi.c (rleToString), as a description.
std::string pack_runs(const Runs& runs);
Runs unpack_runs(const std::string& text, const std::string& where);

/// A corner in pixels: (0, 0) is the upper left corner of the first pixel, whose centre is (0.5, 0.5).
struct Corner {
  double x = 0, y = 0;
  friend bool operator==(const Corner&, const Corner&) = default;
};
using Outline = std::vector<Corner>;  // closed: the last corner joins the first

/// Outlines along the edges of pixels, whole numbers, of every connected piece (4 neighbours) of the region.
/// A piece with holes is cut into bands above the first row of each hole, so that no outline needs a hole:
/// the outlines of a piece together cover exactly its pixels, none twice.
std::vector<std::vector<Outline>> outlines_of(const Tensor& labels, std::int32_t value);

/// Paints the pixels whose centre lies inside (even-odd rule; a centre on the border counts if the region
/// lies to its right, or below it on a horizontal border). Throws Error that starts with `where` for fewer
/// than three corners, more than a million, numbers that are not finite, or an outline that crosses rows of
/// pixels more than 4 million times. Corners outside the map are fine.
void paint_outline(const Outline& outline, std::int32_t value, Tensor& labels, const std::string& where);

/// Twice the area that an outline encloses; negative if it runs counter-clockwise as seen on a picture.
double twice_area(const Outline& outline);

}  // namespace clearcut
