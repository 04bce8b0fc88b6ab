// Numbers that outside programs wrote; each file in tests/golden has its script beside it.
#pragma once

#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace clearcut::test {

/// Inputs, output, gradient of the output and gradients of the inputs of one operator call, float64,
/// from tests/golden/ops/FAMILY.safetensors, which FAMILY.py beside it wrote with PyTorch. stem:
/// "FAMILY/CASE".
struct OpGolden {
  std::vector<Tensor> inputs;
  Tensor y, dy;
  std::vector<Tensor> grads;
};
OpGolden op_golden(const std::string& stem);

}  // namespace clearcut::test
