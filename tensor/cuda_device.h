// What the device "cuda" is in this build, and its memory.
#pragma once

#include <string>
#include <string_view>

#include "tensor/device.h"
#include "tensor/memory.h"

namespace clearcut {

/// True if kernels run on the processor (cuda/emulator), false on a GPU.
bool cuda_is_emulated();

/// name_of(device) for logs: "cuda (emulated)" where that is so.
std::string described(Device device);

/// What convolutions and matrix products of float32 multiply on cuda; sums are in float. tf32 has 10 bits
/// behind the point, bfloat16 7 and half 10, with numbers up to 65504 only: larger ones become infinite.
/// kFloat32 runs on CUDA cores, the others on tensor cores, which round each operand.
enum class CudaProducts : std::uint8_t { kFloat32, kTf32, kBf16, kF16 };
/// For all products from now on; kFloat32 if nobody asks.
void set_cuda_products(CudaProducts products);
CudaProducts cuda_products();
CudaProducts cuda_products_from_name(std::string_view name);  // "float32", "tf32", "bfloat16", "float16"

/// Of the device's memory, as memory_stats() of the host's. idle counts whole blocks: sizes are multiples of
/// 512 bytes up to 1 MiB, of 2 MiB beyond, and an idle block serves a request that needs at least half of it.
MemoryStats cuda_memory_stats();
void reset_cuda_memory_peak();
/// Cap on idle bytes: 4 GiB on a GPU. 0 on the emulated device, where blocks of their very size show each
/// access beyond them. The oldest go first.
void set_idle_cuda_memory_cap(std::size_t bytes);

}  // namespace clearcut
