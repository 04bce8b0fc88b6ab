#include "tensor/ops/pixel_losses.h"

#include <algorithm>
#include <cmath>

#include "tensor/parallel.h"

namespace clearcut::ops {

double hardest_bound(const Tensor& losses, const HardPixels& rule) {
  check(rule.threshold > 0 && rule.threshold <= 1 && rule.min_kept >= 0, "cross_entropy",
        "hard pixels need a threshold in (0, 1] and min_kept >= 0; got ", rule.threshold, ", ",
        rule.min_kept);
  const Tensor host = losses.to(Device::kCpu).to(DType::kFloat64);
  std::vector<double> counted = host.values<double>();
  std::erase_if(counted, [](double l) { return l < 0; });
  if (rule.min_kept >= static_cast<std::int64_t>(counted.size())) return 0;
  const double by_threshold = -std::log(rule.threshold);
  if (rule.min_kept == 0) return by_threshold;
  const auto kth = counted.begin() + rule.min_kept - 1;
  std::nth_element(counted.begin(), kth, counted.end(), std::greater<>());
  return std::min(by_threshold, *kth);
}

}  // namespace clearcut::ops

namespace clearcut::kernels {

namespace {

constexpr std::int64_t kPixelsPerChunk = 4096;

}  // namespace

template <class T>
void pixel_losses(Reference, Nchw<const T> z, const Taps& rows, const Taps& cols, const std::int32_t* labels,
                  Flat<const T> log_sum_exp, Flat<T> losses) {
  const std::int64_t W = cols.outputs(), plane = rows.outputs() * W;
  parallel_for(losses.n, kPixelsPerChunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) {
      losses[p] = -1;
      if (labels[p] < 0) continue;
      const auto i = static_cast<std::size_t>(p % plane / W), j = static_cast<std::size_t>(p % W);
      const T* of_class = z.plane(p / plane, labels[p]);
      const double down = rows.weight[i], right = cols.weight[j];
      const auto at = [&](std::int64_t h, std::int64_t w) { return double{of_class[h * z.W + w]}; };
      const double logit =
          (1 - down) * ((1 - right) * at(rows.low[i], cols.low[j]) + right * at(rows.low[i], cols.high[j])) +
          down * ((1 - right) * at(rows.high[i], cols.low[j]) + right * at(rows.high[i], cols.high[j]));
      losses[p] = static_cast<T>(std::max(0.0, log_sum_exp[p] - logit));
    }
  });
}

template <class T>
FocusedSums focus(Reference, Flat<const T> losses, const FocusRule& rule, T* weights) {
  const std::int64_t chunks = (losses.n + kPixelsPerChunk - 1) / kPixelsPerChunk;
  std::vector<FocusedSums> parts(static_cast<std::size_t>(chunks));
  parallel_for(losses.n, kPixelsPerChunk, [&](std::int64_t begin, std::int64_t end) {
    FocusedSums& sums = parts[static_cast<std::size_t>(begin / kPixelsPerChunk)];
    for (std::int64_t p = begin; p < end; ++p) {
      const double l = losses[p], q = l >= rule.bound ? static_cast<double>(weights[p]) : 0;
      const double wrong = -std::expm1(-l);  // 1 - exp(-l)
      const double far = l > 0 ? std::pow(wrong, rule.gamma) : rule.gamma == 0 ? 1 : 0;
      const double slope = l > 0 ? rule.gamma * std::exp(-l) * std::pow(wrong, rule.gamma - 1) * l : 0;
      sums.loss += q > 0 ? q * far * l : 0;
      sums.weight += q;
      weights[p] = static_cast<T>(q > 0 ? q * (far + slope) : 0);
    }
  });
  FocusedSums total;
  for (const FocusedSums& part : parts) total.loss += part.loss, total.weight += part.weight;
  return total;
}

#define INSTANTIATE(T)                                                                                \
  template void pixel_losses(Reference, Nchw<const T>, const Taps&, const Taps&, const std::int32_t*, \
                             Flat<const T>, Flat<T>);                                                 \
  template FocusedSums focus(Reference, Flat<const T>, const FocusRule&, T*);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace clearcut::kernels
