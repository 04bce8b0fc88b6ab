// How the interpreter runs in this program.
//   CLEARCUT_PTX_ULPS=n      results of approximate instructions are off by up to n units of their last place
//   CLEARCUT_PTX_COUNTERS=1  a table of what each kernel did is printed at the end
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <string>

#include "cuda/ptxsim/counters.h"
#include "cuda/ptxsim/settings.h"
#include "tensor/cuda_device.h"

namespace clearcut::test {
namespace {

class Interpreter : public testing::Environment {
 public:
  void SetUp() override {
    set_idle_cuda_memory_cap(
        0);  // blocks of their very size, given back at once: each access beyond them shows
    if (const char* ulps = std::getenv("CLEARCUT_PTX_ULPS"))
      ptxsim::set_settings({.approximate_ulps = std::stoi(ulps)});
  }
  void TearDown() override {
    if (std::getenv("CLEARCUT_PTX_COUNTERS") != nullptr) ptxsim::print_counters(std::cout);
  }
};

const testing::Environment* const interpreter = testing::AddGlobalTestEnvironment(new Interpreter);

}  // namespace
}  // namespace clearcut::test
