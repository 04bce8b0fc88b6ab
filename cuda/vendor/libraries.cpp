// Which of NVIDIA's libraries are here, for `clearcut check env`; tensor/cuda_device.h declares it.
#include "cuda/vendor/cublas_lt.h"
#include "cuda/vendor/cudnn.h"
#include "cuda/vendor/library.h"
#include "cuda/vendor/nccl.h"
#include "tensor/cuda_device.h"

namespace clearcut {

namespace {

/// look() gives version and place.
template <class Look>
CudaLibrary found(const char* name, const char* use, const Look& look) {
  try {
    const auto [version, place] = look();
    return {name, use, cuda::dotted_version(version), place};
  } catch (const Error& error) {
    return {name, use, "", error.what()};
  }
}

}  // namespace

std::vector<CudaLibrary> cuda_libraries() {
  using cuda::cublas_lt, cuda::cudnn, cuda::nccl_library;
  return {found("cuBLASLt", "--kernels vendor",
                [] { return std::pair(cublas_lt().version(), cublas_lt().place); }),
          found("cuDNN", "--kernels vendor", [] { return std::pair(cudnn().version(), cudnn().place); }),
          found("NCCL", "sums over several GPUs", [] {
            int version = 0;
            nccl_library().version(&version);
            return std::pair(static_cast<std::size_t>(version), nccl_library().place);
          })};
}

void require_vendor_kernels() {
  check(!cuda_is_emulated(), "vendor kernels",
        "cuBLAS and cuDNN compute on a GPU, and this build emulates one; make CUDA=1 has them");
  cuda::cublas_lt_handle();
  cuda::cudnn_handle();
}

}  // namespace clearcut
