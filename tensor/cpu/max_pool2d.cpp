#include "tensor/ops/max_pool2d.h"

#include <algorithm>
#include <limits>

#include "tensor/cpu/isa.h"
#include "tensor/parallel.h"

namespace clearcut::kernels {

namespace {

// One output row: each tap of the window updates the run of outputs whose tap lies inside the row of x, so
// borders need no case of their own.
void pool_row(const float* plane, std::int64_t H, std::int64_t W, const MaxWindows& win, std::int64_t i,
              std::int64_t outputs, float* best, std::int32_t* index) {
  const auto loop = isa_table().maps->max_tap;
  std::fill(best, best + outputs, -std::numeric_limits<float>::infinity());
  std::fill(index, index + outputs, -1);
  for (std::int64_t u = 0; u < win.kernel.h; ++u) {
    const std::int64_t h = i * win.stride.h + u * win.dilation.h - win.top;
    if (h < 0 || h >= H) continue;
    for (std::int64_t v = 0; v < win.kernel.w; ++v) {
      // Output j reads column j * stride + shift.
      const std::int64_t shift = v * win.dilation.w - win.left, s = win.stride.w;
      const std::int64_t first = shift < 0 ? (-shift + s - 1) / s : 0;
      const std::int64_t end = shift >= W ? 0 : std::min(outputs, (W - 1 - shift) / s + 1);
      if (first >= end) continue;
      const std::int64_t at = h * W + first * s + shift;
      loop({plane + at, s, static_cast<std::int32_t>(at), best + first, index + first, end - first});
    }
  }
}

}  // namespace

void max_pool2d(Cpu, Nchw<const float> x, MaxWindows win, Nchw<float> y, Nchw<std::int32_t> index) {
  enter_fast_body();
  parallel_for(y.N * y.C, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p)
      for (std::int64_t i = 0; i < y.H; ++i) {
        const std::int64_t at = (p * y.H + i) * y.W;
        pool_row(x.data + p * x.H * x.W, x.H, x.W, win, i, y.W, y.data + at, index.data + at);
      }
  });
}

}  // namespace clearcut::kernels
