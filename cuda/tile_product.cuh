// The product of two tiles: what matrix products and convolutions share. They differ in where the elements of
// an operand lie, and where the sums go.
//
// A block makes 64 x 64 sums over k. A step takes 64 bytes of k (16 floats): each thread starts the copies of
// its part of either operand to shared memory (cp.async, straight from memory, no registers), 16 bytes at a
// time where they lie whole, two steps ahead of the step that is multiplied; three buffers need one barrier
// per step. Per step 8 KiB come from memory for 64 * 64 * 16 multiply-adds: in float 16 operations per byte.
// How many threads there are and how they multiply a step says cuda/tile_math.cuh.
//
// An operand of a convolution finds its elements through taps: what there is to know of one (c, r, s), worked
// out once for the block and kept in shared memory.
//
// Order: each element is one sum in the order of k. Floats are added 64 steps (1024 of them) at a time; the
// sums of those, which wait in shared memory, are added in turn. The bits depend neither on the launch nor on
// other rows and columns.
#pragma once

#include "cuda/tile_math.cuh"

namespace clearcut::cuda {

/// Where a tap reads, from the corner of its window: elements, rows and columns on. One that is not there
/// lies kNowhere rows down.
struct alignas(16) ConvTap {
  int offset, down, across;
};
constexpr int kNowhere = 1 << 30;

/// What the elements of an operand have their taps from: nothing, or for each k, or for each side.
enum class TapsOf { kNone, kDepth, kSide };

namespace tile {

constexpr int kStages = 3, kStepsPerSum = 64;

/// What a thread copies of one operand. Sides, and the operand's own work on them, are settled once; k runs.
template <class T, class Operand, int kThreads>
struct Copies {
  using Place = Layout<T, Operand::kAlong, kThreads>;
  static constexpr int kChunk = Place::kChunk, kBytes = static_cast<int>(sizeof(T));
  static constexpr bool kDeep = Place::kDeep;
  Operand from;
  std::int64_t side0;
  int sides;  // of this tile, or more

  __device__ Copies(const Operand& operand, std::int64_t first_side) : from(operand), side0(first_side) {
    from.begin(side0 + (from.packed ? Place::chunk().side : Place::element().side));
    sides = static_cast<int>(min(from.sides - side0, std::int64_t{kTileSide}));
  }

  /// Starts the copies of the tile at k0 to shared memory; zeros where the operand ends.
  template <class Buffer, class TapRow>
  __device__ void start(int k0, int k_end, Buffer&& to, const TapRow& taps) const {
    if (from.packed)
      chunks(k0, k_end, to);
    else if constexpr (Operand::kTaps == TapsOf::kNone)
      elements(k0, k_end, to);
    else
      tapped(k0, k_end, to, taps);
  }

 private:
  template <class Buffer>
  __device__ void chunks(int k0, int k_end, Buffer& to) const {
    const auto first = Place::chunk();
    const T* const at = from.at(side0 + first.side, k0 + first.k);
    const std::int64_t next = Place::kNextChunk * from.row_stride();
    const int whole = kDeep ? k_end - k0 - first.k : sides - first.side;  // elements that are there in a row
    const int bytes = max(0, min(kChunk, whole)) * kBytes;
    UNROLL
    for (int i = 0; i < Place::kChunks; ++i) {
      const auto [side, k] = first.further(i * Place::kNextChunk);
      const bool there = kDeep ? side < sides : k0 + k < k_end;
      async_copy<16>(&to[Place::place(side, k)], at + i * next, there ? bytes : 0);
    }
  }

  template <class Buffer>
  __device__ void elements(int k0, int k_end, Buffer& to) const {
    const auto first = Place::element();
    const T* const at = from.at(side0 + first.side, k0 + first.k);
    const std::int64_t next = Place::kNextElement * from.row_stride();
    UNROLL
    for (int i = 0; i < Place::kElements; ++i) {
      const auto [side, k] = first.further(i * Place::kNextElement);
      async_copy<sizeof(T)>(&to[Place::place(side, k)], at + i * next,
                            side < sides && k0 + k < k_end ? kBytes : 0);
    }
  }

  template <class Buffer, class TapRow>
  __device__ void tapped(int k0, int k_end, Buffer& to, const TapRow& taps) const {
    const auto first = Place::element();
    from.with_corner(k0 + first.k, k_end, [&](const auto& corner) {
      UNROLL
      for (int i = 0; i < Place::kElements; ++i) {
        const auto [side, k] = first.further(i * Place::kNextElement);
        const auto [at, there] = corner.reads(taps[kDeep ? side : k]);
        async_copy<sizeof(T)>(&to[Place::place(side, k)], at, there ? kBytes : 0);
      }
    });
  }
};

/// The taps of the right operand in shared memory: those of the sides, once, or of the k of three steps, of
/// which one is replaced in each.
template <class T, class Operand, int kThreads>
struct TapTable {
  static constexpr bool kByDepth = Operand::kTaps == TapsOf::kDepth,
                        kBySide = Operand::kTaps == TapsOf::kSide;
  static constexpr int kRows = kByDepth ? kStages : 1;
  static constexpr int kRow = kByDepth ? kDepth<T> : (kBySide ? kTileSide : 1);
  static_assert(kRows * kRow <= kThreads);

  template <class Taps>
  __device__ static void begin(const Operand& of, int side0, int k_begin, int k_end, Taps& taps) {
    if constexpr (kByDepth || kBySide) {
      const int t = static_cast<int>(threadIdx.x);
      const int first = kByDepth ? k_begin : side0, end = kByDepth ? k_end : static_cast<int>(of.sides);
      if (t < kRows * kRow) taps[t / kRow][t % kRow] = of.tap(first + t, end);
      __syncthreads();
    }
  }
  template <class Row>
  __device__ static void replace(const Operand& of, int k0, int k_end, Row&& row) {
    if constexpr (kByDepth)
      if (const int t = static_cast<int>(threadIdx.x); t < kRow) row[t] = of.tap(k0 + t, k_end);
  }
};

/// Adds this thread's sums to its totals in shared memory, or puts them there, and begins new sums.
template <int kRows, int kCols, class T, class Totals>
__device__ void add_to(Totals& totals, bool first, T (&sum)[kRows][kCols]) {
  UNROLL
  for (int i = 0; i < kRows; ++i) UNROLL
  for (int j = 0; j < kCols; ++j) {
    T& total = totals[i * kCols + j][threadIdx.x];
    total = first ? sum[i][j] : total + sum[i][j];
    sum[i][j] = 0;
  }
}
/// Makes sums of them again.
template <int kRows, int kCols, class T, class Totals>
__device__ void take_from(const Totals& totals, T (&sum)[kRows][kCols]) {
  UNROLL
  for (int i = 0; i < kRows; ++i) UNROLL
  for (int j = 0; j < kCols; ++j) sum[i][j] = totals[i * kCols + j][threadIdx.x] + sum[i][j];
}

/// Hands this thread's sums to `out`, neighbouring columns together where they may.
template <class Math, class Left, class Right, class T, class Out>
__device__ void store(const T (&sum)[Math::kRows][Math::kCols], std::int64_t row0, std::int64_t col0,
                      const Out& out) {
  constexpr int kPack = Math::template together<Right>() ? Pack<T>::kSize : 1;
  UNROLL
  for (int j = 0; j < Math::kCols; j += kPack) {
    const std::int64_t col = col0 + Math::template col<Right>(j);
    if (col >= out.cols) continue;
    UNROLL
    for (int i = 0; i < Math::kRows; ++i) {
      const std::int64_t row = row0 + Math::template row<Left>(i);
      if (row >= out.rows) continue;
      if constexpr (kPack > 1)
        if (out.packed) {  // columns come in whole packs
          Pack<T> pack;
          for (int e = 0; e < kPack; ++e) pack.v[e] = sum[i][j + e];
          out.store(col, row, pack);
          continue;
        }
      for (int e = 0; e < kPack && col + e < out.cols; ++e) out.store(col + e, row, sum[i][j + e]);
    }
  }
}

}  // namespace tile

/// out(row, col) = sum over k in [k_begin, k_end) of a(row, k) b(col, k), for the tile at (row0, col0).
///
/// An operand has kAlong, kTaps, data, sides (how many there are), packed (16 byte chunks lie whole and
/// aligned in memory) and begin(side): this thread's first side. Packed, or without taps, it has at(side, k):
/// where that element lies, and row_stride(): how far sides (along k) or k (along the side) lie apart. With
/// taps it has tap(n, end): that of k or side n, and with_corner(k, k_end, use), which calls use(corner) with
/// a corner that says what a tap reads: corner.reads(tap) is an address and whether it is inside. Out has
/// rows, cols, packed, store(col, row, value), and of a pack of columns if packed. k_begin is a multiple of
/// the chunk, k_end at most kMostTerms. All Math::kThreads of the block take part.
template <class T, class Math, class A, class B, class Out>
__device__ void tile_product(const A& a, std::int64_t row0, const B& b, std::int64_t col0, int k_begin,
                             int k_end, const Out& out) {
  using namespace tile;
  static_assert(A::kTaps == TapsOf::kNone);
  using Left = Layout<T, A::kAlong, Math::kThreads>;
  using Right = Layout<T, B::kAlong, Math::kThreads>;
  using Table = TapTable<T, B, Math::kThreads>;
  constexpr bool kTotals = sizeof(T) == sizeof(float);  // sums of doubles are exact enough
  SHARED(T, left, [kStages][Left::kSize]);
  SHARED(T, right, [kStages][Right::kSize]);
  SHARED(ConvTap, taps, [Table::kRows][Table::kRow]);
  SHARED(T, totals, [kTotals ? Math::kRows * Math::kCols : 1][Math::kThreads]);
  const Copies<T, A, Math::kThreads> rows(a, row0);
  const Copies<T, B, Math::kThreads> columns(b, col0);
  const auto fetch = [&](int k0, int stage) {
    if (k0 < k_end) {
      rows.start(k0, k_end, left[stage], taps[0]);
      columns.start(k0, k_end, right[stage], taps[stage % Table::kRows]);
    }
    async_commit();
  };
  Table::begin(b, static_cast<int>(col0), k_begin, k_end, taps);
  const typename Math::template Worker<Left, Right> worker;
  T sum[Math::kRows][Math::kCols] = {};
  for (int s = 0; s + 1 < kStages; ++s) fetch(k_begin + s * kDepth<T>, s);
  int stage = 0, steps = 0;
  for (int k0 = k_begin; k0 < k_end; k0 += kDepth<T>) {
    async_wait<kStages - 2>();
    __syncthreads();  // this step's tiles are there; nobody reads those, or the taps, of the last one
    fetch(k0 + (kStages - 1) * kDepth<T>, (stage + kStages - 1) % kStages);
    Table::replace(b, k0 + kStages * kDepth<T>, k_end, taps[stage % Table::kRows]);
    worker.multiply(left[stage], right[stage], sum);
    if (kTotals && ++steps % kStepsPerSum == 0) add_to(totals, steps == kStepsPerSum, sum);
    stage = (stage + 1) % kStages;
  }
  if (steps >= kStepsPerSum) take_from(totals, sum);
  store<Math, Left, Right>(sum, row0, col0, out);
}

/// An operand that is a matrix: neighbours lie side by side along kAlong, rows `far` elements apart.
template <class T, Along along>
struct MatrixOperand {
  static constexpr Along kAlong = along;
  static constexpr TapsOf kTaps = TapsOf::kNone;
  const T* data;
  std::int64_t sides, far;
  bool packed;

  __device__ void begin(std::int64_t) {}
  __device__ std::int64_t row_stride() const { return far; }
  __device__ const T* at(std::int64_t side, int k) const {
    return along == Along::kDepth ? data + side * far + k : data + k * far + side;
  }
};

template <class T>
struct MatrixOut {
  T* data;
  std::int64_t rows, cols, row_stride, col_stride;
  bool packed;  // packs of columns lie whole and aligned, and `cols` is a multiple of them

  __device__ void store(std::int64_t col, std::int64_t row, T value) const {
    data[row * row_stride + col * col_stride] = value;
  }
  __device__ void store(std::int64_t col, std::int64_t row, const Pack<T>& pack) const {
    store_pack(data + row * row_stride + col, pack);
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

template <class Math>
Grid launch_grid(const TileGrid& tiles) {
  return {.blocks = static_cast<unsigned>(tiles.blocks()), .threads = Math::kThreads};
}

}  // namespace clearcut::cuda
