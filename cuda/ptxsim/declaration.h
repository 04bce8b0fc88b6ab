// Variables and parameters as PTX declares them.
#pragma once

#include <vector>

#include "cuda/ptxsim/program.h"
#include "cuda/ptxsim/token_stream.h"

namespace clearcut::ptxsim {

struct Declaration {
  std::string name;
  Variable variable;           // without its address
  unsigned element_bytes = 1;  // of each of `values`
  std::vector<std::uint64_t> values;
};

/// Reads ".visible .global .align 4 .b8 name[24] = {1, 2};", for parameters without the semicolon. Names
/// among the values must be variables of `module`.
Declaration read_declaration(TokenStream& in, const Module& module);

/// The next multiple of `align` from `at`.
constexpr std::size_t align_up(std::size_t at, std::size_t align) { return (at + align - 1) / align * align; }

}  // namespace clearcut::ptxsim
