// MATLAB's files up to -v7 ("level 5"), as far as masks need them: arrays of numbers, also inside structs.
#pragma once

#include <string>

#include "tensor/deflate.h"
#include "tensor/tensor.h"

namespace clearcut {

/// The array `path` of a .mat file: a variable, or fields of structs below it, as "GTcls.Segmentation".
/// Of structs that are arrays the first element counts.
///
///   uint8, logical -> uint8;  int8, int16, uint16, int32 -> int32;  uint32, int64, uint64 -> int64
///   single -> float32;  double -> float64
///
/// returns  [rows, columns, ...] in C order (MATLAB's own order has columns first)
///
/// Either byte order, compressed or not. Throws Error that names the file: no such variable (and which there
/// are), not a .mat file, MATLAB 7.3 (an HDF5 file; save with -v7), damaged or truncated, text, cells, sparse
/// or complex numbers at that place.
/// Source: MathWorks, "MAT-File Format", R2019a, chapter 1.
Tensor decode_mat_array(ByteView bytes, const std::string& name, const std::string& path);

}  // namespace clearcut
