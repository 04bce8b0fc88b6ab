#include "tensor/ops/avg_pool2d.h"

#include <algorithm>

#include "tensor/cpu/isa.h"
#include "tensor/parallel.h"

namespace clearcut::kernels {

namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// Wide bins, as global pooling has them, go through the vector sum; narrow ones are not worth the call.
double sum_run(const float* x, std::int64_t n) {
  if (n >= 16) return isa_table().reduce->sum(x, n);
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += x[i];
  return sum;
}

double sum_bin(const float* plane, std::int64_t W, std::int64_t top, std::int64_t bottom, std::int64_t left,
               std::int64_t right) {
  if (right - left == W) return sum_run(plane + top * W, (bottom - top) * W);
  double sum = 0;
  for (std::int64_t h = top; h < bottom; ++h) sum += sum_run(plane + h * W + left, right - left);
  return sum;
}

}  // namespace

void average_bins(Cpu, Nchw<const float> x, const Bins& rows, const Bins& cols, Nchw<float> y) {
  enter_fast_body();
  parallel_for(x.N * x.C, std::max<std::int64_t>(1, (1 << 14) / (x.H * x.W)),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t p = begin; p < end; ++p)
                   for (std::int64_t i = 0; i < y.H; ++i)
                     for (std::int64_t j = 0; j < y.W; ++j) {
                       const double sum = sum_bin(x.data + p * x.H * x.W, x.W, rows.begin[at(i)],
                                                  rows.end[at(i)], cols.begin[at(j)], cols.end[at(j)]);
                       y.data[(p * y.H + i) * y.W + j] =
                           static_cast<float>(sum / (rows.divisor[at(i)] * cols.divisor[at(j)]));
                     }
               });
}

// Each plane's dy is divided once; then every pixel adds the few shares that reach it.
void average_bins_backward(Cpu, Nchw<const float> dy, const Bins& rows, const Bins& cols, Nchw<float> dx) {
  enter_fast_body();
  const std::int64_t grain = std::max<std::int64_t>(1, (1 << 14) / (dx.H * dx.W));
  parallel_for(dx.N * dx.C, grain, [&](std::int64_t begin, std::int64_t end) {
    std::vector<double> share(at(dy.H * dy.W));
    for (std::int64_t p = begin; p < end; ++p) {
      for (std::int64_t i = 0; i < dy.H; ++i)
        for (std::int64_t j = 0; j < dy.W; ++j)
          share[at(i * dy.W + j)] =
              dy.data[(p * dy.H + i) * dy.W + j] / (rows.divisor[at(i)] * cols.divisor[at(j)]);
      for (std::int64_t h = 0; h < dx.H; ++h)
        for (std::int64_t w = 0; w < dx.W; ++w) {
          double sum = 0;
          for (std::int64_t i = rows.first[at(h)]; i < rows.last[at(h)]; ++i)
            for (std::int64_t j = cols.first[at(w)]; j < cols.last[at(w)]; ++j)
              sum += share[at(i * dy.W + j)];
          dx.data[(p * dx.H + h) * dx.W + w] = static_cast<float>(sum);
        }
    }
  });
}

}  // namespace clearcut::kernels
