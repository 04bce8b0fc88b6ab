// Which pixels the taps of a convolution read, forward and backward, in one form: output pixel (p, q) of a
// grid reads, for each tap, element offset + p * row_stride + q of a plane. Padding, stride and dilation go
// into a copy of the plane: zeros around it, and one sub-plane per residue of the stride that a tap needs, so
// that pixels `stride` apart become neighbours. Without padding and stride the plane itself serves.
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/memory.h"
#include "tensor/ops/conv2d.h"

namespace clearcut {

/// One axis. Element i of sub-plane s is pixel i * stride + residues[s] - padding of the source (0 outside).
/// Output pixel p of the grid reads element p + shift of its tap's sub-plane.
struct AxisTaps {
  struct Tap {
    std::int64_t kernel;   // index in the kernel
    std::int64_t residue;  // index in residues
    std::int64_t shift;
  };
  /// The pixel that a tap reads for output pixel 0, counted from the first pixel of the padding.
  std::int64_t pixel_of(const Tap& tap) const {
    return tap.shift * stride + residues[static_cast<std::size_t>(tap.residue)];
  }
  std::vector<Tap> taps = {};
  std::vector<std::int64_t> residues = {};
  std::int64_t stride = 1, padding = 0;
  std::int64_t size = 0;    // pixels of the source
  std::int64_t length = 0;  // elements of a sub-plane
  std::int64_t count = 0;   // output pixels; pixel p is out_first + p * out_step of the whole output
  std::int64_t out_first = 0, out_step = 1;
};

/// The taps of one grid of output pixels.
struct Taps {
  AxisTaps h, w;
  bool in_place() const;  // the source plane is read as it is
  std::int64_t plane() const;
  std::int64_t row_stride() const { return in_place() ? w.size : w.length; }
  /// Offsets of all taps, rows first; kernel_index(): their places in a kernel of S columns.
  std::vector<std::int64_t> offsets() const;
  std::vector<std::int64_t> kernel_index(std::int64_t S) const;
  /// Copies one source plane to `to`, of plane() floats, laid out as offsets() expect it.
  void copy_plane(const float* from, float* to) const;
  /// The way back: copies a plane laid out by copy_plane() to the source; pixels that no tap reads become 0.
  void fold_plane(const float* from, float* to) const;
};

/// y from x. x [H, W], w [R, S], y [P, Q].
struct MapSizes {
  std::int64_t H, W, R, S, P, Q;
};
Taps forward_taps(const MapSizes& sizes, const ConvOptions& o);
/// dx from dy. A stride cuts dx into stride.h * stride.w interleaved grids, each reached by its own taps; a
/// grid that no tap reaches has none. Grids without pixels are left out.
std::vector<Taps> backward_taps(const MapSizes& sizes, const ConvOptions& o);

/// Planes of several images ready for their taps: the tensor itself, or copies. `from` is plane 0 of image 0.
class TapSource {
 public:
  struct Planes {
    const float* from;
    std::int64_t images, channels, image_stride, plane_stride;
  };
  TapSource(const Taps& taps, const Planes& planes);
  const float* data() const { return data_; }
  const float* end() const { return end_; }
  std::int64_t image_stride() const { return image_stride_; }
  std::int64_t plane_stride() const { return plane_stride_; }

  /// Images at a time such that their copies stay in the last cache.
  static std::int64_t images_at_a_time(const Taps& taps, std::int64_t images, std::int64_t channels);

 private:
  Scratch<float> copy_;
  const float* data_;
  const float* end_;
  std::int64_t image_stride_, plane_stride_;
};

}  // namespace clearcut
