#include "tensor/random.h"

#include <bit>
#include <cmath>
#include <numeric>

#include "tensor/parallel.h"

namespace clearcut {

namespace {

constexpr std::uint32_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
constexpr std::uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
constexpr double kTwoToMinus32 = 0x1p-32;

std::uint32_t low_word(std::uint64_t v) { return static_cast<std::uint32_t>(v); }
std::uint32_t high_word(std::uint64_t v) { return static_cast<std::uint32_t>(v >> 32); }

// c[0] + c[1] x + ... with one rounding per term.
template <std::size_t n>
double polynomial(const std::array<double, n>& c, double x) {
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
  if (m > 1.4142135623730951) {
    m *= 0.5;
    ++exponent;
  }
  const double s = (m - 1.0) / (m + 1.0);
  constexpr std::array<double, 11> series = {2.0,      2.0 / 3,  2.0 / 5,  2.0 / 7,  2.0 / 9, 2.0 / 11,
                                             2.0 / 13, 2.0 / 15, 2.0 / 17, 2.0 / 19, 2.0 / 21};
  return std::fma(static_cast<double>(exponent), 0.6931471805599453, s * polynomial(series, s * s));
}

// AS 241, PPND16: numerators and denominators for the centre, the near tail and the far tail.
constexpr std::array<double, 8> kCentreTop = {
    3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
    4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3};
constexpr std::array<double, 8> kCentreBottom = {1.0,
                                                 4.2313330701600911252e1,
                                                 6.8718700749205790830e2,
                                                 5.3941960214247511077e3,
                                                 2.1213794301586595867e4,
                                                 3.9307895800092710610e4,
                                                 2.8729085735721942674e4,
                                                 5.2264952788528545610e3};
constexpr std::array<double, 8> kNearTop = {1.42343711074968357734e0,  4.63033784615654529590e0,
                                            5.76949722146069140550e0,  3.64784832476320460504e0,
                                            1.27045825245236838258e0,  2.41780725177450611770e-1,
                                            2.27238449892691845833e-2, 7.74545014278341407640e-4};
constexpr std::array<double, 8> kNearBottom = {1.0,
                                               2.05319162663775882187e0,
                                               1.67638483018380384940e0,
                                               6.89767334985100004550e-1,
                                               1.48103976427480074590e-1,
                                               1.51986665636164571966e-2,
                                               5.47593808499534494600e-4,
                                               1.05075007164441684324e-9};
constexpr std::array<double, 8> kFarTop = {6.65790464350110377720e0,  5.46378491116411436990e0,
                                           1.78482653991729133580e0,  2.96560571828504891230e-1,
                                           2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                           2.71155556874348757815e-5, 2.01033439929228813265e-7};
constexpr std::array<double, 8> kFarBottom = {1.0,
                                              5.99832206555887937690e-1,
                                              1.36929880922735805310e-1,
                                              1.48753612908506148525e-2,
                                              7.86869131145613259100e-4,
                                              1.84631831751005468180e-5,
                                              1.42151175831644588870e-7,
                                              2.04426310338993978564e-15};

// Chunks of a fill; a multiple of 4 keeps whole Philox blocks together.
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

// y[j] = make(word first + j), four words per Philox block.
template <class Make>
void fill(const char* op, const Tensor& y, std::int64_t first, std::array<std::uint32_t, 4> counter,
          std::array<std::uint32_t, 2> key, const Make& make) {
  on<Floats>(op, y.device(), y.dtype(), [&]<class T>(auto) {
    T* out = y.data<T>();
    parallel_for(y.numel(), kFillGrain, [&](std::int64_t begin, std::int64_t end) {
      auto c = counter;
      std::array<std::uint32_t, 4> words{};
      std::int64_t block = -1;
      for (std::int64_t j = begin; j < end; ++j) {
        const std::int64_t i = first + j;
        if (i >> 2 != block) {
          block = i >> 2;
          c[0] = static_cast<std::uint32_t>(block);
          words = philox(c, key);
        }
        out[j] = static_cast<T>(make(words[static_cast<std::size_t>(i & 3)]));
      }
    });
  });
}

}  // namespace

void RandomStream::fill_uniform(const Tensor& y, double low, double high, std::int64_t first) const {
  fill("fill_uniform", y, first, counter_, key_,
       [=](std::uint32_t word) { return std::fma(word * kTwoToMinus32, high - low, low); });
}

void RandomStream::fill_normal(const Tensor& y, double mean, double deviation, std::int64_t first) const {
  fill("fill_normal", y, first, counter_, key_, [=](std::uint32_t word) {
    return std::fma(inverse_normal((word + 0.5) * kTwoToMinus32), deviation, mean);
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
