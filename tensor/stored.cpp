#include "tensor/stored.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>

#include "tensor/error.h"

namespace clearcut {

namespace {

std::vector<std::int64_t> dense_strides(const Shape& shape) {
  std::vector<std::int64_t> strides(static_cast<std::size_t>(shape.rank()), 1);
  if (shape.numel() == 0) return strides;  // products of the other sizes could overflow
  for (int d = shape.rank() - 2; d >= 0; --d)
    strides[static_cast<std::size_t>(d)] = strides[static_cast<std::size_t>(d) + 1] * shape[d + 1];
  return strides;
}

// True if every element of `shape` lies among the first `count`; no sum is formed that could overflow.
bool reaches_only(const Shape& shape, const std::vector<std::int64_t>& strides, std::int64_t count) {
  if (shape.numel() == 0) return true;
  if (shape.numel() > count) return false;
  std::int64_t last = 0;
  for (int d = 0; d < shape.rank(); ++d) {
    const std::int64_t stride = strides[static_cast<std::size_t>(d)], steps = shape[d] - 1;
    if (stride < 0) return false;
    if (steps == 0 || stride == 0) continue;
    if (steps > (count - 1 - last) / stride) return false;
    last += steps * stride;
  }
  return true;
}

// Element i of type File becomes element i of type Ours.
template <class File, class Ours, class Convert>
void copy_run(const std::uint8_t* from, std::int64_t n, std::int64_t stride, bool big_endian, Ours* to,
              const Convert& convert) {
  for (std::int64_t i = 0; i < n; ++i) {
    std::array<std::uint8_t, sizeof(File)> raw;
    std::memcpy(raw.data(), from + i * stride * static_cast<std::int64_t>(sizeof(File)), sizeof(File));
    if (big_endian) std::reverse(raw.begin(), raw.end());
    to[i] = convert(std::bit_cast<File>(raw));
  }
}

// Rows of the last dimension one after the other; `at` counts the others.
template <class File, class Ours, class Convert>
Tensor gather(const StoredNumbers& s, const std::vector<std::int64_t>& strides, const Convert& convert) {
  const Tensor y(s.shape, dtype_of<Ours>);
  if (y.numel() == 0) return y;
  const int rank = s.shape.rank();
  const std::int64_t run = rank == 0 ? 1 : s.shape[rank - 1];
  const std::int64_t stride = rank == 0 ? 1 : strides.back();
  std::array<std::int64_t, Shape::kMaxRank> at{};
  Ours* to = y.data<Ours>();
  for (std::int64_t row = 0; row < y.numel() / run; ++row, to += run) {
    std::int64_t offset = 0;
    for (int d = 0; d + 1 < rank; ++d)
      offset += at[static_cast<std::size_t>(d)] * strides[static_cast<std::size_t>(d)];
    copy_run<File>(s.data.data() + offset * static_cast<std::int64_t>(sizeof(File)), run, stride,
                   s.big_endian, to, convert);
    for (int d = rank - 2; d >= 0 && ++at[static_cast<std::size_t>(d)] == s.shape[d]; --d)
      at[static_cast<std::size_t>(d)] = 0;
  }
  return y;
}

template <class File, class Ours>
Tensor widen(const StoredNumbers& s, const std::vector<std::int64_t>& strides) {
  return gather<File, Ours>(s, strides, [](File v) { return static_cast<Ours>(v); });
}

std::int64_t to_int64(const char* op, const std::string& where, std::uint64_t v) {
  check(v <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()), op, where, ": ", v,
        " does not fit int64");
  return static_cast<std::int64_t>(v);
}

}  // namespace

float float_of_half(std::uint16_t bits) {
  const std::uint32_t sign = (bits & 0x8000u) << 16, exponent = (bits >> 10) & 31u, fraction = bits & 0x3ffu;
  if (exponent == 0) {  // zero and subnormals: fraction * 2^-24, exact in float32
    const float value = static_cast<float>(fraction) * 0x1p-24f;
    return sign != 0 ? -value : value;
  }
  const std::uint32_t wide = exponent == 31 ? 255 : exponent + 112;
  return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}

float float_of_bfloat16(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); }

std::size_t stored_size(std::string_view type) {
  constexpr std::string_view kTypes[] = {"b1", "u1", "u2", "u4", "u8", "i1", "i2",
                                         "i4", "i8", "f2", "f4", "f8", "bf2"};
  if (std::find(std::begin(kTypes), std::end(kTypes), type) == std::end(kTypes)) return 0;
  return static_cast<std::size_t>(type.back() - '0');
}

Tensor read_stored(const char* op, const std::string& where, const StoredNumbers& s) {
  const std::size_t size = stored_size(s.type);
  check(size > 0, op, where, ": element type '", s.type, "' cannot be read; bool, integers and floats can");
  const std::vector<std::int64_t> strides = s.strides.empty() ? dense_strides(s.shape) : s.strides;
  const auto count = static_cast<std::int64_t>(s.data.size() / size);
  check(static_cast<int>(strides.size()) == s.shape.rank() && reaches_only(s.shape, strides, count), op,
        where, ": shape ", s.shape, " reaches beyond the ", count, " elements that are there");
  if (s.type == "b1")
    return gather<std::uint8_t, std::uint8_t>(s, strides, [](auto v) { return std::uint8_t{v != 0}; });
  if (s.type == "u1") return widen<std::uint8_t, std::uint8_t>(s, strides);
  if (s.type == "i1") return widen<std::int8_t, std::int32_t>(s, strides);
  if (s.type == "i2") return widen<std::int16_t, std::int32_t>(s, strides);
  if (s.type == "u2") return widen<std::uint16_t, std::int32_t>(s, strides);
  if (s.type == "i4") return widen<std::int32_t, std::int32_t>(s, strides);
  if (s.type == "u4") return widen<std::uint32_t, std::int64_t>(s, strides);
  if (s.type == "i8") return widen<std::int64_t, std::int64_t>(s, strides);
  if (s.type == "u8")
    return gather<std::uint64_t, std::int64_t>(s, strides,
                                               [&](std::uint64_t v) { return to_int64(op, where, v); });
  if (s.type == "f2") return gather<std::uint16_t, float>(s, strides, float_of_half);
  if (s.type == "bf2") return gather<std::uint16_t, float>(s, strides, float_of_bfloat16);
  return s.type == "f4" ? widen<float, float>(s, strides) : widen<double, double>(s, strides);
}

}  // namespace clearcut
