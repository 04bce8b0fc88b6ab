// Audit of the convolution kernels: how exact each of them is, and whether its bits keep the promises.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace clearcut {

/// One kernel on one layer in one direction.
struct KernelCheck {
  std::string kernel, layer, direction;
  /// max |y - y64| / max |y64|, where y64 is the plain sum in double: the larger of normal inputs and of the
  /// same inputs behind a ReLU.
  double error = 0;
  bool same_for_threads = true;  // 1 and 3 threads give the same bits
  bool same_for_batch = true;    // the last picture alone gets the bits that it gets among others (y and dx)
  bool passed(double tolerance) const { return error <= tolerance && same_for_threads && same_for_batch; }
};

/// Every kernel whose name contains `filter`, on every layer that it offers. layers: as parse_layer() reads
/// them, three pictures each; empty: a list of odd sizes with strides, dilations and groups.
std::vector<KernelCheck> check_kernels(const std::string& filter = "",
                                       const std::vector<std::string>& layers = {}, std::uint64_t seed = 1);

}  // namespace clearcut
