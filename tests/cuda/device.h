// For tests of kernels: buffers on the device, and every order in which the emulator can run them.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cuda/emulator/settings.h"
#include "cuda/gpu.cuh"
#include "tensor/error.h"

namespace clearcut::test {

/// Numbers in device memory; fresh ones are NaN.
template <class T>
class DeviceBuffer {
 public:
  explicit DeviceBuffer(std::size_t n) : n_(n) {
    cuda::check_call(cudaMalloc(reinterpret_cast<void**>(&data_), n * sizeof(T)), "cudaMalloc");
  }
  explicit DeviceBuffer(const std::vector<T>& values) : DeviceBuffer(values.size()) {
    cuda::check_call(cudaMemcpy(data_, values.data(), n_ * sizeof(T), cudaMemcpyHostToDevice), "cudaMemcpy");
  }
  ~DeviceBuffer() { cudaFree(data_); }
  DeviceBuffer(const DeviceBuffer&) = delete;
  DeviceBuffer& operator=(const DeviceBuffer&) = delete;

  T* data() const { return data_; }
  std::vector<T> values() const {
    std::vector<T> values(n_);
    cuda::check_call(cudaMemcpy(values.data(), data_, n_ * sizeof(T), cudaMemcpyDeviceToHost), "cudaMemcpy");
    return values;
  }

 private:
  T* data_ = nullptr;
  std::size_t n_ = 0;
};

/// Settings for the rest of a scope.
class WithSettings {
 public:
  explicit WithSettings(const emulator::Settings& settings) : before_(emulator::settings()) {
    emulator::set_settings(settings);
  }
  ~WithSettings() { emulator::set_settings(before_); }
  WithSettings(const WithSettings&) = delete;
  WithSettings& operator=(const WithSettings&) = delete;

 private:
  emulator::Settings before_;
};

struct NamedSettings {
  std::string name;
  emulator::Settings settings;
};

/// A right kernel gives the same numbers under all of them; a missing barrier does not.
inline const std::vector<NamedSettings>& all_orders() {
  using emulator::Order;
  static const std::vector<NamedSettings> orders = {
      {"forward", {}},
      {"reverse", {.order = Order::kReverse}},
      {"random 1", {.order = Order::kRandom, .seed = 1}},
      {"random 2", {.order = Order::kRandom, .seed = 2}},
      {"random 3", {.order = Order::kRandom, .seed = 3}},
      {"lazy streams, memory protected", {.lazy = true, .protect = true}},
  };
  return orders;
}

/// Calls body() under each of all_orders().
template <class Body>
void in_each_order(const Body& body) {
  for (const NamedSettings& order : all_orders()) {
    SCOPED_TRACE(order.name);
    const WithSettings with(order.settings);
    body();
  }
}

}  // namespace clearcut::test
