// The one header between kernel sources and their compilers: nvcc, or g++ and clang with the emulator.
//
// Kernels are plain CUDA C++, with these spellings where the two differ:
//   SHARED(float, tile, [8][33]);             __shared__ float tile[8][33];
//   DYNAMIC_SHARED(float, rows);              float* rows: the bytes that the launch asked for
//   launch<my_kernel<float>>({.blocks = 4, .threads = 128}, x, y);
//   async_copy<16>, async_commit, async_wait  cp.async: copies to shared memory that need no registers
//   UNROLL                                    #pragma unroll, before a loop whose indices are known
//   mma_*, ldmatrix_*                         tensor cores: cuda/tensor_core.cuh
// The emulator checks what each of them does; see cuda/emulator/settings.h.
#pragma once

#include <string_view>

#if defined(__CUDACC__)
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#define UNROLL _Pragma("unroll")
#define SHARED(T, name, ...) __shared__ __align__(16) T name __VA_ARGS__
#define DYNAMIC_SHARED(T, name)                                            \
  extern __shared__ __align__(16) unsigned char clearcut_dynamic_shared[]; \
  T* const name = reinterpret_cast<T*>(clearcut_dynamic_shared)
#else
#define UNROLL
#include "cuda/emulator/half.h"
#include "cuda/emulator/language.h"
#include "cuda/emulator/launch.h"
#include "cuda/emulator/runtime_api.h"
#endif

#include "tensor/device.h"

namespace clearcut::cuda {

/// Throws Error "what: ..." unless the call succeeded.
void check_call(cudaError_t error, std::string_view what);

/// How a kernel is launched.
struct Grid {
  dim3 blocks, threads;
  std::size_t shared_bytes = 0;  // of DYNAMIC_SHARED
  cudaStream_t stream = nullptr;
};

/// Blocks of `each` that cover n.
constexpr unsigned blocks_for(std::int64_t n, std::int64_t each) {
  return static_cast<unsigned>((n + each - 1) / each);
}
/// A thread for each of n elements, in blocks of `threads`.
inline Grid one_each(std::int64_t n, unsigned threads) {
  return {.blocks = blocks_for(n, threads), .threads = threads};
}
/// The number of this thread in a grid and blocks of one dimension.
__device__ inline std::int64_t thread_number() { return std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; }

/// The text between "kernel = " and what follows it in the compiler's name of launch().
constexpr std::string_view kernel_name(std::string_view function) {
  const std::size_t start = function.find("kernel = ");
  if (start == std::string_view::npos) return function;
  std::string_view name = function.substr(start + 9);
  name = name.substr(0, name.find_first_of(";]"));  // g++, nvcc
  name = name.substr(0, name.find(", Argument"));   // clang
  const std::size_t arguments = name.find('<'), scope = name.substr(0, arguments).rfind("::");
  return scope == std::string_view::npos ? name : name.substr(scope + 2);
}

/// Starts a kernel and checks the start: an error throws Error "my_kernel<float>: what it did, where". A grid
/// without blocks has nothing to do.
template <auto kernel, class... Argument>
void launch(const Grid& grid, const Argument&... arguments) {
  if (grid.blocks.x == 0 || grid.blocks.y == 0 || grid.blocks.z == 0) return;
  enter_fast_body();
  constexpr std::string_view name = kernel_name(__PRETTY_FUNCTION__);
#if defined(__CUDACC__)
  constexpr std::size_t kWithoutAsking = 48 * 1024;
  if (grid.shared_bytes > kWithoutAsking)
    check_call(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                    static_cast<int>(grid.shared_bytes)),
               name);
  kernel<<<grid.blocks, grid.threads, grid.shared_bytes, grid.stream>>>(arguments...);
#else
  emulator::launch(name, {grid.blocks, grid.threads, grid.shared_bytes, grid.stream}, kernel, arguments...);
#endif
  check_call(cudaGetLastError(), name);
}

/// Copies 4, 8 or 16 bytes to shared memory, the first `valid` of them from `from` and zeros behind; both
/// addresses are multiples of that number. They are there once async_wait has waited for their group and the
/// block's threads have met at a barrier.
template <std::size_t bytes>
__device__ inline void async_copy(void* to, const void* from, int valid = static_cast<int>(bytes)) {
  static_assert(bytes == 4 || bytes == 8 || bytes == 16);
#if defined(__CUDACC__)
  const auto shared = static_cast<unsigned>(__cvta_generic_to_shared(to));
  if constexpr (bytes == 16)  // past the first cache: it is read once by each block
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(shared), "l"(from), "r"(valid)
                 : "memory");
  else
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;\n" ::"r"(shared), "l"(from), "n"(bytes),
                 "r"(valid)
                 : "memory");
#else
  emulator::async_copy(to, from, bytes, static_cast<std::size_t>(valid));
#endif
}
/// This thread's copies since the last commit are a group.
__device__ inline void async_commit() {
#if defined(__CUDACC__)
  asm volatile("cp.async.commit_group;\n" ::: "memory");
#else
  emulator::async_commit();
#endif
}
/// Waits for all groups of this thread but the latest `groups_left`.
template <int groups_left>
__device__ inline void async_wait() {
#if defined(__CUDACC__)
  asm volatile("cp.async.wait_group %0;\n" ::"n"(groups_left) : "memory");
#else
  emulator::async_wait(groups_left);
#endif
}

}  // namespace clearcut::cuda
