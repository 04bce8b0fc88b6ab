// How many turns the memory needs for one access of a warp.
#pragma once

#include "cuda/ptxsim/counters.h"

namespace clearcut::ptxsim {

/// Adds an access of `bytes` at the addresses of the lanes in the mask to the traffic of global memory.
void count_global(const Lanes& addresses, LaneMask lanes, unsigned bytes, Traffic& traffic);
/// The same for shared memory: its 32 banks are 4 bytes wide. 32 lanes are served at a time if each asks for
/// 4 bytes or less, 16 for 8, 8 for 16; lanes that ask for the same word share it; other words of one bank
/// wait.
void count_shared(const Lanes& addresses, LaneMask lanes, unsigned bytes, Traffic& traffic);

}  // namespace clearcut::ptxsim
