// Numbers in tests/golden/explain; each file has its script beside it.
#pragma once

#include <map>
#include <string>

#include "tensor/safetensors.h"

namespace clearcut::test {

/// Tensor `name` of tests/golden/explain/FILE.safetensors.
inline Tensor explain_golden(const std::string& file, const std::string& name) {
  static std::map<std::string, std::map<std::string, Tensor>> files;
  auto& tensors = files[file];
  if (tensors.empty())
    for (auto& [key, tensor] : read_safetensors("tests/golden/explain/" + file + ".safetensors").tensors)
      tensors[key] = tensor;
  const auto found = tensors.find(name);
  check(found != tensors.end(), "golden", "no ", name, " in ", file);
  return found->second;
}

}  // namespace clearcut::test
