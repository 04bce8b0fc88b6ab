// CLEARCUT_PTX_ULPS=n: results of approximate instructions are off by up to n units of their last place.
#include <cstdlib>
#include <string>

#include "cuda/ptxsim/settings.h"

namespace clearcut::test {
namespace {

const bool inexact = [] {
  const char* ulps = std::getenv("CLEARCUT_PTX_ULPS");
  if (ulps != nullptr) ptxsim::set_settings({.approximate_ulps = std::stoi(ulps)});
  return ulps != nullptr;
}();

}  // namespace
}  // namespace clearcut::test
