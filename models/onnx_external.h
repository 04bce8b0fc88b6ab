// Weights that an ONNX file keeps in a second file beside it.
#pragma once

#include <map>
#include <span>
#include <string>

#include "tensor/file.h"

namespace clearcut::onnx {

/// Where the numbers of a TensorProto with external data lie.
struct ExternalPlace {
  std::string location;  // a path relative to the model's folder
  std::uint64_t offset = 0, length = 0;
  bool has_length = false;  // else to the end of the file
};

/// The files beside a model, each read once. Only files inside `folder` are opened: no absolute paths, no
/// "..", no links that lead out. An empty folder allows none.
class ExternalFiles {
 public:
  explicit ExternalFiles(std::string folder) : folder_(std::move(folder)) {}

  /// The bytes at a place; they live as long as this object. Throws Error that names the file,
  /// also if all places together are larger than the file: tensors do not overlap.
  std::span<const std::uint8_t> at(const ExternalPlace& place);

 private:
  const Bytes& file(const std::string& location);

  std::string folder_;
  std::map<std::string, Bytes> files_;
  std::map<std::string, std::uint64_t> handed_out_;  // bytes
};

}  // namespace clearcut::onnx
