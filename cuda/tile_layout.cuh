// Tiles of operands in shared memory, and which elements of them a thread copies and reads.
//
// A tile is 64 elements on one side of a product by 64 bytes of k (16 floats, 8 doubles). An operand lies
// along k (a row of a) or along its other side (a row of b) in memory, and its tile alike, so that copies
// take neighbours. Chunks of 16 bytes are permuted: along k by the row, along the side by k / 4. So neither
// copies nor the reads of 8 threads meet in a bank: of neighbouring chunks, or of one chunk in each of 8
// rows.
#pragma once

#include "cuda/pack.cuh"

namespace clearcut::cuda {

enum class Along { kDepth, kSide };

constexpr int kTileSide = 64, kTileThreads = 256;
constexpr std::int64_t kMostTerms = 2'147'483'647 - 64;  // of one sum: steps are counted in 32 bits

namespace tile {

template <class T>
constexpr int kDepth = 64 / static_cast<int>(sizeof(T));  // k of one step

template <class T, Along along>
struct Layout {
  static constexpr bool kDeep = along == Along::kDepth;
  static constexpr int kK = kDepth<T>, kChunk = Pack<T>::kSize, kSize = kTileSide * kK;

  __device__ static int place(int side, int k) {
    if constexpr (kDeep) return side * kK + ((k / kChunk) ^ (side / 2 % 4)) * kChunk + k % kChunk;
    return k * kTileSide + (side ^ (k / 4 % 4 * 8));
  }
  struct Element {
    int side, k;
  };
  /// The chunk that this thread copies, by its first element.
  __device__ static Element chunk() {
    const int t = static_cast<int>(threadIdx.x);
    if constexpr (kDeep) return {t / 4, t % 4 * kChunk};
    return {t % (kTileSide / kChunk) * kChunk, t / (kTileSide / kChunk)};
  }
  /// The i-th of kChunk elements that it copies one by one: all in one k along k, else all of one side.
  __device__ static Element element(int i) {
    const int t = static_cast<int>(threadIdx.x);
    if constexpr (kDeep) return {t / kK + i * (kTileThreads / kK), t % kK};
    return {t % kTileSide, t / kTileSide + i * (kTileThreads / kTileSide)};
  }
  /// to[j] = element (side, k + j), for j < kChunk; k is a multiple of kChunk.
  template <class Buffer>
  __device__ static void read_along_k(const Buffer& from, int side, int k, T (&to)[kChunk]) {
    if constexpr (kDeep) {
      const Pack<T> pack = load_pack(&from[place(side, k)]);
      for (int j = 0; j < kChunk; ++j) to[j] = pack.v[j];
    } else {
      for (int j = 0; j < kChunk; ++j) to[j] = from[place(side, k + j)];
    }
  }
};

}  // namespace tile
}  // namespace clearcut::cuda
