// The product of two tiles: what matrix products and convolutions share. They differ in where the elements of
// an operand lie, and where the sums go.
//
// A block of 256 threads makes 64 x 64 sums over k. A step takes 64 bytes of k (16 floats): each thread
// starts the copy of 16 bytes of either operand to shared memory (cp.async, straight from memory, no
// registers), two steps ahead of the step that is multiplied; three buffers need one barrier per step. Per
// step 8 KiB come from memory for 64 * 64 * 16 multiply-adds: in float 16 operations per byte. How a step is
// multiplied says cuda/tile_math.cuh.
//
// Order: each element is one sum in the order of k, 64 steps (1024 floats) at a time, whose sums are added in
// turn: the bits depend neither on the launch nor on other rows and columns.
#pragma once

#include "cuda/tile_math.cuh"

namespace clearcut::cuda {

namespace tile {

constexpr int kStages = 3, kStepsPerSum = 64;

/// What a thread copies of one operand. Sides, and the operand's own work on them, are settled once; k runs.
template <class T, class Operand>
struct Copies {
  using Place = Layout<T, Operand::kAlong>;
  static constexpr int kChunk = Place::kChunk, kBytes = static_cast<int>(sizeof(T));
  Operand from;
  std::int64_t side0;
  int sides;  // of this tile, or more

  __device__ Copies(const Operand& operand, std::int64_t first_side) : from(operand), side0(first_side) {
    from.begin(side0);
    sides = static_cast<int>(min(from.sides - side0, std::int64_t{kTileSide}));
  }

  /// Starts the copies of the tile at k0 to shared memory; zeros where the operand ends.
  template <class Buffer>
  __device__ void start(int k0, int k_end, Buffer&& to) const {
    if (from.packed) {
      const auto [side, k] = Place::chunk();
      const int on_side = Place::kDeep ? (side < sides ? kChunk : 0) : sides - side;
      const int on_k = Place::kDeep ? k_end - k0 - k : (k0 + k < k_end ? kChunk : 0);
      const int values = max(0, min(kChunk, min(on_side, on_k)));
      async_copy<16>(&to[Place::place(side, k)], values > 0 ? from.chunk(side0 + side, k0 + k) : from.data,
                     values * kBytes);
    } else {
      for (int i = 0; i < kChunk; ++i) {
        const auto [side, k] = Place::element(i);
        const T* element = side < sides && k0 + k < k_end ? from.element(i, side0 + side, k0 + k) : nullptr;
        async_copy<sizeof(T)>(&to[Place::place(side, k)], element ? element : from.data,
                              element ? kBytes : 0);
      }
    }
  }
};

template <class T>
__device__ void add(T (&sum)[kEach][kEach], T (&total)[kEach][kEach]) {
  for (int i = 0; i < kEach; ++i)
    for (int j = 0; j < kEach; ++j) {
      total[i][j] += sum[i][j];
      sum[i][j] = 0;
    }
}

/// Hands this thread's sums to `out`.
template <class Math, class Left, class Right, class T, class Out>
__device__ void store(const T (&total)[kEach][kEach], std::int64_t row0, std::int64_t col0, const Out& out) {
  for (int j = 0; j < kEach; ++j) {
    const std::int64_t col = col0 + Math::template col<Right>(j);
    if (col >= out.cols) continue;
    const auto at = out.column(col);
    for (int i = 0; i < kEach; ++i) {
      const std::int64_t row = row0 + Math::template row<Left>(i);
      if (row < out.rows) out.store(at, row, total[i][j]);
    }
  }
}

}  // namespace tile

/// out(row, col) = sum over k in [k_begin, k_end) of a(row, k) b(col, k), for the tile at (row0, col0).
///
/// An operand has kAlong, data (some address that may be read), sides (how many there are), packed (16 byte
/// chunks lie whole and aligned in memory), begin(side0), chunk(side, k): where 16 bytes begin, and
/// element(i, side, k): where the i-th element of this thread lies, or null for a zero.
/// Out has rows, cols, column(col): an offset, and store(offset, row, value).
/// k_begin is a multiple of the chunk, k_end at most kMostTerms. All threads of the block take part.
template <class T, class Math, class A, class B, class Out>
__device__ void tile_product(const A& a, std::int64_t row0, const B& b, std::int64_t col0, int k_begin,
                             int k_end, const Out& out) {
  using namespace tile;
  using Left = Layout<T, A::kAlong>;
  using Right = Layout<T, B::kAlong>;
  SHARED(T, left, [kStages][Left::kSize]);
  SHARED(T, right, [kStages][Right::kSize]);
  const Copies<T, A> rows(a, row0);
  const Copies<T, B> columns(b, col0);
  const auto fetch = [&](int k0, int stage) {
    if (k0 < k_end) {
      rows.start(k0, k_end, left[stage]);
      columns.start(k0, k_end, right[stage]);
    }
    async_commit();
  };
  const typename Math::template Worker<Left, Right> worker;
  T total[kEach][kEach] = {}, sum[kEach][kEach] = {};
  for (int s = 0; s + 1 < kStages; ++s) fetch(k_begin + s * kDepth<T>, s);
  int stage = 0, steps = 0;
  for (int k0 = k_begin; k0 < k_end; k0 += kDepth<T>) {
    async_wait<kStages - 2>();
    __syncthreads();  // the tiles of this step are there, and nobody reads those of the last one
    fetch(k0 + (kStages - 1) * kDepth<T>, (stage + kStages - 1) % kStages);
    worker.multiply(left[stage], right[stage], sum);
    if (++steps % kStepsPerSum == 0) tile::add(sum, total);
    stage = (stage + 1) % kStages;
  }
  tile::add(sum, total);
  store<Math, Left, Right>(total, row0, col0, out);
}

/// An operand that is a matrix: one of the strides is 1 if it is packed.
template <class T, Along along>
struct MatrixOperand {
  static constexpr Along kAlong = along;
  const T* data;
  std::int64_t sides, side_stride, k_stride;
  bool packed;

  __device__ void begin(std::int64_t) {}
  __device__ const T* chunk(std::int64_t side, int k) const {
    return data + side * side_stride + k * k_stride;
  }
  __device__ const T* element(int, std::int64_t side, int k) const { return chunk(side, k); }
};

template <class T>
struct MatrixOut {
  T* data;
  std::int64_t rows, cols, row_stride, col_stride;

  __device__ std::int64_t column(std::int64_t col) const { return col * col_stride; }
  __device__ void store(std::int64_t at, std::int64_t row, T value) const {
    data[at + row * row_stride] = value;
  }
};

/// The tiles of a batch of matrices, one block each: neighbours share rows.
struct TileGrid {
  std::int64_t batch, down, across;

  TileGrid(std::int64_t batch_, std::int64_t rows, std::int64_t cols)
      : batch(batch_), down((rows + kTileSide - 1) / kTileSide), across((cols + kTileSide - 1) / kTileSide) {}
  std::int64_t blocks() const { return batch * down * across; }
  struct Place {
    std::int64_t item, row0, col0;
  };
  __device__ Place at(std::int64_t block) const {
    return {block / (down * across), block / across % down * kTileSide, block % across * kTileSide};
  }
};

inline Grid launch_grid(const TileGrid& tiles) {
  return {.blocks = static_cast<unsigned>(tiles.blocks()), .threads = kTileThreads};
}

}  // namespace clearcut::cuda
