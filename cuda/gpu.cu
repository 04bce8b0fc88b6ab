#include "cuda/gpu.cuh"

#include <string>

#include "tensor/cuda_device.h"

namespace clearcut {

bool cuda_is_emulated() {
#if defined(__CUDACC__)
  return false;
#else
  return true;
#endif
}

std::string described(Device device) {
  return cat(device, device == Device::kCuda && cuda_is_emulated() ? " (emulated)" : "");
}

}  // namespace clearcut

namespace clearcut::cuda {

void check_call(cudaError_t error, std::string_view what) {
  if (error == cudaSuccess) return;
  const std::string text = cudaGetErrorString(error);
  // The emulator's reports begin with the kernel's name; a late one comes with another call.
  if (text.starts_with(what))
    throw_error(what, text.substr(what.size() + 2));
  else
    fail(what, text);
}

}  // namespace clearcut::cuda
