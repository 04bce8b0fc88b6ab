// Touching a page that nobody may touch.
#pragma once

namespace clearcut::emulator {

/// From here on this processor thread's illegal accesses in kernels end the launch, with a report, instead of
/// the program; those of host code in device memory say so before the program dies. Sanitizers have their
/// own.
void catch_faults();

}  // namespace clearcut::emulator
