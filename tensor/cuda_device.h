// What the device "cuda" is in this build, and its memory.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tensor/device.h"
#include "tensor/memory.h"

namespace clearcut {

/// True if kernels run on the processor (cuda/emulator), false on a GPU.
bool cuda_is_emulated();

/// name_of(device) for logs: "cuda (emulated)" where that is so.
std::string described(Device device);

/// A GPU, or the emulated one.
struct CudaCard {
  std::string name;
  int major = 0, minor = 0;  // compute capability
  std::size_t bytes = 0;     // of its memory
  int multiprocessors = 0;
};
/// What stands behind "cuda" on this machine.
struct CudaMachine {
  int driver = 0;   // the CUDA version that the driver knows, 13000 for 13.0; 0: there is no driver
  int runtime = 0;  // the one that this program was built with; 0: the emulated device
  std::vector<CudaCard> cards;
  std::string missing;  // why kernels cannot run: which of driver and GPU is missing; "" if they can
};
CudaMachine cuda_machine();

/// This thread's work on "cuda" goes to card `index` from now on. Throws Error that says what is missing, or
/// which cards there are.
void use_cuda_card(int index);

/// A library of NVIDIA's; each is opened when it is asked for, none is needed to start.
struct CudaLibrary {
  std::string name, use;  // "cuDNN", "--kernels vendor"
  std::string version;    // "9.19.0"; "" if it was not found
  std::string place;      // path, or why it was not found
};
std::vector<CudaLibrary> cuda_libraries();
/// Throws Error that says why `--kernels vendor` has no cuBLASLt or cuDNN to compute with.
void require_vendor_kernels();

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

/// What went between host and device since the start. Each copy to the host waits for all kernels before it.
struct CudaTraffic {
  std::int64_t bytes_to_device = 0, bytes_to_host = 0, copies_to_device = 0, copies_to_host = 0;
};
CudaTraffic cuda_traffic();

}  // namespace clearcut
