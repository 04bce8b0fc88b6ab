#include "tensor/cpu/bilinear.h"

#include <algorithm>

namespace clearcut::kernels {

FloatTaps::FloatTaps(const Taps& taps) {
  for (std::size_t i = 0; i < taps.low.size(); ++i) {
    low_.push_back(static_cast<std::int32_t>(taps.low[i]));
    high_.push_back(static_cast<std::int32_t>(taps.high[i]));
    weight_.push_back(static_cast<float>(taps.weight[i]));
  }
  for (std::size_t k = 0; k < taps.first.size(); ++k) {
    readers_.push_back({taps.first[k], taps.last[k]});
    for (std::int64_t j = taps.first[k]; j < taps.last[k]; ++j)
      shares_.push_back(static_cast<float>(taps.share(j, static_cast<std::int64_t>(k))));
  }
}

// Each input gathers: adding every output to its two inputs would wait for the sum before, one by one.
void FloatTaps::reduce_row(const float* dy, float* dx) const {
  const float* share = shares_.data();
  for (const Readers& r : readers_) {
    float sum = 0;
    for (std::int64_t j = r.first; j < r.last; ++j) sum += *share++ * dy[j];
    *dx++ = sum;
  }
}

void ExpandedRows::set_plane(const float* plane, std::int64_t W) {
  plane_ = plane;
  width_ = W;
  padded_.resize(static_cast<std::size_t>(W + isa::kRowSlack));
  held_[0] = held_[1] = -1;
}

const float* ExpandedRows::row(std::int64_t h) {
  float* place = rows_.data() + h % 2 * cols_.n;
  if (held_[h % 2] != h) {
    std::copy_n(plane_ + h * width_, width_, padded_.data());
    isa_table().maps->expand_row(padded_.data(), cols_, place);
    held_[h % 2] = h;
  }
  return place;
}

}  // namespace clearcut::kernels
