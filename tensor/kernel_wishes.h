// Kernels that are asked for by name: --kernels and the environment variable CLEARCUT_KERNELS.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace clearcut {

/// "patches", "forward:patches", "conv2d=mine", "conv2d=weight:mine" or "gemm=mine".
struct KernelWish {
  std::string op;         // "conv2d" or "gemm"; empty: each that has a kernel of this name
  std::string direction;  // of convolutions, "forward", "input" or "weight"; empty: all three
  std::string name;
  bool is_for(std::string_view an_op, std::string_view a_direction = "") const {
    return (op.empty() || op == an_op) && (direction.empty() || direction == a_direction);
  }
};

/// Replaces all wishes; `names` are separated by commas. The first that fits goes before the plan of the CPU
/// (tensor/cpu/conv/kernel.h) and before the default of cuda (tensor/cuda_variants.h). "" ends it. The
/// environment variable CLEARCUT_KERNELS gives the first value. Throws Error on a name that no kernel has.
/// Not while parallel work runs.
void prefer_kernels(std::string_view names);
const std::vector<KernelWish>& kernel_wishes();

}  // namespace clearcut
