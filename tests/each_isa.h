// Tests that run once for each instruction set of this processor:
//   TEST_P(EachIsa, ...) { ... }   and once a file   INSTANTIATE_TEST_SUITE_P(...) as in isa_test.cpp
#pragma once

#include <gtest/gtest.h>

#include <cmath>

#include "tensor/cpu/isa.h"
#include "tensor/random.h"

namespace clearcut {

inline Tensor normal(const Shape& shape, const char* purpose) {
  Tensor x(shape, DType::kFloat64);
  RandomStream(7, purpose).fill_normal(x, 0, 1);
  return x.to(DType::kFloat32);
}

// Float sums of `terms` products of normal numbers: eps * sqrt(terms) * their size, sqrt(terms); times 8 for
// the largest of many.
inline void expect_near_reference(const Tensor& got, const Tensor& expected, double terms,
                                  const std::string& what) {
  ASSERT_EQ(got.shape(), expected.shape()) << what;
  const auto a = got.to(DType::kFloat64).values<double>(), b = expected.values<double>();
  const double tolerance = 8 * 1.2e-7 * terms;
  std::size_t worst = 0;  // a NaN is the worst
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!(std::abs(a[i] - b[i]) <= std::abs(a[worst] - b[worst]))) worst = i;
  if (a.empty()) return;
  EXPECT_NEAR(a[worst], b[worst], tolerance) << what << ", element " << worst;
}

inline Tensor exact(const Tensor& x) { return x.to(DType::kFloat64).to(Device::kReference); }

class EachIsa : public testing::TestWithParam<std::string_view> {
 protected:
  void SetUp() override { set_isa(GetParam()); }
  void TearDown() override { set_isa(""); }
};

}  // namespace clearcut
