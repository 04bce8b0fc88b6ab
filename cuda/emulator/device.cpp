// The emulated device as a card: there is one, number 0, and no driver.
#include <unistd.h>

#include <cstring>

#include "cuda/emulator/runtime_api.h"
#include "cuda/emulator/stream.h"
#include "tensor/error.h"

namespace {

cudaError_t known_device(int device) {
  if (device == 0) return cudaSuccess;
  clearcut::emulator::set_error(cudaErrorInvalidDevice,
                                clearcut::cat("there is one emulated device, number 0; got number ", device));
  return clearcut::emulator::take_error();
}

}  // namespace

cudaError_t cudaDriverGetVersion(int* version) {
  *version = 0;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = 0;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}
// The least of the cards that the kernels are built for.
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  *properties = {};
  std::strcpy(properties->name, "emulated device");
  properties->totalGlobalMem =
      static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  properties->major = 8;
  properties->multiProcessorCount = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  return known_device(device);
}
cudaError_t cudaSetDevice(int device) { return known_device(device); }
