// An empty folder of a test's own, which stays until the run ends.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace clearcut::test {

inline std::string fresh_folder() {
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  const std::string path = testing::TempDir() + "clearcut_" + test->test_suite_name() + "_" + test->name();
  std::filesystem::remove_all(path);
  std::filesystem::create_directories(path);
  return path;
}

}  // namespace clearcut::test
