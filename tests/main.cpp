// Runs all tests and closes with one plain line: "N passed, N failed, N skipped".
#include <gtest/gtest.h>

#include <cstdio>

#include "tensor/memory.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  clearcut::set_memory_debug(true);
  const int result = RUN_ALL_TESTS();
  const std::string damage = clearcut::memory_damage();
  if (!damage.empty()) std::printf("guard bytes: %s\n", damage.c_str());
  const auto& unit = *testing::UnitTest::GetInstance();
  const int failed = unit.failed_test_count() + (damage.empty() ? 0 : 1);
  std::printf("%d passed, %d failed, %d skipped\n", unit.successful_test_count(), failed,
              unit.skipped_test_count());
  return result != 0 || failed != 0;
}
