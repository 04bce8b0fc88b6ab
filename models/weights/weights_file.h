// Weights in everybody's files.
#pragma once

#include <string>
#include <vector>

#include "nn/module.h"
#include "tensor/deflate.h"

namespace clearcut {

struct WeightsFile {
  std::string format;                   // "safetensors", "PyTorch", "Paddle", "ONNX" or "NumPy"
  StateDict tensors;                    // in the order of the file
  std::vector<std::string> notes = {};  // for people: what was left out, where the weights were found
};

/// The named tensors of a file, or of a checkpoint folder of ours. The first bytes and the name's ending
/// decide:
///
///   .safetensors   read_safetensors()
///   .pth, .pt      zip files of PyTorch 1.6 and later: read_torch()
///   .pdparams      pickles of Paddle 2: read_paddle()
///   .onnx          the initialisers of the graph, without whole and single numbers: sizes and bounds
///   .npz           read_npz()
///
/// No code in a file is ever run. Throws Error that names the file and the byte or the key, and says how to
/// convert what is not read.
WeightsFile read_weights(const std::string& path);
/// The same of bytes; `name` is the file's name.
WeightsFile decode_weights(ByteView bytes, const std::string& name);

}  // namespace clearcut
