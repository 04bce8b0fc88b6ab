// Rows of feature maps are short (7, 14, 28 ... pixels): a call of memcpy per row costs more than the row.
// The last vector of a row overlaps the one before it, so no remainder is copied one by one.
#include "tensor/cpu/isa/rows.h"

#include "tensor/cpu/isa/vector.h"

namespace {

using namespace clearcut::isa;

typedef float Four __attribute__((vector_size(16), aligned(4), may_alias));
typedef float Eight __attribute__((vector_size(32), aligned(4), may_alias));
typedef float PlainFour __attribute__((vector_size(16)));
typedef float PlainEight __attribute__((vector_size(32)));

inline void copy_4(const float* from, float* to) {
  *reinterpret_cast<Four*>(to) = *reinterpret_cast<const Four*>(from);
}
inline void copy_8(const float* from, float* to) {
  *reinterpret_cast<Eight*>(to) = *reinterpret_cast<const Eight*>(from);
}

inline void copy_row(const float* from, float* to, int64_t n) {
  if (n >= kLanes) {
    for (int64_t j = 0; j + kLanes < n; j += kLanes) store(to + j, load(from + j));
    store(to + n - kLanes, load(from + n - kLanes));
  } else if (n >= 8) {
    copy_8(from, to);
    copy_8(from + n - 8, to + n - 8);
  } else if (n >= 4) {
    copy_4(from, to);
    copy_4(from + n - 4, to + n - 4);
  } else {
    for (int64_t j = 0; j < n; ++j) to[j] = from[j];
  }
}

// to[j] = from[2 j]. Vector j reads two vectors of `from`; the last one starts an element earlier, so as to
// end with the last element that belongs to it, and takes the odd ones.
inline void copy_every_other(const float* from, float* to, int64_t n) {
  Index even, odd;
  for (int i = 0; i < kLanes; ++i) {
    even[i] = 2 * i;
    odd[i] = 2 * i + 1;
  }
  if (n <= kLanes) {
    for (int64_t j = 0; j < n; ++j) to[j] = from[2 * j];
    return;
  }
  for (int64_t j = 0; j + kLanes < n; j += kLanes)
    store(to + j, __builtin_shuffle(load(from + 2 * j), load(from + 2 * j + kLanes), even));
  const int64_t j = n - kLanes;
  store(to + j, __builtin_shuffle(load(from + 2 * j - 1), load(from + 2 * j - 1 + kLanes), odd));
}

// to[2 j] = from[j]; the odd ones are written as they are. The last vector is left to single copies: behind
// the last element may be another's row.
inline void copy_to_every_other(const float* from, float* to, int64_t n) {
  Index low, high;  // of (new values, old ones)
  for (int i = 0; i < kLanes; ++i) {
    low[i] = i % 2 == 0 ? i / 2 : kLanes + i;
    high[i] = i % 2 == 0 ? (kLanes + i) / 2 : kLanes + i;
  }
  int64_t j = 0;
  for (; j + kLanes < n; j += kLanes) {
    const Vec value = load(from + j);
    float* at = to + 2 * j;
    store(at, __builtin_shuffle(value, load(at), low));
    store(at + kLanes, __builtin_shuffle(value, load(at + kLanes), high));
  }
  for (; j < n; ++j) to[2 * j] = from[j];
}

void copy_rows(const RowCopy& c) {
  const float* from = c.from;
  float* to = c.to;
  for (int64_t i = 0; i < c.rows; ++i, from += c.from_row, to += c.to_row) {
    if (c.from_step == 1 && c.to_step == 1)
      copy_row(from, to, c.cols);
    else if (c.from_step == 2 && c.to_step == 1)
      copy_every_other(from, to, c.cols);
    else if (c.from_step == 1 && c.to_step == 2)
      copy_to_every_other(from, to, c.cols);
    else
      for (int64_t j = 0; j < c.cols; ++j) to[j * c.to_step] = from[j * c.from_step];
  }
}

void add_rows(const RowCopy& c) {
  Index lane;
  for (int i = 0; i < kLanes; ++i) lane[i] = i;
  const int64_t whole = c.cols / kLanes * kLanes;
  const Index rest = lane - static_cast<int>(c.cols - whole);  // negative where the row goes on
  const float* from = c.from;
  float* to = c.to;
  for (int64_t i = 0; i < c.rows; ++i, from += c.from_row, to += c.to_row) {
    for (int64_t j = 0; j < whole; j += kLanes) store(to + j, load(to + j) + load(from + j));
    if (whole == c.cols) continue;
    const Vec old = load(to + whole);
    store(to + whole, rest < 0 ? old + load(from + whole) : old);
  }
}

// V: four, eight or all lanes. Vectors go by reference: those of eight have no registers on every set.
template <class V>
inline void any_load(const float* p, V& v) {
  __builtin_memcpy(&v, p, sizeof v);
}
template <class V>
inline void finished(const RowFinish& f, const float* from, const float* to, const float* plus, int64_t j,
                     V& value) {
  V term;
  any_load(from + j, value);
  if (f.accumulate) {
    any_load(to + j, term);
    value = term + value;
  }
  if (plus) {
    any_load(plus + j, term);
    value += term;
  }
  const V low = f.low - V{}, high = f.high - V{};
  value = value < low ? low : value;
  value = value > high ? high : value;
}

// A row of at least one vector. The last one overlaps the one before it: it is computed first, from values
// not yet overwritten.
template <class V>
inline void finish_row(const RowFinish& f, const float* from, float* to, const float* plus) {
  constexpr int64_t kStep = sizeof(V) / sizeof(float);
  const int64_t last = f.cols - kStep;
  V tail, value;
  finished(f, from, to, plus, last, tail);
  for (int64_t j = 0; j < last; j += kStep) {
    finished(f, from, to, plus, j, value);
    __builtin_memcpy(to + j, &value, sizeof value);
  }
  __builtin_memcpy(to + last, &tail, sizeof tail);
}

void finish_short_row(const RowFinish& f, const float* from, float* to, const float* plus) {
  for (int64_t j = 0; j < f.cols; ++j) {
    float value = f.accumulate ? to[j] + from[j] : from[j];
    if (plus) value += plus[j];
    value = value < f.low ? f.low : value;
    to[j] = value > f.high ? f.high : value;
  }
}

void finish_rows(const RowFinish& f) {
  for (int64_t i = 0; i < f.rows; ++i) {
    const float* plus = f.plus ? f.plus + i * f.row : nullptr;
    const float* from = f.from + i * f.from_row;
    float* to = f.to + i * f.row;
    if (f.cols >= kLanes)
      finish_row<Vec>(f, from, to, plus);
    else if (f.cols >= 8)
      finish_row<PlainEight>(f, from, to, plus);
    else if (f.cols >= 4)
      finish_row<PlainFour>(f, from, to, plus);
    else
      finish_short_row(f, from, to, plus);
  }
}

}  // namespace

namespace clearcut::isa::CLEARCUT_ISA {

extern const RowKernels row_kernels = {copy_rows, add_rows, finish_rows};

}  // namespace clearcut::isa::CLEARCUT_ISA
