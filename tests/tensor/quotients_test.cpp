// Quotients whose denominator may be near 0, on each device, by hand.
#include "tensor/ops/quotients.h"

#include <gtest/gtest.h>

#include "tests/errors.h"

namespace clearcut {
namespace {

class Quotients : public testing::TestWithParam<Device> {};
INSTANTIATE_TEST_SUITE_P(Devices, Quotients,
                         testing::Values(Device::kReference, Device::kCpu, Device::kCuda));

TEST_P(Quotients, AreKeptAwayFromNothing) {
  for (const auto dtype : {DType::kFloat32, DType::kFloat64}) {
    const auto on = [&](const std::vector<float>& values) {
      return Tensor::from<float>({5}, values).to(dtype).to(GetParam());
    };
    const auto of = [](const Tensor& y) { return y.to(Device::kCpu).to(DType::kFloat32).values<float>(); };
    const Tensor a = on({6, 6, 6, 0, 5}), b = on({2.5, -2.5, 0, 0, -0.5});
    EXPECT_EQ(of(ops::stable_quotient(a, b, 0.5)), (std::vector<float>{2, -2, 12, 0, -5}));
    EXPECT_EQ(of(ops::stable_quotient(a, b, 0)), (std::vector<float>{2.4F, -2.4F, 0, 0, -10}));
    EXPECT_EQ(of(ops::quotient_or(a, b, on({1, 2, 3, 4, 7}), 0.5)),
              (std::vector<float>{2.4F, -2.4F, 3, 4, -10}));
    EXPECT_EQ(of(ops::quotient_or(a, b, on({1, 2, 3, 4, 7}), 0.75))[4], 7);
  }
}

// More values than one block has threads.
TEST_P(Quotients, OfManyBlocks) {
  Tensor a({3, 401}), b({3, 401});
  for (std::int64_t i = 0; i < a.numel(); ++i) {
    a.data<float>()[i] = static_cast<float>(i);
    b.data<float>()[i] = static_cast<float>(i % 4 - 2);
  }
  // One row more: what stands behind the last value that is asked for must not go anywhere.
  const Tensor otherwise = Tensor::full({4, 401}, 99, DType::kFloat32, GetParam()).slice(0, 3);
  const auto got = ops::quotient_or(a.to(GetParam()), b.to(GetParam()), otherwise, 1e-10).values<float>();
  const auto kept = ops::stable_quotient(a.to(GetParam()), b.to(GetParam()), 1).values<float>();
  for (std::int64_t i = 0; i < a.numel(); ++i) {
    const auto value = static_cast<float>(i), below = static_cast<float>(i % 4 - 2);
    ASSERT_EQ(got[static_cast<std::size_t>(i)], below == 0 ? 99 : value / below) << i;
    ASSERT_EQ(kept[static_cast<std::size_t>(i)], value / (below < 0 ? below - 1 : below + 1)) << i;
  }
}

TEST(QuotientsErrors, SayWhatCame) {
  const Tensor a = Tensor::zeros({2, 3});
  expect_error([&] { ops::stable_quotient(a, Tensor::zeros({6}), 1); }, "one shape; got [2, 3] and [6]");
  expect_error([&] { ops::quotient_or(a, a, Tensor::zeros({3}), 1); }, "one shape; got [2, 3] and [3]");
  expect_error([&] { ops::stable_quotient(a, Tensor::zeros({2, 3}, DType::kFloat64), 1); }, "float64");
}

}  // namespace
}  // namespace clearcut
