#include "tensor/ops/max_pool2d.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "tensor/cpu/isa.h"
#include "tensor/parallel.h"

namespace clearcut::kernels {

namespace {

// Outputs [begin, end) whose taps v lie inside a row of W pixels: output j reads column j * stride + v *
// dilation - left.
struct Inside {
  Inside(const MaxWindows& win, std::int64_t v, std::int64_t W, std::int64_t outputs) {
    const std::int64_t shift = v * win.dilation.w - win.left, s = win.stride.w;
    begin = std::min(outputs, shift < 0 ? (-shift + s - 1) / s : 0);
    end = std::max(begin, shift >= W ? 0 : std::min(outputs, (W - 1 - shift) / s + 1));
  }
  std::int64_t begin, end;
};

// Windows with the same taps make one run: most of a row, and single ones at its ends. All rows whose taps u
// lie inside the map share the runs of their columns.
class RowPool {
 public:
  RowPool(const MaxWindows& win, std::int64_t W, std::int64_t outputs) : win_(win), W_(W) {
    std::vector<std::int64_t> cuts{0, outputs};
    for (std::int64_t v = 0; v < win.kernel.w; ++v) {
      inside_.emplace_back(win, v, W, outputs);
      cuts.push_back(inside_.back().begin);
      cuts.push_back(inside_.back().end);
    }
    std::sort(cuts.begin(), cuts.end());
    cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
    cuts_ = cuts;
  }

  // Output row i of a plane of H rows.
  void run(const float* plane, std::int64_t H, std::int64_t i, float* best, std::int32_t* index) {
    for (std::size_t c = 0; c + 1 < cuts_.size(); ++c) {
      const std::int64_t begin = cuts_[c], n = cuts_[c + 1] - begin;
      taps_.clear();
      for (std::int64_t u = 0; u < win_.kernel.h; ++u) {
        const std::int64_t h = i * win_.stride.h + u * win_.dilation.h - win_.top;
        if (h < 0 || h >= H) continue;
        for (std::int64_t v = 0; v < win_.kernel.w; ++v) {
          const Inside& in = inside_[static_cast<std::size_t>(v)];
          if (begin < in.begin || begin >= in.end) continue;
          const std::int64_t column = begin * win_.stride.w + v * win_.dilation.w - win_.left;
          taps_.push_back(static_cast<std::int32_t>(h * W_ + column));
        }
      }
      if (taps_.empty()) {
        std::fill_n(best + begin, n, -std::numeric_limits<float>::infinity());
        std::fill_n(index + begin, n, -1);
        continue;
      }
      isa_table().maps->max_windows({.x = plane,
                                     .taps = taps_.data(),
                                     .tap_count = static_cast<std::int64_t>(taps_.size()),
                                     .stride = win_.stride.w,
                                     .best = best + begin,
                                     .index = index + begin,
                                     .n = n});
    }
  }

 private:
  MaxWindows win_;
  std::int64_t W_;
  std::vector<Inside> inside_;      // of each v
  std::vector<std::int64_t> cuts_;  // where the taps of neighbours differ
  std::vector<std::int32_t> taps_;
};

}  // namespace

void max_pool2d(Cpu, Nchw<const float> x, MaxWindows win, Nchw<float> y, Nchw<std::int32_t> index) {
  enter_fast_body();
  parallel_for(y.N * y.C, 1, [&](std::int64_t begin, std::int64_t end) {
    RowPool row(win, x.W, y.W);
    for (std::int64_t p = begin; p < end; ++p)
      for (std::int64_t i = 0; i < y.H; ++i) {
        const std::int64_t at = (p * y.H + i) * y.W;
        row.run(x.data + p * x.H * x.W, x.H, i, y.data + at, index.data + at);
      }
  });
}

}  // namespace clearcut::kernels
