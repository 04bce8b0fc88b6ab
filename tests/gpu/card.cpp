// Before all tests on a GPU: is there one?
#include <gtest/gtest.h>

#include "tensor/cuda_device.h"

namespace clearcut::test {
namespace {

class Card : public testing::Environment {
 public:
  void SetUp() override { use_cuda_card(0); }  // throws Error that says what is missing
};

const testing::Environment* const card = testing::AddGlobalTestEnvironment(new Card);

}  // namespace
}  // namespace clearcut::test
