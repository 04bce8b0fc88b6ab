// What is said where no kernel can run.
#pragma once

#include <string>

namespace clearcut::cuda {

/// The answers of the runtime, before anything else was asked of it.
struct RuntimeAnswer {
  int error = 0;                // of cudaGetDeviceCount
  std::string error_text = {};  // of that error
  int cards = 0;
  int driver = 0, runtime = 0;  // versions as 13000; driver 0: none
};

/// "" if there is a driver and a GPU; otherwise which of them is missing, and what to do.
std::string missing_text(const RuntimeAnswer& answer);

/// "13.0" of 13000.
std::string version_text(int version);

}  // namespace clearcut::cuda
