#include "tensor/ops/clamp_mask.h"

#include "tensor/cpu/isa.h"
#include "tensor/parallel.h"

namespace clearcut::kernels {

namespace {
constexpr std::int64_t kGrain = 1 << 15;  // 128 KiB of floats
}

void clamp_mask(Cpu, Flat<const float> y, double low, double high, Flat<std::uint8_t> mask) {
  enter_fast_body();
  parallel_for(y.n, kGrain, [&](std::int64_t begin, std::int64_t end) {
    isa_table().pointwise->clamp_mask(y.data + begin, mask.data + begin, end - begin, static_cast<float>(low),
                                      static_cast<float>(high));
  });
}

void masked(Cpu, Flat<const float> dy, Flat<const std::uint8_t> mask, Flat<float> dx) {
  enter_fast_body();
  parallel_for(dy.n, kGrain, [&](std::int64_t begin, std::int64_t end) {
    isa_table().pointwise->masked(dy.data + begin, mask.data + begin, dx.data + begin, end - begin);
  });
}

}  // namespace clearcut::kernels
