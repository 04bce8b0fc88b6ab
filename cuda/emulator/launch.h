// Starting kernels on the emulated device.
#pragma once

#include <string_view>
#include <tuple>
#include <type_traits>

#include "cuda/emulator/language.h"
#include "cuda/emulator/runtime_api.h"

namespace clearcut::emulator {

struct LaunchShape {
  dim3 grid, threads;
  std::size_t dynamic_bytes;
  cudaStream_t stream;
};

/// Runs body(arguments) as each thread of the grid, now or (Settings::lazy) when its stream is waited for.
/// Blocks are spread over the processor's threads. Errors are what cudaGetLastError returns next.
void launch_bytes(std::string_view name, const LaunchShape& shape, void (*body)(const void*),
                  const void* arguments, std::size_t bytes);

template <class... Parameter, class... Argument>
void launch(std::string_view name, const LaunchShape& shape, void (*kernel)(Parameter...),
            const Argument&... arguments) {
  static_assert((std::is_trivially_copyable_v<std::decay_t<Parameter>> && ...),
                "kernel arguments are copied byte by byte");
  struct Call {
    void (*kernel)(Parameter...);
    std::tuple<std::decay_t<Parameter>...> arguments;
  };
  const Call call{kernel, {static_cast<std::decay_t<Parameter>>(arguments)...}};
  const auto body = [](const void* bytes) {
    const Call& copied = *static_cast<const Call*>(bytes);
    std::apply(copied.kernel, copied.arguments);
  };
  launch_bytes(name, shape, body, &call, sizeof call);
}

}  // namespace clearcut::emulator
