#include "tensor/ops/dropout.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "tensor/parallel.h"

namespace clearcut::kernels {

namespace {
constexpr std::int64_t kDecisions = 4096;  // per piece of work: 16 KiB of random words on the stack
}

void dropout(Cpu, Rows<const float> x, const std::vector<RandomStream>& streams, double p,
             std::int64_t per_decision, Rows<float> y) {
  enter_fast_body();
  const auto scale = static_cast<float>(1 / (1 - p));
  // word * 2^-32 >= p, in integers.
  const auto least = static_cast<std::uint64_t>(std::ceil(p * 0x1p32));
  const std::int64_t decisions = x.cols / per_decision, per_row = (decisions + kDecisions - 1) / kDecisions;
  parallel_for(x.rows * per_row, 1, [&](std::int64_t begin, std::int64_t end) {
    std::array<std::uint32_t, kDecisions> words;
    for (std::int64_t piece = begin; piece < end; ++piece) {
      const std::int64_t row = piece / per_row, first = piece % per_row * kDecisions;
      const std::int64_t n = std::min(kDecisions, decisions - first);
      streams[static_cast<std::size_t>(row)].fill_bits(words.data(), n, first);
      const float* from = x[row] + first * per_decision;
      float* to = y[row] + first * per_decision;
      for (std::int64_t d = 0; d < n; ++d) {
        // A mask of all or no bits: a branch would be guessed wrong half of the time.
        const std::uint32_t mask = words[static_cast<std::size_t>(d)] >= least ? ~std::uint32_t{0} : 0;
        for (std::int64_t i = d * per_decision; i < (d + 1) * per_decision; ++i)
          to[i] = std::bit_cast<float>(std::bit_cast<std::uint32_t>(from[i] * scale) & mask);
      }
    }
  });
}

}  // namespace clearcut::kernels
