// Runs a kernel over its grid.
#pragma once

#include <string>
#include <vector>

#include "cuda/ptxsim/block.h"

namespace clearcut::ptxsim {

/// What the device allows: the least of sm_80 to sm_120.
constexpr std::uint64_t kMaxThreads = 1024;
constexpr std::size_t kMaxShared = 48 * 1024, kMaxSharedOptIn = 99 * 1024;

enum class Outcome { kFine, kRefused, kDefect };
struct Verdict {
  Outcome outcome = Outcome::kFine;
  std::string text;  // begins with the kernel's short name
};

/// Runs the kernel with the arguments, one address each, and waits for its end. `shared_limit`: how much
/// dynamic shared memory it may have. Blocks run side by side on threads of the host; which of them goes
/// wrong first, if several do, is not defined.
Verdict launch(const Kernel& kernel, Size3 grid, Size3 threads, std::size_t dynamic_shared,
               std::size_t shared_limit, void* const* arguments);

}  // namespace clearcut::ptxsim
