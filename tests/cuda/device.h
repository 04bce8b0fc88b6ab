// For tests of the emulated device: settings for a while, and every order in which it can run kernels.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cuda/emulator/settings.h"
#include "cuda/gpu.cuh"
#include "tests/cuda/device_buffer.h"
#include "tests/cuda/orders.h"

namespace clearcut::test {

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

}  // namespace clearcut::test
