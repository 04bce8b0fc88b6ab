// Runs all tests and closes with one plain line: "N passed, N failed, N skipped".
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <string>

#include "tensor/memory.h"

namespace {

/// What testing::TempDir() names: a folder of this process alone, so that two runs, or two users, of one
/// machine never meet, and nothing stays behind. A death test's child keeps its parent's; TEST_TMPDIR
/// chooses another, which is kept.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    if (getenv("TEST_TMPDIR") != nullptr) return;
    path_ = (std::filesystem::temp_directory_path() / "clearcut_tests_XXXXXX").string();
    if (mkdtemp(path_.data()) == nullptr) std::perror(path_.c_str()), std::exit(1);
    setenv("TEST_TMPDIR", path_.c_str(), 1);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }

 private:
  std::string path_;
};

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const TemporaryFolder temporary;
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
