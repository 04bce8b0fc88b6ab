// Audit of the kernels of convolutions and of matrix products: how exact each of them is, and whether its
// bits keep the promises.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace clearcut {

/// One kernel on one layer in one direction.
struct KernelCheck {
  std::string kernel, layer, direction;
  /// max |y - y64| / max |y64|, where y64 is the plain sum in double; of convolutions the larger of normal
  /// inputs and of the same inputs behind a ReLU.
  double error = 0;
  double rounding = 0;  // of an operand before it is multiplied, by kernels of tensor cores
  bool same_in_any_order =
      true;  // the same bits with 1 and 3 threads; on cuda, in each order of blocks and threads
  bool same_for_batch = true;  // the last picture alone gets the bits that it gets among others (not dw)
  std::string fault = {};      // what the device said when it stopped the kernel
  /// Rounding both operands moves a sum of many products by about `rounding` of the largest; 4 leave room.
  bool passed(double tolerance) const {
    return fault.empty() && error <= tolerance + 4 * rounding && same_in_any_order && same_for_batch;
  }
};

/// Every kernel whose name contains `filter`, on every layer that it offers: those of the CPU by their names,
/// those of cuda, if there is one, by their files, as "gemm_v3_tile"; a gemm also as the convolution around
/// it. layers: as parse_layer() reads them, three pictures each; empty: odd sizes with strides, dilations and
/// groups.
std::vector<KernelCheck> check_kernels(const std::string& filter = "",
                                       const std::vector<std::string>& layers = {}, std::uint64_t seed = 1);
/// The part of it that runs on cuda.
std::vector<KernelCheck> check_cuda_kernels(const std::string& filter, const std::vector<std::string>& layers,
                                            std::uint64_t seed);

/// max |a - b| / max |b| of a float and a double tensor; infinite if a holds a NaN.
double largest_difference(const Tensor& a, const Tensor& b);
bool same_bits(const Tensor& a, const Tensor& b);

}  // namespace clearcut
