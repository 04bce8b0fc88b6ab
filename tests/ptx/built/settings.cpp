// How the interpreter runs in this program. CLEARCUT_PTX_ULPS=n: results of approximate instructions are off
// by up to n units of their last place.
#include <cstdlib>
#include <string>

#include "cuda/ptxsim/settings.h"
#include "tensor/cuda_device.h"

namespace clearcut::test {
namespace {

const bool inexact = [] {
  const char* ulps = std::getenv("CLEARCUT_PTX_ULPS");
  if (ulps != nullptr) ptxsim::set_settings({.approximate_ulps = std::stoi(ulps)});
  set_idle_cuda_memory_cap(
      0);  // blocks of their very size, given back at once: each access beyond them shows
  return ulps != nullptr;
}();

}  // namespace
}  // namespace clearcut::test
