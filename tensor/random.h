// Counter-based random numbers (Philox4x32-10): each number is a pure function of its key, so the same
// integers, uniforms and normals come out for any batch size, shard, thread count and device.
// Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "tensor/views.h"

namespace clearcut {

/// One Philox4x32-10 block: four 32-bit words from a 128-bit counter and a 64-bit key.
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

/// 64-bit FNV-1a hash of a name: turns purposes, module paths and picture ids into key parts.
std::uint64_t hash_name(std::string_view name);

/// Where a stream begins: all that a kernel must know of it. Word 0 of the counter is the block index.
struct PhiloxStart {
  std::uint32_t key[2], counter[4];
};

/// A stream of random numbers keyed by (seed, purpose, item id, step). Number i of a stream depends on
/// the key and i only. Purpose says what the numbers are for ("dropout", "smoothgrad", a module path):
/// streams of different purposes are independent. A stream holds 2^34 numbers of 32 bits.
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, std::string_view purpose, std::uint64_t item = 0, std::uint32_t step = 0);

  std::uint32_t bits(std::int64_t i) const;
  double uniform(std::int64_t i) const;  // [0, 1), 2^-32 apart
  double uniform(std::int64_t i, double low, double high) const;
  double normal(std::int64_t i) const;                       // N(0, 1), from uniform(i) only
  std::int64_t below(std::int64_t i, std::int64_t n) const;  // uniform integer in [0, n), n < 2^31

  /// y[j] = bits(first + j), for j in [0, n).
  void fill_bits(std::uint32_t* y, std::int64_t n, std::int64_t first = 0) const;
  /// y[j] = uniform or normal number first + j, for j in [0, n). float32 or float64.
  void fill_uniform(const Tensor& y, double low, double high, std::int64_t first = 0) const;
  void fill_normal(const Tensor& y, double mean, double deviation, std::int64_t first = 0) const;

  PhiloxStart start() const {
    return {{key_[0], key_[1]}, {counter_[0], counter_[1], counter_[2], counter_[3]}};
  }

 private:
  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 4> counter_;  // word 0 is the block index
};

/// The numbers 0 .. n-1 in an order drawn from `stream` (Fisher-Yates).
std::vector<std::int64_t> permutation(const RandomStream& stream, std::int64_t n);

/// Inverse of the standard normal distribution function for p in (0, 1), relative error near 1e-15.
/// Uses only +, -, *, /, sqrt and fma, which IEEE 754 rounds the same on every machine (no libm log).
/// Source of the rational approximation: Wichura, algorithm AS 241 (PPND16), Applied Statistics 37, 1988.
double inverse_normal(double p);

namespace kernels {

/// y[j] = number first + j of the stream. All bodies make the same bits.
template <class T>
void fill_uniform(Reference, const PhiloxStart& start, std::int64_t first, double low, double high,
                  Flat<T> y);
template <class T>
void fill_uniform(Cuda, const PhiloxStart& start, std::int64_t first, double low, double high, Flat<T> y);
template <class T>
void fill_normal(Reference, const PhiloxStart& start, std::int64_t first, double mean, double deviation,
                 Flat<T> y);
template <class T>
void fill_normal(Cuda, const PhiloxStart& start, std::int64_t first, double mean, double deviation,
                 Flat<T> y);

}  // namespace kernels
}  // namespace clearcut
