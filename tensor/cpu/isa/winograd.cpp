// With AVX-512 a tile and channel costs about 22 cycles on the way in and 17 on the way out; its products
// take 36 K / 16, 144 with 64 output channels. Pixels are read as whole vectors, transformed downwards, then
// taken apart by four so that a lane is a tile, and transformed along the row.
#include "tensor/cpu/isa/winograd.h"

#include "tensor/cpu/isa/winograd_transforms.h"

namespace {

using namespace clearcut::isa;

// Lanes of a vector of tiles: a row of 7 tiles (28 pixels) is what feature maps are made of.
#if defined(__AVX2__)
constexpr int kTiles = 8;
#else
constexpr int kTiles = 4;
#endif
constexpr int kPixelVectors = 4 * kTiles / kLanes;  // that hold the rows of kTiles - 1 tiles

typedef float TileVec __attribute__((vector_size(kTiles * 4)));
typedef float LooseTileVec __attribute__((vector_size(kTiles * 4), aligned(4), may_alias));
typedef int TileIndex __attribute__((vector_size(kTiles * 4)));

inline TileVec load_tiles(const float* p) { return *reinterpret_cast<const LooseTileVec*>(p); }
inline void store_tiles(float* p, TileVec v) { *reinterpret_cast<LooseTileVec*>(p) = v; }

// Pixels p, 4 for each tile and 2 more, to e[j][tile] = pixel 4 tile + j, j < 6. The last lane of e[4] and
// e[5] is arbitrary.
#if defined(__AVX512F__)
inline void take_apart(const Vec* p, TileVec* e) {
  e[0] = __builtin_shufflevector(p[0], p[1], 0, 4, 8, 12, 16, 20, 24, 28);
  e[1] = __builtin_shufflevector(p[0], p[1], 1, 5, 9, 13, 17, 21, 25, 29);
  e[2] = __builtin_shufflevector(p[0], p[1], 2, 6, 10, 14, 18, 22, 26, 30);
  e[3] = __builtin_shufflevector(p[0], p[1], 3, 7, 11, 15, 19, 23, 27, 31);
  e[4] = __builtin_shufflevector(p[0], p[1], 4, 8, 12, 16, 20, 24, 28, 31);
  e[5] = __builtin_shufflevector(p[0], p[1], 5, 9, 13, 17, 21, 25, 29, 31);
}
#else
inline void take_apart(const Vec* p, TileVec* e) {
  Index even, odd, next;
  for (int i = 0; i < kLanes; ++i) {
    even[i] = 2 * i;
    odd[i] = 2 * i + 1;
    next[i] = i + 1 < kLanes ? i + 1 : i;
  }
  const Vec even0 = __builtin_shuffle(p[0], p[1], even), even1 = __builtin_shuffle(p[2], p[3], even);
  const Vec odd0 = __builtin_shuffle(p[0], p[1], odd), odd1 = __builtin_shuffle(p[2], p[3], odd);
  e[0] = __builtin_shuffle(even0, even1, even);
  e[1] = __builtin_shuffle(odd0, odd1, even);
  e[2] = __builtin_shuffle(even0, even1, odd);
  e[3] = __builtin_shuffle(odd0, odd1, odd);
  e[4] = __builtin_shuffle(e[0], next);
  e[5] = __builtin_shuffle(e[1], next);
}
#endif

constexpr int kRowFloats = kPixelVectors * kLanes;
alignas(64) const float kZeros[kRowFloats] = {};

// What is known of a run before its channels: the columns [first, last) of its rows, of 4 tiles + 2, that lie
// within the map; whether whole rows may be read where they are.
struct Reach {
  int first, last;
  bool in_place;
};
Reach reach_of(const WinogradInput& t, const WinogradRun& run) {
  const int64_t all = 4 * run.tiles + 2, d = t.dilation_w;
  int64_t first = run.col < 0 ? (-run.col + d - 1) / d : 0;
  int64_t last = t.W <= run.col ? 0 : (t.W - run.col + d - 1) / d;
  if (last > all) last = all;
  if (first > last) first = last;
  const float* top = t.x + run.image + run.row * t.W + run.col;
  const float* bottom = top + 5 * t.dilation_h * t.W + (t.channels - 1) * t.channel_stride;
  const bool inside = top >= t.begin && t.end - bottom >= kRowFloats;
  return {static_cast<int>(first), static_cast<int>(last), d == 1 && inside};
}

// What transform_rows() leaves for transform_columns(): value j of row i of B^T d, lane = tile, at
// (6 i + j) * kBetween. A run may write a vector behind the last lane.
constexpr int64_t kBetween = kWinogradMaxWidth + 32;

// Points from[i] at row i of the run: in the map, at a copy where whole vectors may not be read or a dilation
// sets the pixels apart, or at zeros.
inline void find_rows(const WinogradInput& t, const WinogradRun& run, Reach reach, const float* first,
                      float* copy, const float** from) {
  for (int i = 0; i < 6; ++i) {
    const int64_t row = run.row + i * t.dilation_h;
    from[i] = first + i * t.dilation_h * t.W;
    if (row < 0 || row >= t.H) {
      from[i] = kZeros;
    } else if (!reach.in_place) {
      float* to = copy + i * kRowFloats;
      for (int j = reach.first; j < reach.last; ++j) to[j] = from[i][j * t.dilation_w];
      from[i] = to;
    }
  }
}

// Transforms the rows of a run downwards and takes them apart. Row i is at from[i], or at first + i * step.
template <bool inside>
inline void transform_rows(const float* first, int64_t step, const float* const* from, Reach reach,
                           float* to) {
  Index lane;
  for (int i = 0; i < kLanes; ++i) lane[i] = i;
  Vec rows[6][kPixelVectors];
#pragma GCC unroll 4
  for (int n = 0; n < kPixelVectors; ++n) {
    const Index at = lane + n * kLanes;
    Vec d[6], v[6];
#pragma GCC unroll 6
    for (int i = 0; i < 6; ++i) {
      const Vec pixels = load((inside ? first + i * step : from[i]) + n * kLanes);
      d[i] = ((at >= reach.first) & (at < reach.last)) ? pixels : Vec{};
    }
    transform_input(d, v);
#pragma GCC unroll 6
    for (int i = 0; i < 6; ++i) rows[i][n] = v[i];
  }
#pragma GCC unroll 6
  for (int i = 0; i < 6; ++i) {
    TileVec e[6];
    take_apart(rows[i], e);
#pragma GCC unroll 6
    for (int j = 0; j < 6; ++j) store_tiles(to + (6 * i + j) * kBetween, e[j]);
  }
}

// Along the rows, whole vectors of tiles.
inline void transform_columns(const float* from, float* to, int64_t stride) {
#pragma GCC unroll 6
  for (int i = 0; i < 6; ++i) {
    Vec e[6], v[6];
#pragma GCC unroll 6
    for (int j = 0; j < 6; ++j) e[j] = load(from + (6 * i + j) * kBetween);
    transform_input(e, v);
#pragma GCC unroll 6
    for (int j = 0; j < 6; ++j, to += stride) store(to, v[j]);
  }
}

void input(const WinogradInput& t) {
  Reach reach[kWinogradMaxWidth];
  alignas(64) float copy[6 * kRowFloats] = {}, between[kWinogradPoints * kBetween] = {};
  for (int64_t r = 0; r < t.run_count; ++r) reach[r] = reach_of(t, t.runs[r]);
  const int64_t step = t.dilation_h * t.W;
  for (int64_t c = 0; c < t.channels; ++c) {
    const float* plane = t.x + c * t.channel_stride;
    for (int64_t r = 0; r < t.run_count; ++r) {
      const WinogradRun& run = t.runs[r];
      const float* first = plane + run.image + run.row * t.W + run.col;
      // The next channel is a plane away, which the processor does not foresee.
      for (int64_t i = 0, next = t.channel_stride; i < 6; ++i, next += step) {
        __builtin_prefetch(first + next);
        __builtin_prefetch(first + next + 16);
      }
      if (reach[r].in_place && run.row >= 0 && run.row + 5 * t.dilation_h < t.H) {
        transform_rows<true>(first, step, nullptr, reach[r], between + run.at);
      } else {
        const float* from[6];
        find_rows(t, run, reach[r], first, copy, from);
        transform_rows<false>(nullptr, 0, from, reach[r], between + run.at);
      }
    }
    for (int64_t lane = 0; lane < t.width; lane += kLanes)
      transform_columns(between + lane, t.v + c * t.width + lane, t.point_stride);
  }
}

// The nine weights of kTiles rows, w[i] for row i: g[tap][row].
inline void gather_weights(const float* const* w, bool turned, TileVec* g) {
  TileVec all[9];
#pragma GCC unroll 2
  for (int first = 0; first < 8; first += kTiles) {
#pragma GCC unroll 8
    for (int i = 0; i < kTiles; ++i) all[first + i] = load_tiles(w[i] + first);
    transpose<TileVec, TileIndex, kTiles>(all + first);
  }
  TileVec ninth = {};
#pragma GCC unroll 8
  for (int i = 0; i < kTiles; ++i) ninth[i] = w[i][8];
  all[8] = ninth;
#pragma GCC unroll 9
  for (int tap = 0; tap < 9; ++tap) g[tap] = turned ? all[8 - tap] : all[tap];
}

// The points of kTiles rows to u, `stride` apart.
inline void transform_kernels(const TileVec* g, float* u, int64_t stride) {
  TileVec columns[6][3];
#pragma GCC unroll 3
  for (int s = 0; s < 3; ++s) {
    const TileVec column[3] = {g[s], g[3 + s], g[6 + s]};
    TileVec v[6];
    transform_weights(column, v);
#pragma GCC unroll 6
    for (int i = 0; i < 6; ++i) columns[i][s] = v[i];
  }
#pragma GCC unroll 6
  for (int i = 0; i < 6; ++i) {
    TileVec v[6];
    transform_weights(columns[i], v);
#pragma GCC unroll 6
    for (int j = 0; j < 6; ++j) store_tiles(u + (6 * i + j) * stride, v[j]);
  }
}

// Distance in k at which the weights are fetched: turned ones lie far apart.
constexpr int64_t kAhead = 8;

template <bool turned>
void weights_of(const WinogradWeights& t) {
  alignas(64) float last[kWinogradPoints * kTiles];
  for (int64_t k = 0; k < t.k; ++k) {
    const float* w[kTiles];  // rows that do not exist repeat the last one
    for (int64_t row = 0; row < kTiles; ++row) {
      w[row] = t.w + (row < t.rows ? row : t.rows - 1) * t.row_stride + k * t.k_stride;
      __builtin_prefetch(w[row] + kAhead * t.k_stride);
    }
    TileVec g[9];
    gather_weights(w, turned, g);
    float* u = t.u + k * t.height;
    if (t.height == kTiles || k + 1 < t.k) {
      transform_kernels(g, u, t.point_stride);
      continue;
    }
    transform_kernels(g, last, kTiles);
    for (int64_t point = 0; point < kWinogradPoints; ++point)
      for (int64_t row = 0; row < t.height; ++row)
        u[point * t.point_stride + row] = last[point * kTiles + row];
  }
}

void weights(const WinogradWeights& t) { t.turned ? weights_of<true>(t) : weights_of<false>(t); }

#if defined(__AVX512F__)
constexpr int64_t kMaxNarrow = kTiles;
#else
constexpr int64_t kMaxNarrow = 0;  // the register tile has such vectors itself
#endif

constexpr int kSecondCache = 2;  // where __builtin_prefetch puts a line

// R tiles, P panels of weights: R * P sums of kTiles rows.
template <int R, int P>
void narrow_tile(const WinogradNarrow& t, int64_t row) {
  const int64_t panel = t.height * t.k;
  const float* u = t.u + row * t.k;
  const float* v = t.v;
  TileVec sum[P][kTiles] = {};
  for (int64_t k = 0; k < t.k; ++k, u += t.height, v += t.width) {
    TileVec weights[P];
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) {
      weights[p] = load_tiles(u + p * panel);
      __builtin_prefetch(u + p * panel + t.ahead, 0, kSecondCache);
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const TileVec tile = v[r] - TileVec{};
#pragma GCC unroll 4
      for (int p = 0; p < P; ++p) sum[p][r] += weights[p] * tile;
    }
  }
#pragma GCC unroll 4
  for (int p = 0; p < P; ++p, row += t.height) {
    transpose<TileVec, TileIndex, kTiles>(sum[p]);
    const int64_t rows = t.rows - row < t.height ? t.rows - row : t.height;
    float* m = t.m + row * t.width;
#pragma GCC unroll 8
    for (int r = 0; r < kTiles; ++r)
      if (r < rows) store_tiles(m + r * t.width, t.add ? load_tiles(m + r * t.width) + sum[p][r] : sum[p][r]);
  }
}

template <int R>
void narrow_rows(const WinogradNarrow& t) {
  const int64_t panels = (t.rows + t.height - 1) / t.height;
  int64_t p = 0;
  for (; p + 3 <= panels; p += 3) narrow_tile<R, 3>(t, p * t.height);
  if (panels - p == 2) narrow_tile<R, 2>(t, p * t.height);
  if (panels - p == 1) narrow_tile<R, 1>(t, p * t.height);
}

void narrow(const WinogradNarrow& t) {
  constexpr void (*kRows[])(const WinogradNarrow&) = {narrow_rows<1>, narrow_rows<2>, narrow_rows<3>,
                                                      narrow_rows<4>, narrow_rows<5>, narrow_rows<6>,
                                                      narrow_rows<7>, narrow_rows<8>};
  if constexpr (kMaxNarrow > 0) kRows[t.tiles - 1](t);
}

// Four vectors of tiles, one per column of pixels, to pixels in their order.
inline void put_together(const Vec* e, Vec* pixels) {
  Index low, high;
  for (int i = 0; i < kLanes; ++i) {
    low[i] = i / 2 + (i % 2) * kLanes;
    high[i] = (kLanes + i) / 2 + (i % 2) * kLanes;
  }
  const Vec even0 = __builtin_shuffle(e[0], e[2], low), even1 = __builtin_shuffle(e[0], e[2], high);
  const Vec odd0 = __builtin_shuffle(e[1], e[3], low), odd1 = __builtin_shuffle(e[1], e[3], high);
  pixels[0] = __builtin_shuffle(even0, odd0, low);
  pixels[1] = __builtin_shuffle(even0, odd0, high);
  pixels[2] = __builtin_shuffle(even1, odd1, low);
  pixels[3] = __builtin_shuffle(even1, odd1, high);
}

constexpr int64_t kMapRow = 4 * kWinogradMaxWidth;  // floats of one row of pixels of all tiles

void pixels_of(const float* m, int64_t point_stride, float bias, float* to) {
  Vec columns[24];
#pragma GCC unroll 6
  for (int j = 0; j < 6; ++j) {
    Vec at[6], y[4];
#pragma GCC unroll 6
    for (int i = 0; i < 6; ++i) at[i] = load(m + (6 * i + j) * point_stride);
    transform_output(at, y);
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) columns[6 * i + j] = y[i];
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    Vec y[4], pixels[4];
    transform_output(columns + 6 * i, y);
    for (int j = 0; j < 4; ++j) y[j] += bias;
    put_together(y, pixels);
    for (int j = 0; j < 4; ++j) store(to + i * kMapRow + j * kLanes, pixels[j]);
  }
}

// n pixels of `rows` rows from `from` on, finished, to places `at`, at + row_step ... of y, whole vectors:
// the last one of a row overlaps the one before it. `from` and `plus` are read, y is written only.
template <class V, bool plus>
inline void write_vectors(const WinogradOutput& t, const float* from, int64_t at, int64_t rows, int64_t n) {
  constexpr int64_t kStep = sizeof(V) / sizeof(float);
  const V low = t.low - V{}, high = t.high - V{};
  const int64_t row_step = t.dilation_h * t.W;
  for (int64_t j = 0; j < n; j += kStep) {
    const int64_t i = j + kStep <= n ? j : n - kStep;
    for (int64_t r = 0, to = at + i; r < rows; ++r, to += row_step) {
      V value, more;
      __builtin_memcpy(&value, from + r * kMapRow + i, sizeof value);
      if (plus) {
        __builtin_memcpy(&more, t.plus + to, sizeof more);
        value += more;
      }
      value = value < low ? low : value;
      value = value > high ? high : value;
      __builtin_memcpy(t.y + to, &value, sizeof value);
      // The next channel is a plane away.
      __builtin_prefetch(t.y + t.row_stride + to, 1);
    }
  }
}

inline void write_pixels(const WinogradOutput& t, const float* from, int64_t at, int64_t rows, int64_t n) {
  for (int64_t r = 0; r < rows; ++r, from += kMapRow, at += t.dilation_h * t.W)
    for (int64_t j = 0; j < n; ++j) {
      const int64_t to = at + j * t.dilation_w;
      float value = from[j];
      if (t.plus) value += t.plus[to];
      value = value < t.low ? t.low : value;
      t.y[to] = value > t.high ? t.high : value;
    }
}

template <bool plus>
void write_run(const WinogradOutput& t, const WinogradRun& run, const float* map, int64_t channel) {
  const int64_t fit = (t.W - run.col + t.dilation_w - 1) / t.dilation_w;
  const int64_t fit_rows = (t.H - run.row + t.dilation_h - 1) / t.dilation_h;
  const int64_t n = fit < 4 * run.tiles ? fit : 4 * run.tiles, rows = fit_rows < 4 ? fit_rows : 4;
  const int64_t at = run.image + channel + run.row * t.W + run.col;
  const float* from = map + 4 * run.at;
  if (t.dilation_w > 1 || n < kTiles)
    write_pixels(t, from, at, rows, n);
  else if (n < kLanes)
    write_vectors<TileVec, plus>(t, from, at, rows, n);
  else
    write_vectors<Vec, plus>(t, from, at, rows, n);
}

void output(const WinogradOutput& t) {
  alignas(64) float map[4 * kMapRow];
  for (int64_t row = 0; row < t.rows; ++row) {
    const float* m = t.m + row * t.width;
    for (int64_t lane = 0; lane < t.width; lane += kLanes)
      pixels_of(m + lane, t.point_stride, t.bias ? t.bias[row] : 0.0f, map + 4 * lane);
    for (int64_t r = 0; r < t.run_count; ++r)
      t.plus ? write_run<true>(t, t.runs[r], map, row * t.row_stride)
             : write_run<false>(t, t.runs[r], map, row * t.row_stride);
  }
}

}  // namespace

namespace clearcut::isa::CLEARCUT_ISA {

extern const WinogradKernels winograd_kernels = {kTiles - 1, kMaxNarrow, input, weights, narrow, output};

}  // namespace clearcut::isa::CLEARCUT_ISA
