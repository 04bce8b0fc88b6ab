// Register tiles of the matrix product. A tile of R rows and C vectors keeps R * C sums in registers: 8 x 3
// of AVX-512's 32, 6 x 2 of AVX2's 16, 4 x 2 of SSE's 16 (which has no multiply-add and needs one for the
// product).
#include "tensor/cpu/isa/gemm.h"

#include "tensor/cpu/isa/vector.h"

namespace {

using namespace clearcut::isa;

#if defined(__AVX512F__)
constexpr int kMaxRows = 8, kMaxVectors = 3;
#elif defined(__AVX2__)
constexpr int kMaxRows = 6, kMaxVectors = 2;
#else
constexpr int kMaxRows = 4, kMaxVectors = 2;
#endif

// Distance in k at which the panel is fetched into the first cache: it streams from the second.
constexpr int64_t kAhead = 16;
constexpr int kSecondCache = 2;  // where __builtin_prefetch puts a line

inline Vec finished(const GemmTile& t, Vec value, int64_t at) {
  if (t.plus) value += load(t.plus + at);
  return clamp(value, splat(t.low), splat(t.high));
}

// The rows of the left side at one k, a lane each: they meet a lone column.
#if defined(__AVX512F__)
typedef float Side __attribute__((vector_size(kMaxRows * 4)));
#else
typedef Vec Side;
#endif

inline void store_lone(const GemmTile& t, const Side& sum, int64_t column) {
  for (int64_t r = 0; r < t.rows; ++r) {
    const int64_t at = r * t.c_row + column;
    float value = t.add ? t.c[at] + sum[r] : sum[r];
    if (t.finish) {
      if (t.plus) value += t.plus[at];
      value = value < t.low ? t.low : value;
      value = value > t.high ? t.high : value;
    }
    t.c[at] = value;
  }
}

template <int R, int C>
inline void store_sums(const GemmTile& t, const Vec (&sum)[R][C]) {
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int c = 0; c < C; ++c) {
      const int64_t at = r * t.c_row + c * kLanes;
      const Vec value = t.add ? load(t.c + at) + sum[r][c] : sum[r][c];
      store(t.c + at, t.finish ? finished(t, value, at) : value);
    }
}

template <int R, int C, bool lone>
void tile(const GemmTile& t) {
  Side side = {};
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) side[r] = t.init ? t.init[r] : 0.0f;
  Vec sum[R][C];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int c = 0; c < C; ++c) sum[r][c] = splat(t.init ? t.init[r] : 0.0f);
  for (int r = 0; r < R; ++r)
    for (int c = 0; c < C; ++c) __builtin_prefetch(t.c + r * t.c_row + c * kLanes, 1);
  const float* a = t.a;
  const float* b = t.b;
  for (int64_t k = 0; k < t.k; ++k) {
    Vec bv[C];
    __builtin_prefetch(a + (k & 7) * t.a_row + t.ahead, 0, kSecondCache);
#pragma GCC unroll 4
    for (int c = 0; c < C; ++c) {
      bv[c] = load(b + c * kLanes);
      __builtin_prefetch(b + kAhead * t.b_k + c * kLanes);
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const Vec av = splat(a[r * t.a_row]);
#pragma GCC unroll 4
      for (int c = 0; c < C; ++c) sum[r][c] += av * bv[c];
    }
    if constexpr (lone && R == 1) side[0] += a[0] * b[C * kLanes];
    if constexpr (lone && R > 1) {
      Side rows;
      __builtin_memcpy(&rows, a, sizeof rows);
      side += rows * (b[C * kLanes] - Side{});
    }
    a += t.a_k;
    b += t.b_k;
  }
  if constexpr (lone) store_lone(t, side, C * kLanes);
  store_sums<R, C>(t, sum);
}

using Tile = void (*)(const GemmTile&);
template <int C, bool lone>
constexpr Tile tile_of_rows(int64_t rows) {
  switch (rows) {
    case 1:
      return tile<1, C, lone>;
    case 2:
      return tile<2, C, lone>;
    case 3:
      return tile<3, C, lone>;
    case 4:
      return tile<4, C, lone>;
#if defined(__AVX2__)
    case 5:
      return tile<5, C, lone>;
    case 6:
      return tile<6, C, lone>;
#endif
#if defined(__AVX512F__)
    case 7:
      return tile<7, C, lone>;
    case 8:
      return tile<8, C, lone>;
#endif
    default:
      __builtin_unreachable();
  }
}

template <bool lone>
void tile_of(const GemmTile& t) {
#if defined(__AVX512F__)
  if (t.vectors == 3) return tile_of_rows<3, lone>(t.rows)(t);
#endif
  if (t.vectors == 2) return tile_of_rows<2, lone>(t.rows)(t);
  tile_of_rows<1, lone>(t.rows)(t);
}

void any_tile(const GemmTile& t) { t.lone ? tile_of<true>(t) : tile_of<false>(t); }

// Rows ahead that are fetched while one is copied: a row is a few lines far from the next one's, which the
// processor does not foresee.
constexpr int64_t kRowsAhead = 6;

// Row i of all runs; `safe` when whole vectors may be read behind every run.
inline void copy_row(const PanelCopy& p, int64_t i, bool safe) {
  const float* source = p.source + p.row_offset[i];
  const float* ahead = p.source + p.row_offset[i + kRowsAhead < p.k ? i + kRowsAhead : i];
  for (int64_t r = 0; r < p.run_count; ++r) {
    const ColumnRun run = p.runs[r];
    const float* from = source + run.from;
    float* to = run.to + i * run.width;
    if (safe) {
      for (int64_t j = 0; j < run.length; j += kLanes) {
        __builtin_prefetch(ahead + run.from + j);
        store(to + j, load(from + j));
      }
    } else {
      for (int64_t j = 0; j < run.length; ++j) to[j] = from[j];
    }
  }
}

void copy_panels(const PanelCopy& p) {
  int64_t reach = 0;
  for (int64_t r = 0; r < p.run_count; ++r) {
    const int64_t end = p.runs[r].from + p.runs[r].length + kLanes;
    reach = end > reach ? end : reach;
  }
  for (int64_t i = 0; i < p.k; ++i) copy_row(p, i, p.source_end - p.source - p.row_offset[i] >= reach);
}

// Value by value: the columns from j0 on.
void transpose_rest(const PanelTranspose& p, int64_t j0) {
  for (int64_t i = 0; i < p.rows; ++i)
    for (int64_t j = j0; j < p.cols; ++j) p.to[j * p.width + i] = p.from[i * p.from_row + j];
}

// Interleaves N vectors: value k of vector i goes to place k * N + i of the N vectors side by side.
template <int N>
inline void interleave(Vec* x) {
  Index low, high;
  for (int i = 0; i < kLanes; ++i) {
    low[i] = i % 2 * kLanes + i / 2;
    high[i] = i % 2 * kLanes + (kLanes + i) / 2;
  }
#pragma GCC unroll 4
  for (int step = 1; step < N; step *= 2) {
    Vec y[N];
#pragma GCC unroll 16
    for (int i = 0; i < N / 2; ++i) {
      y[2 * i] = __builtin_shuffle(x[i], x[i + N / 2], low);
      y[2 * i + 1] = __builtin_shuffle(x[i], x[i + N / 2], high);
    }
#pragma GCC unroll 16
    for (int i = 0; i < N; ++i) x[i] = y[i];
  }
}

// Half a vector of rows that lie side by side in `to`, as the left panels of 8 rows do: vectors leave whole.
void transpose_half(const PanelTranspose& p) {
  constexpr int kRows = kLanes / 2;
  int64_t j = 0;
  for (; j + kLanes <= p.cols; j += kLanes) {
    Vec x[kRows];
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) x[i] = load(p.from + i * p.from_row + j);
    interleave<kRows>(x);
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) store(p.to + j * kRows + i * kLanes, x[i]);
  }
  transpose_rest(p, j);
}

// Rows are too many and too short for the processor to see them coming.
constexpr int64_t kColumnsAhead = 2 * kLanes;

// Squares of whole vectors; the last one overlaps the one before it. Where there are fewer rows than lanes, a
// vector reaches into the places of the next columns, which are written after it; the last ones go singly.
void transpose_panel(const PanelTranspose& p) {
  if (p.rows == kLanes / 2 && p.width == p.rows) return transpose_half(p);
  const int64_t over = p.width < kLanes ? (kLanes - 1) / p.width : 0;
  int64_t j = 0;
  for (; j + kLanes + over <= p.cols; j += kLanes)
    for (int64_t i = 0; i < p.rows; i += kLanes) {
      const int64_t i0 = i + kLanes <= p.rows || i == 0 ? i : p.rows - kLanes;
      Vec x[kLanes];
#pragma GCC unroll 16
      for (int k = 0; k < kLanes; ++k) {
        const float* from = p.from + (i0 + (i0 + k < p.rows ? k : 0)) * p.from_row + j;
        x[k] = load(from);
        __builtin_prefetch(from + kColumnsAhead);
      }
      interleave<kLanes>(x);
#pragma GCC unroll 16
      for (int k = 0; k < kLanes; ++k) store(p.to + (j + k) * p.width + i0, x[k]);
    }
  transpose_rest(p, j);
}

inline float sum_of(Vec v) {
  float lane[kLanes];
  __builtin_memcpy(lane, &v, sizeof v);
  for (int half = kLanes / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) lane[i] += lane[i + half];
  return lane[0];
}

template <int R, int C>
void dot_tile(const DotBlock& d, int64_t i, int64_t j) {
  Vec sum[R][C] = {};
  const float* a = d.a + i * d.a_row;
  const float* b = d.b + j * d.b_row;
  int64_t t = 0;
  for (; t + kLanes <= d.k; t += kLanes) {
    Vec bv[C];
#pragma GCC unroll 4
    for (int c = 0; c < C; ++c) bv[c] = load(b + c * d.b_row + t);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const Vec av = load(a + r * d.a_row + t);
#pragma GCC unroll 4
      for (int c = 0; c < C; ++c) sum[r][c] += av * bv[c];
    }
  }
  for (int r = 0; r < R; ++r)
    for (int c = 0; c < C; ++c) {
      float total = sum_of(sum[r][c]);
      for (int64_t u = t; u < d.k; ++u) total += a[r * d.a_row + u] * b[c * d.b_row + u];
      d.c[(i + r) * d.c_row + (j + c) * d.c_col] = total;
    }
}

// Eight rows beside one column: a matrix times a vector reads eight streams at once.
void dots(const DotBlock& d) {
  int64_t j = 0;
  for (; j + 4 <= d.cols; j += 4) {
    int64_t i = 0;
    for (; i + 4 <= d.rows; i += 4) dot_tile<4, 4>(d, i, j);
    for (; i < d.rows; ++i) dot_tile<1, 4>(d, i, j);
  }
  for (; j < d.cols; ++j) {
    int64_t i = 0;
    for (; i + 8 <= d.rows; i += 8) dot_tile<8, 1>(d, i, j);
    for (; i < d.rows; ++i) dot_tile<1, 1>(d, i, j);
  }
}

}  // namespace

namespace clearcut::isa::CLEARCUT_ISA {

extern const GemmKernels gemm_kernels = {kLanes,      kMaxRows,        kMaxVectors, any_tile,
                                         copy_panels, transpose_panel, dots};

}  // namespace clearcut::isa::CLEARCUT_ISA
