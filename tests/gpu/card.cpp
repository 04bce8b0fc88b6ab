// Before all tests on a GPU: is there one?
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "tensor/cuda_device.h"

namespace clearcut::test {
namespace {

class Card : public testing::Environment {
 public:
  void SetUp() override {
    try {
      use_cuda_card(0);
    } catch (const Error& error) {
      std::printf("no test was run: %s\n", error.what());
      std::exit(1);
    }
  }
};

const testing::Environment* const card = testing::AddGlobalTestEnvironment(new Card);

}  // namespace
}  // namespace clearcut::test
