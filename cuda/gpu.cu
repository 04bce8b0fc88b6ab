#include "cuda/gpu.cuh"

#include <string>

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
