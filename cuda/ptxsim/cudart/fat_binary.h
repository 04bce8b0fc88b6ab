// The programs that nvcc put into this executable.
#pragma once

#include <string>
#include <vector>

#include "cuda/ptxsim/program.h"

namespace clearcut::ptxsim {

/// The PTX text in what nvcc hands to __cudaRegisterFatBinary: `wrapper` points to a magic number, a version
/// and the address of the data. Throws Error if there is none, or if it is compressed (nvcc --no-compress).
std::string ptx_of(const void* wrapper);

/// All programs of this executable, parsed.
std::vector<const Module*> all_modules();

}  // namespace clearcut::ptxsim
