// Many small tensors in few launches: what optimisers share.
#pragma once

#include <algorithm>
#include <vector>

#include "cuda/gpu.cuh"

namespace clearcut::cuda {

constexpr int kPieceThreads = 256;

/// The pieces of up to `most` tensors, which travel as arguments of one launch: 4 KiB of arguments at most. A
/// block of kPieceThreads threads works on piece[blockIdx.y], a thread on value thread_number() of it.
template <class Piece, std::size_t most>
struct Pieces {
  static_assert(most * sizeof(Piece) <= 4096);
  Piece piece[most];
};

/// kernel(Pieces<Piece, most>) for all pieces.
template <auto kernel, std::size_t most, class Piece>
void launch_pieces(const std::vector<Piece>& pieces) {
  for (std::size_t first = 0; first < pieces.size(); first += most) {
    const std::size_t n = std::min(most, pieces.size() - first);
    Pieces<Piece, most> some{};
    std::copy_n(pieces.begin() + static_cast<std::ptrdiff_t>(first), n, some.piece);
    std::int64_t longest = 0;
    for (std::size_t k = 0; k < n; ++k) longest = std::max(longest, some.piece[k].n);
    launch<kernel>({.blocks = dim3(blocks_for(longest, kPieceThreads), static_cast<unsigned>(n)),
                    .threads = kPieceThreads},
                   some);
  }
}

/// A product that is rounded before it is added, as the reference's is, where nvcc would round product and
/// sum as one.
__device__ inline float product(float a, float b) { return __fmul_rn(a, b); }
__device__ inline double product(double a, double b) { return __dmul_rn(a, b); }

}  // namespace clearcut::cuda
