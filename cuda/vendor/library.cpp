#include "cuda/vendor/library.h"

#include "tensor/cuda_device.h"

namespace clearcut::cuda {

SharedLibrary open_library(const std::string& name, const std::string& file) {
  return {name, file, {.folder = "/usr/local/cuda/lib64/"}};
}

bool opens(void* (*handle)()) {
  if (cuda_machine().driver == 0) return false;
  try {
    return handle() != nullptr;
  } catch (const Error&) {
    return false;
  }
}

std::string dotted_version(std::size_t number) {
  return cat(number / 10000, ".", number / 100 % 100, ".", number % 100);
}

}  // namespace clearcut::cuda
