// The taps of bilinear resizing (tensor/ops/resize.h) on the device: for resizing and for the loss that
// upsamples.
#pragma once

#include "cuda/table.cuh"
#include "tensor/ops/resize.h"

namespace clearcut::cuda {

/// Output i reads low and high: (1 - weight) x[low] + weight x[high].
struct Tap {
  std::int64_t low, high;
  double weight;

  /// The share of input k.
  __device__ double share(std::int64_t k) const {
    return (low == k ? 1 - weight : 0) + (high == k ? weight : 0);
  }
};

/// One axis.
struct TapsView {
  const Tap* taps;     // of each output
  const Run* readers;  // of each input: the outputs that may read it
};

class TapTables {
 public:
  explicit TapTables(const kernels::Taps& t) : taps_(joined(t)), readers_(runs(t.first, t.last)) {}
  TapsView view() const { return {taps_.data(), readers_.data()}; }

 private:
  static std::vector<Tap> joined(const kernels::Taps& t) {
    std::vector<Tap> taps;
    for (std::size_t i = 0; i < t.low.size(); ++i) taps.push_back({t.low[i], t.high[i], t.weight[i]});
    return taps;
  }
  Table<Tap> taps_;
  Table<Run> readers_;
};

/// The value of a plane with rows of `width` where `row` and `col` say: between columns first.
template <class T>
__device__ T interpolate(const T* plane, std::int64_t width, const Tap& row, const Tap& col) {
  const T *upper = plane + row.low * width, *lower = plane + row.high * width;
  const T right = static_cast<T>(col.weight), down = static_cast<T>(row.weight);
  const T top = (1 - right) * upper[col.low] + right * upper[col.high];
  const T bottom = (1 - right) * lower[col.low] + right * lower[col.high];
  return (1 - down) * top + down * bottom;
}

}  // namespace clearcut::cuda
