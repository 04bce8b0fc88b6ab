// Reading and writing safetensors files: named tensors, no code.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tensor/deflate.h"
#include "tensor/tensor.h"

namespace clearcut {

struct SafetensorsFile {
  std::vector<std::pair<std::string, Tensor>> tensors;  // in file order
  std::map<std::string, std::string> metadata;
};

/// Layout: 8-byte little-endian header length, JSON header {name: {dtype, shape, data_offsets}}, data.
/// Reads F32, F64, I32, I64, U8, and F16, BF16, I8, I16, U16, U32, BOOL as read_stored() widens them. Throws
/// Error that names the file and the tensor when the header is larger than 100 MB or not JSON, an offset lies
/// outside the file, tensors overlap or leave a hole, a size is not shape times dtype, a name comes twice, or
/// a dtype is another one. Source: https://github.com/huggingface/safetensors (format description).
SafetensorsFile read_safetensors(const std::string& path);
/// The same of bytes in memory; `name` is for errors.
SafetensorsFile decode_safetensors(ByteView bytes, const std::string& name);

/// The metadata alone: reads the header and no tensor.
std::map<std::string, std::string> read_safetensors_metadata(const std::string& path);

/// Writes to a temporary name beside `path` and renames: a killed program leaves no half file.
/// Tensors stand in the given order. The same input gives the same bytes.
void write_safetensors(const std::string& path, const SafetensorsFile& file);

}  // namespace clearcut
