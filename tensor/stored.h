// Numbers as files hold them: their element types, byte orders and strides, and how they become tensors.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/deflate.h"
#include "tensor/tensor.h"

namespace clearcut {

/// Numbers in a file. Element types are called as NumPy calls them, without byte order: b1 (bool), u1, u2,
/// u4, u8, i1, i2, i4, i8, f2, f4, f8; and bf2 for bfloat16.
struct StoredNumbers {
  std::string_view type;
  ByteView data;  // from the first element on
  Shape shape;
  std::vector<std::int64_t> strides = {};  // of each dimension, in elements; {}: row-major, without gaps
  bool big_endian = false;
};

/// Bytes of one element; 0 for a type that is not known.
std::size_t stored_size(std::string_view type);

/// The numbers as a dense tensor of a type of ours, without loss:
///
///   bool, uint8 -> uint8;  int8, int16, uint16, int32 -> int32;  uint32, int64, uint64 -> int64
///   float16, bfloat16, float32 -> float32;  float64 -> float64
///
/// Throws Error "op: where: ..." for an unknown type, a uint64 beyond int64, an element outside `data`, a
/// negative stride, and more elements than `data` has (a stride of 0 could ask for any number): so it
/// allocates at most twice the bytes of `data`.
Tensor read_stored(const char* op, const std::string& where, const StoredNumbers& numbers);

/// IEEE 754 binary16 and bfloat16, given their bits; exact. NaN stays NaN.
float float_of_half(std::uint16_t bits);
float float_of_bfloat16(std::uint16_t bits);

}  // namespace clearcut
