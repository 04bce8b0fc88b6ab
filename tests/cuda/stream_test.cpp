// Waits for streams that are missing: with lazy streams work is done only when something waits for it.
#include <gtest/gtest.h>

#include "tests/cuda/device.h"
#include "tests/errors.h"

namespace clearcut::test {
namespace {

using cuda::launch;

__global__ void one_kernel(float* y) { y[threadIdx.x] = 1; }
__global__ void add_one_kernel(const float* x, float* y) { y[threadIdx.x] = x[threadIdx.x] + 1; }
__global__ void early_exit_kernel(float* y) {
  if (threadIdx.x >= 40) return;
  __syncthreads();
  y[threadIdx.x] = 1;
}

struct Streams {
  Streams() {
    cudaStreamCreateWithFlags(&a, cudaStreamNonBlocking);
    cudaStreamCreateWithFlags(&b, cudaStreamNonBlocking);
    cudaEventCreate(&event);
  }
  ~Streams() {
    cudaEventDestroy(event);
    cudaStreamDestroy(b);
    cudaStreamDestroy(a);
  }
  cudaStream_t a = nullptr, b = nullptr;
  cudaEvent_t event = nullptr;
};

// y = 1 in stream a, copied to the host in stream a; true if the host saw it.
bool host_sees_it(bool wait) {
  const Streams streams;
  const DeviceBuffer<float> y(std::vector<float>(1, 0.0f));
  float host = 0;
  launch<one_kernel>({.blocks = 1, .threads = 1, .stream = streams.a}, y.data());
  cudaMemcpyAsync(&host, y.data(), sizeof host, cudaMemcpyDeviceToHost, streams.a);
  if (wait) cudaStreamSynchronize(streams.a);
  return host == 1;
}
// x = 1 in stream a, y = x + 1 in stream b.
bool other_stream_sees_it(bool wait) {
  const Streams streams;
  const DeviceBuffer<float> x(std::vector<float>(1, 0.0f)), y(1);
  launch<one_kernel>({.blocks = 1, .threads = 1, .stream = streams.a}, x.data());
  cudaEventRecord(streams.event, streams.a);
  if (wait) cudaStreamWaitEvent(streams.b, streams.event);
  launch<add_one_kernel>({.blocks = 1, .threads = 1, .stream = streams.b}, x.data(), y.data());
  cudaStreamSynchronize(streams.b);
  return y.values() == std::vector<float>{2};
}

TEST(Planted, MissingWaitsForStreamsShowWhenStreamsAreLazy) {
  const WithSettings lazy({.lazy = true});
  EXPECT_TRUE(host_sees_it(true));
  EXPECT_FALSE(host_sees_it(false));
  EXPECT_TRUE(other_stream_sees_it(true));
  EXPECT_FALSE(other_stream_sees_it(false));
}

TEST(Planted, AStreamThatTheDefaultStreamWouldWaitForIsRefused) {
  cudaStream_t stream = nullptr;
  expect_error([&] { cuda::check_call(cudaStreamCreateWithFlags(&stream, 0), "a stream"); },
               "a stream: a stream must be cudaStreamNonBlocking");
}

TEST(Planted, ALazyKernelsErrorComesWithTheNextWait) {
  const WithSettings lazy({.lazy = true});
  const DeviceBuffer<float> y(64);
  launch<early_exit_kernel>({.blocks = 1, .threads = 64}, y.data());
  expect_error([] { cuda::check_call(cudaDeviceSynchronize(), "wait"); },
               "wait: early_exit_kernel: block (0, 0, 0)");
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
}

}  // namespace
}  // namespace clearcut::test
