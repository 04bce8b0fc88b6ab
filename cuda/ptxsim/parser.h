// PTX text to kernels whose instructions are ready to run.
#pragma once

#include <memory>
#include <string_view>

#include "cuda/ptxsim/program.h"

namespace clearcut::ptxsim {

/// Kernels, and variables with their memory. Throws Error with the line for text that is no PTX. Instructions
/// that the interpreter does not know are kept: they are an error when a thread comes to them.
std::unique_ptr<Module> parse(std::string_view ptx);

}  // namespace clearcut::ptxsim
