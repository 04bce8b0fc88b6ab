#include "tests/golden.h"

#include <map>

#include "tensor/safetensors.h"

namespace clearcut::test {

namespace {

// One file per operator family: tests/golden/ops/<stem before the first '/'>.safetensors.
const std::map<std::string, Tensor>& family_file(const std::string& family) {
  static std::map<std::string, std::map<std::string, Tensor>> files;
  auto& file = files[family];
  if (file.empty())
    for (const auto& [name, tensor] : read_safetensors("tests/golden/ops/" + family + ".safetensors").tensors)
      file[name] = tensor.dtype() == DType::kFloat32 ? tensor.to(DType::kFloat64) : tensor;
  return file;
}

}  // namespace

OpGolden op_golden(const std::string& stem) {
  const std::size_t slash = stem.find('/');
  check(slash != std::string::npos, "golden", "a stem is FAMILY/CASE, got ", stem);
  const auto& file = family_file(stem.substr(0, slash));
  const std::string prefix = stem.substr(slash + 1) + ".";
  check(file.count(prefix + "y") == 1, "golden", "no case '", stem, "'; see tests/golden/ops/*.py");
  OpGolden golden{.inputs = {}, .y = file.at(prefix + "y"), .dy = file.at(prefix + "dy"), .grads = {}};
  for (int k = 0; file.count(cat(prefix, "x", k)) == 1; ++k) {
    golden.inputs.push_back(file.at(cat(prefix, "x", k)));
    golden.grads.push_back(file.at(cat(prefix, "dx", k)));
  }
  return golden;
}

}  // namespace clearcut::test
