// NumPy's files: one array (.npy) or named arrays in a zip (.npz).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tensor/deflate.h"
#include "tensor/tensor.h"

namespace clearcut {

/// Reads .npy versions 1 to 3, either byte order, C or Fortran order (the result is always C order).
/// Element types become ours without loss:
///
///   bool, uint8 -> uint8;  int8, int16, uint16, int32 -> int32;  uint32, int64, uint64 -> int64
///   float16, float32 -> float32;  float64 -> float64
///
/// Throws Error that names the file: not .npy, object or structured arrays (they need Python's pickle),
/// strings, complex numbers, a uint64 beyond int64, more than six dimensions, more or fewer bytes than the
/// shape needs.
/// Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
Tensor read_npy(const std::string& path);
Tensor decode_npy(ByteView bytes, const std::string& name);

/// Version 1.0, C order, little-endian, dtype as it is: <f4, <f8, <i4, <i8, |u1.
Bytes encode_npy(const Tensor& x);
void write_npy(const std::string& path, const Tensor& x);

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

/// All arrays of an .npz, in the order of its directory, names without ".npy". Reads stored and deflated
/// entries, zip64 too. Every entry's CRC-32 is checked. Throws Error that names file and entry: truncated,
/// not a zip, another compression, encrypted, a name twice, contents of more than max_bytes in all.
NamedTensors read_npz(const std::string& path, std::size_t max_bytes = std::size_t{4} << 30);
NamedTensors decode_npz(ByteView bytes, const std::string& name,
                        std::size_t max_bytes = std::size_t{4} << 30);
/// The array `name` of a list of named arrays; throws Error that lists what `file` has.
const Tensor& find_array(const NamedTensors& arrays, const std::string& name, const std::string& file);

struct NpzOptions {
  bool compress = true;
};
/// Every entry carries the time 1980-01-01 00:00, so the same arrays give the same bytes in one build.
/// Written to a temporary name and renamed. Throws Error on a name twice, or 4 GiB and more.
void write_npz(const std::string& path, const NamedTensors& arrays, NpzOptions options = {});
Bytes encode_npz(const NamedTensors& arrays, NpzOptions options = {});

}  // namespace clearcut
