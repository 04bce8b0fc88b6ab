// Any architecture that GCC compiles vector types for; on 64-bit Arm they become NEON.
#include "tensor/cpu/arch/arch.h"

namespace clearcut {

namespace {

constexpr IsaOfArchitecture kIsas[] = {{CLEARCUT_ISA_TABLE(baseline), [] { return true; }}};

}  // namespace

std::span<const IsaOfArchitecture> isas_of_architecture() { return kIsas; }

}  // namespace clearcut
