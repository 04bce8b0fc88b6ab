// Memory of the CUDA device. Declared here for tensors, defined in cuda/memory.cu.
#pragma once

#include <cstddef>

namespace clearcut {

/// Throws Error if the device has no `bytes` left. Freeing waits for the kernels that may still use it.
class CudaBlock {
 public:
  explicit CudaBlock(std::size_t bytes);
  ~CudaBlock();
  CudaBlock(const CudaBlock&) = delete;
  CudaBlock& operator=(const CudaBlock&) = delete;

  void* data() const { return data_; }

 private:
  void* data_ = nullptr;
};

enum class CudaCopy { kToDevice, kToHost, kOnDevice };
/// Behind all kernels started before; back when the bytes are there (kOnDevice: when they are on their way).
void cuda_copy(void* to, const void* from, std::size_t bytes, CudaCopy way);
void cuda_fill(void* to, int byte, std::size_t bytes);

}  // namespace clearcut
