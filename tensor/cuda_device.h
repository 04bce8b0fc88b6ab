// What the device "cuda" is in this build, and its memory.
#pragma once

#include <string>

#include "tensor/device.h"
#include "tensor/memory.h"

namespace clearcut {

/// True if kernels run on the processor (cuda/emulator), false on a GPU.
bool cuda_is_emulated();

/// name_of(device) for logs: "cuda (emulated)" where that is so.
std::string described(Device device);

/// Of the device's memory, as memory_stats() of the host's. idle counts whole blocks: sizes are multiples of
/// 512 bytes up to 1 MiB, of 2 MiB beyond, and an idle block serves a request that needs at least half of it.
MemoryStats cuda_memory_stats();
void reset_cuda_memory_peak();
/// Cap on idle bytes: 4 GiB on a GPU. 0 on the emulated device, where blocks of their very size show each
/// access beyond them. The oldest go first.
void set_idle_cuda_memory_cap(std::size_t bytes);

}  // namespace clearcut
