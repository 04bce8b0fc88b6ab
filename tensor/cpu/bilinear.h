// What the fast bodies of bilinear resizing and of the upsampled loss share.
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/cpu/isa.h"
#include "tensor/ops/resize.h"

namespace clearcut::kernels {

/// The taps of one axis as the vector loops want them.
class FloatTaps {
 public:
  explicit FloatTaps(const Taps& taps);

  isa::ColumnTaps view() const {
    return {low_.data(), high_.data(), weight_.data(), static_cast<std::int64_t>(low_.size())};
  }
  /// dx[k] = sum over outputs j of (share of input k in j) * dy[j], for all inputs: expand_row transposed.
  void reduce_row(const float* dy, float* dx) const;

 private:
  struct Readers {
    std::int64_t first, last;  // outputs that read one input
  };
  std::vector<std::int32_t> low_, high_;
  std::vector<float> weight_;
  std::vector<Readers> readers_;
  std::vector<float> shares_;  // of each input in its readers, one input after the other
};

/// The rows of one plane [H, W], each interpolated to the output columns when it is first asked for. The last
/// two stay, so that going down the output rows each is expanded once.
class ExpandedRows {
 public:
  explicit ExpandedRows(const FloatTaps& cols)
      : cols_(cols.view()), rows_(static_cast<std::size_t>(2 * cols_.n)) {}

  void set_plane(const float* plane, std::int64_t W);
  const float* row(std::int64_t h);

 private:
  isa::ColumnTaps cols_;
  std::vector<float> rows_, padded_;  // padded_: one row of x and what may be read behind it
  const float* plane_ = nullptr;
  std::int64_t width_ = 0;
  std::int64_t held_[2] = {-1, -1};
};

}  // namespace clearcut::kernels
