// Where the real data of tests and experiments lies; see docs/data.md.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace clearcut::test {

/// $CLEARCUT_DATA/name, or ../shared/data/name beside the checkout; "" if it is not there. Tests that need it
/// skip: if (path.empty()) GTEST_SKIP() << no_real_data(name).
inline std::string real_data(const std::string& name) {
  const char* root = std::getenv("CLEARCUT_DATA");
  const std::filesystem::path path = std::filesystem::path(root != nullptr ? root : "../shared/data") / name;
  return std::filesystem::exists(path) ? path.string() : "";
}

inline std::string no_real_data(const std::string& name) {
  return "the folder " + name + " of the real data is not there; set CLEARCUT_DATA to the data folder";
}

}  // namespace clearcut::test
