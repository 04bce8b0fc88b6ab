#include "cuda/gpu.cuh"

#include <array>
#include <atomic>
#include <string>

#include "tensor/cuda_device.h"
#include "tensor/cuda_variants.h"
#if !defined(__CUDACC__)
#include "cuda/emulator/settings.h"
#endif

namespace clearcut {

bool cuda_is_emulated() {
#if defined(__CUDACC__)
  return false;
#else
  return true;
#endif
}

namespace {
std::atomic<CudaProducts> products_now{CudaProducts::kFloat32};
}

void set_cuda_products(CudaProducts products) { products_now = products; }
CudaProducts cuda_products() { return products_now; }

CudaProducts cuda_products_from_name(std::string_view name) {
  constexpr std::array<std::string_view, 4> kNames = {"float32", "tf32", "bfloat16", "float16"};
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == name) return static_cast<CudaProducts>(i);
  fail("products", "unknown name '", name, "'; known: float32, tf32, bfloat16, float16");
}

std::string described(Device device) {
  return cat(device, device == Device::kCuda && cuda_is_emulated() ? " (emulated)" : "");
}

}  // namespace clearcut

namespace clearcut::cuda {

void check_call(cudaError_t error, std::string_view what) {
  if (error == cudaSuccess) return;
  if (error == cudaErrorInsufficientDriver || error == cudaErrorNoDevice)
    fail("cuda", cuda_machine().missing);
  const std::string text = cudaGetErrorString(error);
  // The emulator's reports begin with the kernel's name; a late one comes with another call.
  if (const std::string name = cat(what, ": "); text.starts_with(name))
    throw_error(what, text.substr(name.size()));
  else
    fail(what, text);
}

void in_each_cuda_order(const std::function<void()>& body) {
#if defined(__CUDACC__)
  body();
#else
  using emulator::Order, emulator::Settings;
  struct Restore {
    Settings before = emulator::settings();
    ~Restore() { emulator::set_settings(before); }
  } const restore;
  const Settings orders[] = {{},
                             {.order = Order::kReverse},
                             {.order = Order::kRandom, .seed = 1},
                             {.order = Order::kRandom, .seed = 2}};
  for (const Settings& order : orders) {
    emulator::set_settings(order);
    body();
  }
#endif
}

}  // namespace clearcut::cuda
