// Uploads through page-locked buffers: the source may change at once, though the device has not read it yet.
#include <gtest/gtest.h>

#include <numeric>

#include "cuda/staging.cuh"
#include "tensor/cuda_device.h"
#include "tensor/cuda_memory.h"
#include "tensor/tensor.h"
#include "tests/cuda/device.h"

namespace clearcut::test {
namespace {

constexpr std::size_t kFloats = cuda::kStagingBytes / sizeof(float);

// Values k, k + 1, ...: exact in float up to 2^24.
std::vector<float> counting(std::size_t n, float from) {
  std::vector<float> values(n);
  std::iota(values.begin(), values.end(), from);
  return values;
}

// With lazy streams the device fetches when something waits for it. Without the wait for a buffer's event,
// later bytes would stand where earlier ones are still to be fetched.
TEST(CudaStaging, SourcesMayChangeBeforeTheDeviceHasReadThem) {
  const WithSettings lazy({.lazy = true});
  std::vector<std::size_t> sizes = {3, kFloats - 100, 200, kFloats, 2 * kFloats + 5, 1};
  std::vector<std::unique_ptr<DeviceBuffer<float>>> buffers;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    std::vector<float> source = counting(sizes[i], static_cast<float>(i));
    buffers.push_back(std::make_unique<DeviceBuffer<float>>(sizes[i]));
    cuda::upload(buffers.back()->data(), source.data(), sizes[i] * sizeof(float));
    std::fill(source.begin(), source.end(), -1.0f);
  }
  for (std::size_t i = 0; i < sizes.size(); ++i)
    EXPECT_EQ(buffers[i]->values(), counting(sizes[i], static_cast<float>(i))) << "upload " << i;
}

TEST(CudaStaging, NothingIsNothing) {
  const CudaBlock none(0);
  EXPECT_NO_THROW(cuda::upload(none.data(), nullptr, 0));
}

TEST(CudaStaging, TrafficIsCounted) {
  const CudaTraffic before = cuda_traffic();
  const Tensor x = Tensor::zeros({1000}).to(Device::kCuda);  // 4000 bytes there
  const Tensor y = x.clone();                                // on the device
  y.to(Device::kCpu);                                        // 4000 bytes back
  const CudaTraffic after = cuda_traffic();
  EXPECT_EQ(after.bytes_to_device - before.bytes_to_device, 4000);
  EXPECT_EQ(after.copies_to_device - before.copies_to_device, 1);
  EXPECT_EQ(after.bytes_to_host - before.bytes_to_host, 4000);
  EXPECT_EQ(after.copies_to_host - before.copies_to_host, 1);
}

}  // namespace
}  // namespace clearcut::test
