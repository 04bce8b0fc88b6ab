#include "tensor/cpu/arch/arch.h"

namespace clearcut {

namespace {

bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("fma");
}

constexpr IsaOfArchitecture kIsas[] = {{CLEARCUT_ISA_TABLE(baseline), [] { return true; }},
                                       {CLEARCUT_ISA_TABLE(avx2), has_avx2},
                                       {CLEARCUT_ISA_TABLE(avx512), has_avx512}};

}  // namespace

std::span<const IsaOfArchitecture> isas_of_architecture() { return kIsas; }

}  // namespace clearcut
