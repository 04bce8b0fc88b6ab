// What the stand-ins for libcudart share: one lock around every call, and the last error.
#pragma once

#include <cuda_runtime_api.h>

#include <mutex>
#include <string>

namespace clearcut::ptxsim {

/// Calls of the runtime come one after another.
std::recursive_mutex& cudart_lock();
/// Notes the error and its text for cudaGetLastError and cudaGetErrorString; returns it.
cudaError_t set_error(cudaError_t error, const std::string& text);

}  // namespace clearcut::ptxsim
