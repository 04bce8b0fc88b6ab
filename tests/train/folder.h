// A folder of its own for one test, deleted afterwards.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace clearcut::test {

class Folder {
 public:
  Folder() {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    path_ = testing::TempDir() + "clearcut_" + info->test_suite_name() + "_" + info->name();
    for (char& c : path_)
      if (c == ' ') c = '_';
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~Folder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace clearcut::test
