// What differs between processor architectures: the instruction sets that the Makefile's ISAS compiles for
// this one, and how to ask the processor for them. The Makefile links arch/ARCHITECTURE.cpp, or generic.cpp
// where an architecture has no file.
#pragma once

#include <span>

#include "tensor/cpu/isa.h"

namespace clearcut {

struct IsaOfArchitecture {
  IsaTable table;
  bool (*supported)();  // by the processor that this runs on
};

/// The slowest first.
std::span<const IsaOfArchitecture> isas_of_architecture();

}  // namespace clearcut
