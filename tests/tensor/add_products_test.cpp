// Sums of products in double, on each device, by hand.
#include "tensor/ops/add_products.h"

#include <gtest/gtest.h>

#include "tests/errors.h"

namespace clearcut {
namespace {

class AddProducts : public testing::TestWithParam<Device> {};
INSTANTIATE_TEST_SUITE_P(Devices, AddProducts,
                         testing::Values(Device::kReference, Device::kCpu, Device::kCuda));

// 1/3 has no end in binary, so a sum in float would differ; each step rounds in double as written here.
TEST_P(AddProducts, AreThoseOfDoubles) {
  for (const auto dtype : {DType::kFloat32, DType::kFloat64}) {
    std::vector<double> expected(1000);
    const Tensor sum = Tensor::zeros({1000}, DType::kFloat64, GetParam()), third = Tensor({1000}, dtype);
    Tensor factor({1000}, dtype);
    for (std::size_t i = 0; i < 1000; ++i) {
      const double x = static_cast<double>(i) / 3, y = static_cast<double>(i % 7);
      const double kept = dtype == DType::kFloat32 ? static_cast<double>(static_cast<float>(x)) : x;
      if (dtype == DType::kFloat32) {
        third.data<float>()[i] = static_cast<float>(x);
        factor.data<float>()[i] = static_cast<float>(y);
      } else {
        third.data<double>()[i] = x;
        factor.data<double>()[i] = y;
      }
      expected[i] = (0.1 * kept) + (0.25 * (kept * y));
    }
    const Tensor a = third.to(GetParam()), b = factor.to(GetParam());
    ops::add_products(sum, a, Tensor(), 0.1);
    ops::add_products(sum, a, b, 0.25);
    EXPECT_EQ(sum.to(Device::kCpu).values<double>(), expected);
  }
}

TEST(AddProductsErrors, SayWhatCame) {
  const Tensor sum = Tensor::zeros({2, 3}, DType::kFloat64), a = Tensor::zeros({2, 3});
  expect_error([&] { ops::add_products(a, a, Tensor(), 1); }, "the sum must be float64, got float32");
  expect_error([&] { ops::add_products(sum, Tensor::zeros({6}), a, 1); },
               "the shape and device of the sum [2, 3] and one dtype; got a [6], b [2, 3]");
  expect_error([&] { ops::add_products(sum, a, Tensor::zeros({2, 3}, DType::kFloat64), 1); }, "one dtype");
  expect_error([&] { ops::add_products(sum, Tensor(), Tensor(), 1); }, "got a []");
}

}  // namespace
}  // namespace clearcut
