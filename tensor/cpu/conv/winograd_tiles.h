// The tiles of 4 x 4 pixels that a map falls into, those of all images in a row: column of tiles fastest,
// then row of tiles, phase of the dilation, image. They are cut into panels of some vectors of tiles.
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/cpu/gemm.h"
#include "tensor/ops/conv2d.h"

namespace clearcut::conv {

/// [begin, end).
struct Range {
  std::int64_t begin, end;
  std::int64_t size() const { return end - begin; }
};

/// A matrix for each of the 36 points, `stride` floats apart.
template <class T>
struct PointsOf {
  T* data;
  std::int64_t stride;
};
using Points = PointsOf<float>;
using ConstPoints = PointsOf<const float>;

/// What `pixel` (p, q) of the tiled map reads in the other map: pixels p - top + r dilation.h, r < 6; columns
/// alike.
struct TiledMaps {
  std::int64_t images;
  std::int64_t H, W;                 // of the tiled map
  std::int64_t image_stride;         // floats from one image of it to the next
  std::int64_t source_image_stride;  // of the other
  std::int64_t top, left;            // padding of the other; may be negative
  Size2 dilation;
};

class WinogradTiles {
 public:
  struct Panel {
    std::int64_t tiles, width;             // width: in whole vectors
    std::int64_t narrow;                   // the last tiles, which would fill little of a vector
    std::int64_t offset;                   // sum of the widths before it
    std::vector<isa::WinogradRun> source;  // in the other map, cut to the length of an input run
    std::vector<isa::WinogradRun> tiled;   // in the tiled map
  };
  /// Panels of at most `lanes` tiles; up to max_narrow more where these are the last of all.
  WinogradTiles(const TiledMaps& maps, std::int64_t lanes, std::int64_t max_narrow);
  std::int64_t tiles() const { return tiles_; }
  const std::vector<Panel>& panels() const { return panels_; }
  std::int64_t width() const { return width_; }  // of the widest panel

 private:
  void add_row(const TiledMaps& maps, const isa::WinogradRun& row);
  std::int64_t tiles_ = 0, next_ = 0, width_ = 0;
  std::vector<Panel> panels_;
};

/// B^T d B of a panel's tiles in some channels of `maps`: [channel][width] at each point.
void transform_tiles(Nchw<const float> maps, Range channels, Size2 dilation,
                     const WinogradTiles::Panel& panel, const Points& to);

}  // namespace clearcut::conv
