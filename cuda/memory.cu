// Memory of the device, as tensor/cuda_memory.h declares it.
#include "cuda/gpu.cuh"
#include "tensor/cuda_memory.h"

namespace clearcut {

CudaBlock::CudaBlock(std::size_t bytes) { cuda::check_call(cudaMalloc(&data_, bytes), "cuda memory"); }

CudaBlock::~CudaBlock() { cudaFree(data_); }

void cuda_copy(void* to, const void* from, std::size_t bytes, CudaCopy way) {
  if (bytes == 0) return;
  switch (way) {
    case CudaCopy::kToDevice:
      return cuda::check_call(cudaMemcpy(to, from, bytes, cudaMemcpyHostToDevice), "copy to cuda");
    case CudaCopy::kToHost:
      return cuda::check_call(cudaMemcpy(to, from, bytes, cudaMemcpyDeviceToHost), "copy from cuda");
    case CudaCopy::kOnDevice:
      return cuda::check_call(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice), "copy on cuda");
  }
}

void cuda_fill(void* to, int byte, std::size_t bytes) {
  if (bytes > 0) cuda::check_call(cudaMemsetAsync(to, byte, bytes), "fill on cuda");
}

}  // namespace clearcut
