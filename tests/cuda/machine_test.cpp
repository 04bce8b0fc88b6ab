// What is said where a driver or a GPU is missing. Codes and answers are those of CUDA 13 (cudaGetDeviceCount
// gives 35 where there is no driver, and 0 as the driver's version).
#include "cuda/machine.cuh"

#include <gtest/gtest.h>

#include "cuda/gpu.cuh"
#include "tensor/cuda_device.h"
#include "tests/errors.h"

namespace clearcut {
namespace {

using cuda::missing_text, cuda::RuntimeAnswer;

constexpr const char* kCpu = "; --device cpu needs neither driver nor GPU";

TEST(CudaMachine, SaysWhetherDriverOrGpuIsMissing) {
  const RuntimeAnswer no_driver{.error = cudaErrorInsufficientDriver, .driver = 0, .runtime = 13000};
  EXPECT_EQ(missing_text(no_driver),
            std::string("there is no NVIDIA driver on this machine (libcuda.so.1): install it") + kCpu);
  const RuntimeAnswer old{.error = cudaErrorInsufficientDriver, .driver = 12040, .runtime = 13000};
  EXPECT_EQ(missing_text(old),
            std::string("the driver is there (CUDA 12.4), but too old: this program needs CUDA "
                        "13.0; install a newer one") +
                kCpu);
  const RuntimeAnswer no_gpu{.error = cudaErrorNoDevice, .driver = 13000, .runtime = 13000};
  EXPECT_EQ(missing_text(no_gpu),
            std::string("the driver is there (CUDA 13.0), but it finds no GPU; is one hidden by "
                        "CUDA_VISIBLE_DEVICES?") +
                kCpu);
  const RuntimeAnswer broken{.error = 802, .error_text = "system not yet initialized", .driver = 13010};
  EXPECT_EQ(
      missing_text(broken),
      std::string("the driver is there (CUDA 13.1), but cannot be used: system not yet initialized") + kCpu);
  EXPECT_EQ(missing_text({.error = cudaSuccess, .cards = 1, .driver = 13000, .runtime = 13000}), "");
}

TEST(CudaMachine, TheEmulatedDeviceIsOneCard) {
  const CudaMachine machine = cuda_machine();
  EXPECT_EQ(machine.missing, "");
  ASSERT_EQ(machine.cards.size(), 1u);
  EXPECT_EQ(machine.cards[0].name, "emulated device");
  EXPECT_NO_THROW(use_cuda_card(0));
  expect_error([] { use_cuda_card(1); }, "cuda: there is one device, cuda:0; got cuda:1");
}

}  // namespace
}  // namespace clearcut
