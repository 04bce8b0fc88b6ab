// The instruction set of the fast loops, chosen once at run time.
//
// A family of loops is tensor/cpu/isa/FAMILY.h (a struct of function pointers, declared in the namespaces
// baseline, avx2 and avx512) and FAMILY.cpp, which the Makefile compiles once for each set that the
// architecture has. To add one: these two files, one line in IsaTable and one in CLEARCUT_ISA_TABLE.
#pragma once

#include <string_view>
#include <vector>

#include "tensor/cpu/isa/depthwise.h"
#include "tensor/cpu/isa/gemm.h"
#include "tensor/cpu/isa/maps.h"
#include "tensor/cpu/isa/norm.h"
#include "tensor/cpu/isa/peak.h"
#include "tensor/cpu/isa/pointwise.h"
#include "tensor/cpu/isa/random.h"
#include "tensor/cpu/isa/reduce.h"
#include "tensor/cpu/isa/rows.h"
#include "tensor/cpu/isa/window.h"
#include "tensor/cpu/isa/winograd.h"

namespace clearcut {

struct IsaTable {
  std::string_view name;  // "baseline" (x86-64: SSE2; Arm: NEON), "avx2" (with FMA), "avx512" (F, DQ, BW, VL)
  const isa::GemmKernels* gemm;
  const isa::DepthwiseKernels* depthwise;
  const isa::WindowKernels* window;
  const isa::RowKernels* rows;
  const isa::PointwiseKernels* pointwise;
  const isa::ReduceKernels* reduce;
  const isa::RandomKernels* random;
  const isa::NormKernels* norm;
  const isa::MapKernels* maps;
  const isa::PeakKernels* peak;
  const isa::WinogradKernels* winograd;
  const isa::WinogradGradientKernels* winograd_gradient;
};

/// The table of one namespace; tensor/cpu/arch/ lists those that an architecture has.
#define CLEARCUT_ISA_TABLE(set)                                                                              \
  IsaTable {                                                                                                 \
#set, &isa::set::gemm_kernels, &isa::set::depthwise_kernels, &isa::set::window_kernels,                  \
        &isa::set::row_kernels, &isa::set::pointwise_kernels, &isa::set::reduce_kernels,                     \
        &isa::set::random_kernels, &isa::set::norm_kernels, &isa::set::map_kernels, &isa::set::peak_kernels, \
        &isa::set::winograd_kernels, &isa::set::winograd_gradient_kernels                                    \
  }

/// The loops in use: the best this processor supports, or the one that the environment variable CLEARCUT_ISA
/// names. Throws Error if it names none, or one that this processor cannot run.
const IsaTable& isa_table();

/// Another choice from now on; not while parallel work runs. "" goes back to the first choice.
void set_isa(std::string_view name);

/// All sets that this processor supports, the best last.
std::vector<std::string_view> supported_isas();

}  // namespace clearcut
