// Adam with decoupled weight decay, for many tensors in few launches.
//
// The pieces of up to 24 tensors travel as arguments of one launch: a block of 256 threads works on one
// piece, a thread on one value. Bytes moved per float: 16 read, 12 written. The bits are the reference's:
// each product is rounded before it is added, where nvcc would round product and sum as one.
#include "tensor/ops/adamw.h"

#include <algorithm>
#include <cmath>

#include "cuda/gpu.cuh"

namespace clearcut::kernels {

namespace {

constexpr int kThreads = 256;
constexpr std::size_t kPieces = 24;  // 2.5 KiB (double) of the 4 KiB that arguments may take

template <class T>
struct AdamWPieces {
  AdamWPiece<T> piece[kPieces];
};

__device__ float product(float a, float b) { return __fmul_rn(a, b); }
__device__ double product(double a, double b) { return __dmul_rn(a, b); }

template <class T>
__global__ void __launch_bounds__(kThreads, 4) adamw_kernel(AdamWPieces<T> pieces) {
  const AdamWPiece<T>& p = pieces.piece[blockIdx.y];
  const std::int64_t i = cuda::thread_number();
  if (i >= p.n) return;
  const AdamWFactors<T>& f = p.factors;
  const T g = p.g[i];
  const T m = product(f.beta1, p.m[i]) + product(f.share1, g);
  const T v = product(f.beta2, p.v[i]) + product(f.share2, product(g, g));
  p.m[i] = m;
  p.v[i] = v;
  p.w[i] = product(f.keep, p.w[i]) - product(f.rate, m / (std::sqrt(v) / f.root + f.epsilon));
}

}  // namespace

template <class T>
void adamw_update(Cuda, const std::vector<AdamWPiece<T>>& pieces) {
  for (std::size_t first = 0; first < pieces.size(); first += kPieces) {
    const std::size_t n = std::min(kPieces, pieces.size() - first);
    AdamWPieces<T> some{};
    std::copy_n(pieces.begin() + static_cast<std::ptrdiff_t>(first), n, some.piece);
    std::int64_t longest = 0;
    for (std::size_t k = 0; k < n; ++k) longest = std::max(longest, some.piece[k].n);
    cuda::launch<adamw_kernel<T>>(
        {.blocks = dim3(cuda::blocks_for(longest, kThreads), static_cast<unsigned>(n)), .threads = kThreads},
        some);
  }
}

template void adamw_update<float>(Cuda, const std::vector<AdamWPiece<float>>&);
template void adamw_update<double>(Cuda, const std::vector<AdamWPiece<double>>&);

}  // namespace clearcut::kernels
