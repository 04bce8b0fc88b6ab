#include "train/check_kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "tensor/cpu/conv/kernel.h"
#include "tests/errors.h"

namespace clearcut {
namespace {

// 2e-5 is what a kernel may be off to be used; each sum of up to some thousand products in float is above
// zero.
TEST(CheckKernels, EveryKernelIsCheckedInEveryDirectionThatItOffers) {
  std::set<std::string> seen;
  double worst = 0;
  for (const KernelCheck& c : check_kernels()) {
    if (c.rounding > 0) continue;  // tests/cuda/variants_test.cpp
    EXPECT_TRUE(c.passed(2e-5)) << c.kernel << " " << c.direction << " " << c.layer << " " << c.error;
    worst = std::max(worst, c.error);
    seen.insert(c.kernel + " " + c.direction);
  }
  EXPECT_GT(worst, 1e-8);
  for (const conv::Kernel* kernel : conv::kernels()) {
    const std::string name(kernel->name);
    EXPECT_EQ(seen.contains(name + " forward"), kernel->forward != nullptr) << name;
    EXPECT_EQ(seen.contains(name + " input"), kernel->backward_input != nullptr) << name;
    EXPECT_EQ(seen.contains(name + " weight"), kernel->backward_weight != nullptr) << name;
  }
}

TEST(CheckKernels, EachPromiseCounts) {
  KernelCheck c{.kernel = "x", .layer = "y", .direction = "forward", .error = 1e-6};
  EXPECT_TRUE(c.passed(1e-6));
  EXPECT_FALSE(c.passed(9e-7));
  c.same_in_any_order = false;
  EXPECT_FALSE(c.passed(1));
  c.same_in_any_order = true, c.same_for_batch = false;
  EXPECT_FALSE(c.passed(1));
  c.same_for_batch = true, c.error = NAN;
  EXPECT_FALSE(c.passed(1));
  c.error = 1e-6, c.fault = "an index outside";
  EXPECT_FALSE(c.passed(1));
  c.fault = "", c.error = 4e-3, c.rounding = 1e-3;
  EXPECT_TRUE(c.passed(1e-6));
  EXPECT_FALSE((c.error = 5e-3, c.passed(1e-6)));
}

TEST(CheckKernels, FilterAndLayersChoose) {
  const auto checks = check_kernels("patch", {"5:6:7:3"});
  ASSERT_FALSE(checks.empty());
  for (const KernelCheck& c : checks) {
    EXPECT_EQ(c.kernel, "patches");
    EXPECT_EQ(c.layer, "3x3 5-7 @6 b3");
  }
  EXPECT_TRUE(check_kernels("no such kernel").empty());
  expect_error([] { check_kernels("", {"5:6"}); }, "a layer is C:side:K:kernel");
}

}  // namespace
}  // namespace clearcut
