// Driver and cards of this machine, as tensor/cuda_device.h declares them. Nothing here needs either.
#include "cuda/machine.cuh"

#include "cuda/gpu.cuh"
#include "tensor/cuda_device.h"

namespace clearcut {

namespace {

constexpr int kLeastMajor = 8;  // the Makefile's least architecture is sm_80

CudaCard card_of(const cudaDeviceProp& p) {
  return {p.name, p.major, p.minor, p.totalGlobalMem, p.multiProcessorCount};
}

}  // namespace

namespace cuda {

std::string version_text(int version) { return cat(version / 1000, ".", version % 1000 / 10); }

std::string missing_text(const RuntimeAnswer& a) {
  const std::string cpu = "; --device cpu needs neither driver nor GPU";
  if (a.error == cudaSuccess && a.cards > 0) return "";
  if (a.driver == 0) return "there is no NVIDIA driver on this machine (libcuda.so.1): install it" + cpu;
  const std::string driver = cat("the driver is there (CUDA ", version_text(a.driver), ")");
  if (a.error == cudaErrorInsufficientDriver)
    return cat(driver, ", but too old: this program needs CUDA ", version_text(a.runtime),
               "; install a newer one", cpu);
  if (a.error == cudaErrorNoDevice || a.error == cudaSuccess)
    return cat(driver, ", but it finds no GPU; is one hidden by CUDA_VISIBLE_DEVICES?", cpu);
  return cat(driver, ", but cannot be used: ", a.error_text, cpu);
}

}  // namespace cuda

CudaMachine cuda_machine() {
  CudaMachine machine;
  cudaDriverGetVersion(&machine.driver);
  cudaRuntimeGetVersion(&machine.runtime);
  int cards = 0;  // not touched where there is no driver
  const cudaError_t error = cudaGetDeviceCount(&cards);
  machine.missing = cuda::missing_text({.error = error,
                                        .error_text = cudaGetErrorString(error),
                                        .cards = cards,
                                        .driver = machine.driver,
                                        .runtime = machine.runtime});
  cudaGetLastError();
  for (int i = 0; i < cards; ++i) {
    cudaDeviceProp properties{};
    cuda::check_call(cudaGetDeviceProperties(&properties, i), "cuda");
    machine.cards.push_back(card_of(properties));
  }
  return machine;
}

void use_cuda_card(int index) {
  const CudaMachine machine = cuda_machine();
  check(machine.missing.empty(), "cuda", machine.missing);
  const int cards = static_cast<int>(machine.cards.size());
  check(index >= 0 && index < cards, "cuda",
        cards == 1 ? "there is one device, cuda:0" : cat("there are cuda:0 to cuda:", cards - 1),
        "; got cuda:", index);
  const CudaCard& card = machine.cards[static_cast<std::size_t>(index)];
  check(card.major >= kLeastMajor, "cuda", "kernels are built for compute capability ", kLeastMajor,
        ".0 and later; cuda:", index, " (", card.name, ") has ", card.major, ".", card.minor);
  cuda::check_call(cudaSetDevice(index), "cuda");
}

}  // namespace clearcut
