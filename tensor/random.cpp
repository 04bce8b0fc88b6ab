#include "tensor/random.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "tensor/cpu/isa.h"
#include "tensor/parallel.h"
#include "tensor/random_constants.h"

namespace clearcut {

namespace {

using namespace random_constants;

std::uint32_t low_word(std::uint64_t v) { return static_cast<std::uint32_t>(v); }
std::uint32_t high_word(std::uint64_t v) { return static_cast<std::uint32_t>(v >> 32); }

// c[0] + c[1] x + ... with one rounding per term.
template <std::size_t n>
double polynomial(const double (&c)[n], double x) {
  double y = c[n - 1];
  for (std::size_t i = n - 1; i-- > 0;) y = std::fma(y, x, c[i]);
  return y;
}

// Natural logarithm of a normal positive double: p = m 2^e with m in [0.7, 1.42), log m = 2 atanh(s),
// s = (m - 1) / (m + 1); the odd series of atanh up to s^21 is exact to 1e-17 there.
double exact_log(double p) {
  const auto bits = std::bit_cast<std::uint64_t>(p);
  int exponent = static_cast<int>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & 0x000FFFFFFFFFFFFFULL) | 0x3FF0000000000000ULL);
  if (m > kSqrt2) {
    m *= 0.5;
    ++exponent;
  }
  const double s = (m - 1.0) / (m + 1.0);
  return std::fma(static_cast<double>(exponent), kLog2, s * polynomial(kAtanhSeries, s * s));
}

// Chunks of a fill.
constexpr std::int64_t kFillGrain = 1 << 14;

}  // namespace

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> c, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{kMultiplier0} * c[0];
    const std::uint64_t p1 = std::uint64_t{kMultiplier1} * c[2];
    c = {high_word(p1) ^ c[1] ^ key[0], low_word(p1), high_word(p0) ^ c[3] ^ key[1], low_word(p0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return c;
}

std::uint64_t hash_name(std::string_view name) {
  std::uint64_t h = 0xCBF29CE484222325ULL;
  for (const char c : name) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  return h;
}

double inverse_normal(double p) {
  const double q = p - 0.5;
  if (std::abs(q) <= 0.425) {
    const double r = std::fma(-q, q, 0.180625);
    return q * polynomial(kCentreTop, r) / polynomial(kCentreBottom, r);
  }
  const double r = std::sqrt(-exact_log(q < 0 ? p : 1.0 - p));
  const double z = r <= 5.0 ? polynomial(kNearTop, r - 1.6) / polynomial(kNearBottom, r - 1.6)
                            : polynomial(kFarTop, r - 5.0) / polynomial(kFarBottom, r - 5.0);
  return q < 0 ? -z : z;
}

RandomStream::RandomStream(std::uint64_t seed, std::string_view purpose, std::uint64_t item,
                           std::uint32_t step) {
  const std::uint64_t name = hash_name(purpose);
  const auto mixed = philox({low_word(name), high_word(name), 0, 0}, {low_word(seed), high_word(seed)});
  key_ = {mixed[0], mixed[1]};
  counter_ = {0, step, low_word(item), high_word(item)};
}

std::uint32_t RandomStream::bits(std::int64_t i) const {
  auto counter = counter_;
  counter[0] = static_cast<std::uint32_t>(i >> 2);
  return philox(counter, key_)[static_cast<std::size_t>(i & 3)];
}

double RandomStream::uniform(std::int64_t i) const { return bits(i) * kTwoToMinus32; }
double RandomStream::uniform(std::int64_t i, double low, double high) const {
  return std::fma(uniform(i), high - low, low);
}
double RandomStream::normal(std::int64_t i) const { return inverse_normal((bits(i) + 0.5) * kTwoToMinus32); }
std::int64_t RandomStream::below(std::int64_t i, std::int64_t n) const {
  check(n > 0 && n < (std::int64_t{1} << 31), "random", "below(n) needs 0 < n < 2^31, got ", n);
  return static_cast<std::int64_t>((std::uint64_t{bits(i)} * static_cast<std::uint64_t>(n)) >> 32);
}

namespace {

constexpr std::int64_t kBufferWords = 1024;

// Calls make(words, j, n) with the words first + j .. first + j + n - 1 of a stream, n <= kBufferWords, until
// all `size` are served; in parallel.
template <class Make>
void for_each_words(std::int64_t size, std::int64_t first, const PhiloxStart& start, const Make& make) {
  const auto philox_run = isa_table().random->philox;
  parallel_for(size, kFillGrain, [&](std::int64_t begin, std::int64_t end) {
    std::array<std::uint32_t, kBufferWords> words;
    for (std::int64_t j = begin; j < end;) {
      const std::int64_t skip = (first + j) & 3;  // words of the first block that come before
      const std::int64_t n = std::min(end - j, kBufferWords - skip);
      philox_run({.key = {start.key[0], start.key[1]},
                  .counter = {0, start.counter[1], start.counter[2], start.counter[3]},
                  .first = static_cast<std::uint32_t>((first + j) >> 2),
                  .blocks = (skip + n + 3) / 4,
                  .words = words.data()});
      make(words.data() + skip, j, n);
      j += n;
    }
  });
}

void make_normal(const std::uint32_t* words, double* y, std::int64_t n, double mean, double deviation) {
  if (const auto fast = isa_table().random->normal) return fast(words, y, n, mean, deviation);
  for (std::int64_t i = 0; i < n; ++i)
    y[i] = std::fma(inverse_normal((words[i] + 0.5) * kTwoToMinus32), deviation, mean);
}

void make_uniform(const std::uint32_t* words, double* y, std::int64_t n, double low, double high) {
  if (const auto fast = isa_table().random->uniform) return fast(words, y, n, low, high);
  for (std::int64_t i = 0; i < n; ++i) y[i] = std::fma(words[i] * kTwoToMinus32, high - low, low);
}

// Fills y with numbers that make(words, numbers, n) computes in double.
template <class T, class Make>
void fill(const PhiloxStart& start, std::int64_t first, Flat<T> y, const Make& make) {
  for_each_words(y.n, first, start, [&](const std::uint32_t* words, std::int64_t j, std::int64_t n) {
    std::array<double, kBufferWords> numbers;
    make(words, numbers.data(), n);
    std::transform(numbers.data(), numbers.data() + n, y.data + j,
                   [](double v) { return static_cast<T>(v); });
  });
}

}  // namespace

namespace kernels {

template <class T>
void fill_uniform(Reference, const PhiloxStart& start, std::int64_t first, double low, double high,
                  Flat<T> y) {
  fill(start, first, y, [=](const std::uint32_t* words, double* out, std::int64_t n) {
    make_uniform(words, out, n, low, high);
  });
}

template <class T>
void fill_normal(Reference, const PhiloxStart& start, std::int64_t first, double mean, double deviation,
                 Flat<T> y) {
  fill(start, first, y, [=](const std::uint32_t* words, double* out, std::int64_t n) {
    make_normal(words, out, n, mean, deviation);
  });
}

}  // namespace kernels

void RandomStream::fill_bits(std::uint32_t* y, std::int64_t n, std::int64_t first) const {
  for_each_words(n, first, start(), [&](const std::uint32_t* words, std::int64_t j, std::int64_t count) {
    std::copy_n(words, count, y + j);
  });
}

void RandomStream::fill_uniform(const Tensor& y, double low, double high, std::int64_t first) const {
  on<Floats>("fill_uniform", y.device(), y.dtype(),
             [&]<class T>(auto tag) { kernels::fill_uniform(tag, start(), first, low, high, flat<T>(y)); });
}

void RandomStream::fill_normal(const Tensor& y, double mean, double deviation, std::int64_t first) const {
  on<Floats>("fill_normal", y.device(), y.dtype(), [&]<class T>(auto tag) {
    kernels::fill_normal(tag, start(), first, mean, deviation, flat<T>(y));
  });
}

std::vector<std::int64_t> permutation(const RandomStream& stream, std::int64_t n) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  for (std::int64_t i = n - 1; i > 0; --i)
    std::swap(order[static_cast<std::size_t>(i)], order[static_cast<std::size_t>(stream.below(i, i + 1))]);
  return order;
}

}  // namespace clearcut
