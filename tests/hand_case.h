// Expectations of hand cases in tests/cases. Those files are linked into bin/clearcut too, so they throw
// instead of using GoogleTest.
#pragma once

#include <cmath>

#include "tensor/error.h"

namespace clearcut {

inline void expect_near(double got, double expected, double tolerance, const char* what) {
  check(std::abs(got - expected) <= tolerance, "hand case", what, " is ", got, " but should be ", expected);
}

}  // namespace clearcut
