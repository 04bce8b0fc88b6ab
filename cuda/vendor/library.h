// Libraries of NVIDIA's, opened when they are asked for: the program itself needs none of them.
#pragma once

#include <string>

#include "tensor/shared_library.h"

namespace clearcut::cuda {

/// SharedLibrary("cuDNN", "libcudnn.so.9"), also looked for in /usr/local/cuda/lib64.
SharedLibrary open_library(const std::string& name, const std::string& file);

/// Whether handle() gives one: false without a driver, as on the emulated device, where it is not tried.
bool opens(void* (*handle)());

/// "13.1.0" of numbers like 130100 (major * 10000 + minor * 100 + patch).
std::string dotted_version(std::size_t number);

}  // namespace clearcut::cuda
