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

constexpr int kTileSide = 64;
/// Blocks that a multiprocessor shall hold at least: it bounds the registers of a thread.
constexpr int kTileBlocks = 1;
constexpr std::int64_t kMostTerms = 2'147'483'647 - 64;  // of one sum: steps are counted in 32 bits

namespace tile {

template <class T>
constexpr int kDepth = 64 / static_cast<int>(sizeof(T));  // k of one step

/// What the threads of a block copy and where it goes.
template <class T, Along along, int kThreads>
struct Layout {
  static constexpr bool kDeep = along == Along::kDepth;
  static constexpr int kK = kDepth<T>, kChunk = Pack<T>::kSize, kSize = kTileSide * kK;
  // Of one thread: so many chunks, or elements, each so many sides (along k) or k (along the side) on.
  static constexpr int kRow = kDeep ? kK : kTileSide;
  static constexpr int kChunks = kSize / kChunk / kThreads, kNextChunk = kThreads * kChunk / kRow;
  static constexpr int kElements = kSize / kThreads, kNextElement = kThreads / kRow;

  __device__ static int place(int side, int k) {
    if constexpr (kDeep) return side * kK + ((k / kChunk) ^ (side / 2 % 4)) * kChunk + k % kChunk;
    return k * kTileSide + (side ^ (k / 4 % 4 * 8));
  }
  struct Element {
    int side, k;
    /// So many rows of the tile on.
    __device__ Element further(int rows) const {
      return kDeep ? Element{side + rows, k} : Element{side, k + rows};
    }
  };
  /// The first chunk that this thread copies, by its first element; the others are kNextChunk further.
  __device__ static Element chunk() { return at(static_cast<int>(threadIdx.x) * kChunk); }
  /// The first element that it copies one by one; the others are kNextElement further.
  __device__ static Element element() { return at(static_cast<int>(threadIdx.x)); }

 private:
  __device__ static Element at(int i) {
    return kDeep ? Element{i / kRow, i % kRow} : Element{i % kRow, i / kRow};
  }
};

}  // namespace tile
}  // namespace clearcut::cuda
