#include "tensor/ops/sgd.h"

#include "tensor/cpu/isa.h"
#include "tensor/parallel.h"

namespace clearcut::kernels {

void sgd_update(Cpu, const std::vector<SgdPiece<float>>& pieces) {
  enter_fast_body();
  const auto loop = isa_table().pointwise->sgd;
  parallel_for(static_cast<std::int64_t>(pieces.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k) {
      const SgdPiece<float>& p = pieces[static_cast<std::size_t>(k)];
      loop(p.w, p.v, p.g, p.n,
           {.rate = static_cast<float>(p.update.rate),
            .momentum = static_cast<float>(p.update.momentum),
            .decay = static_cast<float>(p.update.weight_decay),
            .nesterov = p.update.nesterov});
    }
  });
}

}  // namespace clearcut::kernels
