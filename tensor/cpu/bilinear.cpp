#include "tensor/cpu/bilinear.h"

#include <algorithm>

namespace clearcut::kernels {

FloatTaps::FloatTaps(const Taps& taps) {
  for (std::size_t i = 0; i < taps.low.size(); ++i) {
    low_.push_back(static_cast<std::int32_t>(taps.low[i]));
    high_.push_back(static_cast<std::int32_t>(taps.high[i]));
    weight_.push_back(static_cast<float>(taps.weight[i]));
  }
}

void FloatTaps::reduce_row(const float* dy, std::int64_t inputs, float* dx) const {
  std::fill(dx, dx + inputs, 0.0f);
  for (std::size_t j = 0; j < low_.size(); ++j) {
    dx[low_[j]] += (1 - weight_[j]) * dy[j];
    dx[high_[j]] += weight_[j] * dy[j];
  }
}

void ExpandedRows::set_plane(const float* plane, std::int64_t W) {
  plane_ = plane;
  width_ = W;
  held_[0] = held_[1] = -1;
}

const float* ExpandedRows::row(std::int64_t h) {
  float* place = rows_.data() + h % 2 * cols_.n;
  if (held_[h % 2] != h) {
    isa_table().maps->expand_row(plane_ + h * width_, cols_, place);
    held_[h % 2] = h;
  }
  return place;
}

}  // namespace clearcut::kernels
