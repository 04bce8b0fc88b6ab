#include "explain/noisy_copies.h"

#include <algorithm>

#include "tensor/ops/arithmetic.h"
#include "tensor/random.h"

namespace clearcut {

NoisyCopies::NoisyCopies(const ExplainInput& input, Device device, double noise, const char* purpose,
                         double deviation)
    : input_(input), x_(input.x.to(device)), purpose_(purpose) {
  check(noise >= 0, purpose, "noise must be >= 0; got ", noise);
  const std::int64_t size = input.x.numel() / input.x.dim(0);
  for (std::int64_t k = 0; k < input.x.dim(0); ++k) {
    const float* x = input.x.data<const float>() + k * size;
    const auto [low, high] = std::minmax_element(x, x + size);
    deviation_.push_back(deviation > 0 ? deviation : noise * (static_cast<double>(*high) - *low));
  }
}

void NoisyCopies::write(std::int64_t k, std::int64_t i, const Tensor& slot) const {
  const auto item = static_cast<std::size_t>(k);
  const RandomStream noise(input_.seed, purpose_, input_.items[item], static_cast<std::uint32_t>(i));
  noise.fill_normal(slot, 0, deviation_[item]);
  ops::add_in_place(slot, x_[k]);
}

}  // namespace clearcut
