#include "tensor/tensor.h"

#include <gtest/gtest.h>

#include <limits>

#include "tensor/views.h"
#include "tests/errors.h"

namespace clearcut {
namespace {

Tensor counted(const Shape& shape) {
  Tensor x(shape, DType::kInt32);
  for (std::int32_t i = 0; i < x.numel(); ++i) x.data<std::int32_t>()[i] = i;
  return x;
}

TEST(Tensor, MakersFillWithTheirValue) {
  EXPECT_EQ(Tensor::zeros({2, 2}).values<float>(), (std::vector<float>(4, 0)));
  EXPECT_EQ(Tensor::full({3}, 2.5, DType::kFloat64).values<double>(), (std::vector<double>(3, 2.5)));
  EXPECT_EQ(Tensor::full({2}, 7, DType::kUInt8).values<std::uint8_t>(), (std::vector<std::uint8_t>{7, 7}));
  EXPECT_EQ(Tensor::from<std::int64_t>({2, 1}, {4, 5}).values<std::int64_t>(),
            (std::vector<std::int64_t>{4, 5}));
  expect_error([] { Tensor::from<float>({2, 2}, {1, 2, 3}); }, "shape [2, 2] needs 4 values, got 3");
}

TEST(Tensor, ViewsShareTheirNumbers) {
  const Tensor x = counted({2, 3, 2});
  const Tensor row = x[1], flat = x.reshape({-1}), part = x.slice(1, 2);
  EXPECT_EQ(row.values<std::int32_t>(), (std::vector<std::int32_t>{6, 7, 8, 9, 10, 11}));
  EXPECT_EQ(part.shape(), (Shape{1, 3, 2}));
  EXPECT_EQ(row[2].values<std::int32_t>(), (std::vector<std::int32_t>{10, 11}));
  row.data<std::int32_t>()[0] = 60;
  EXPECT_EQ(x.values<std::int32_t>()[6], 60);
  EXPECT_EQ(flat.values<std::int32_t>()[6], 60);
  EXPECT_TRUE(part.shares_storage(x));
  EXPECT_FALSE(x.unique());
  const Tensor copy = x.clone();
  EXPECT_FALSE(copy.shares_storage(x));
  EXPECT_TRUE(copy.unique());
}

TEST(Tensor, ReshapeKeepsTheNumberOfElements) {
  const Tensor x = counted({2, 6});
  EXPECT_EQ(x.reshape({3, -1}).shape(), (Shape{3, 4}));
  expect_error([&] { x.reshape({5, 2}); }, "the number of elements must stay 12; from [2, 6] to [5, 2]");
  expect_error([&] { x.reshape({5, -1}); }, "cannot work out -1: 12 elements are not a multiple of 5");
  expect_error([&] { x.reshape({-1, -1}); }, "sizes must be >= 0");
  expect_error([] { Tensor(Shape{0, 2}).reshape({0, -1}); }, "cannot work out -1");
}

TEST(Tensor, AccessIsChecked) {
  const Tensor x = counted({2, 3});
  expect_error([&] { x.data<float>(); }, "data() asked as float32 of a int32 tensor [2, 3]");
  expect_error([] { Tensor().data<float>(); }, "data() of an undefined tensor");
  expect_error([&] { x.slice(1, 3); }, "rows must satisfy 0 <= begin <= end <= 2; got 1 to 3");
  expect_error([&] { x.slice(-1, 1); }, "got -1 to 1");
  expect_error([&] { x[2]; }, "got 2 to 3");
  expect_error([&] { x.item(); }, "needs exactly one element; shape is [2, 3]");
  expect_error([&] { nchw<const std::int32_t>(x); }, "x must be [N, C, H, W], got [2, 3]");
  EXPECT_EQ(x[1][2].item(), 5);
}

TEST(Tensor, ConversionsAndDevices) {
  const Tensor x = Tensor::from<double>({3}, {1.75, -2.5, 200});
  EXPECT_EQ(x.to(DType::kInt32).values<std::int32_t>(), (std::vector<std::int32_t>{1, -2, 200}));
  EXPECT_TRUE(x.to(DType::kFloat64).shares_storage(x));
  EXPECT_EQ(x.to(Device::kReference).device(), Device::kReference);
  expect_error([&] { check_same_kind("op", x, x.to(DType::kFloat32)); },
               "op: dtypes differ: float64 and float32; convert one with .to(dtype)");
  expect_error([&] { check_same_kind("op", x, x.to(Device::kReference)); }, "op: devices differ");
  expect_error([&] { check_same_kind("op", x, Tensor()); }, "op: an input tensor is undefined");
  EXPECT_EQ(dtype_from_name("uint8"), DType::kUInt8);
  expect_error([] { dtype_from_name("float16"); }, "float16");
  expect_error([] { device_from_name("gpu"); }, "gpu");
}

TEST(Tensor, WritesAreCountedAndNamed) {
  const Tensor x = Tensor::zeros({4});
  const std::uint64_t before = x.version();
  x.data<const float>();
  x.values<float>();
  EXPECT_EQ(x.version(), before);
  x.data<float>();
  EXPECT_EQ(x.version(), before + 1);
  EXPECT_STREQ(x.last_writer(), "a direct write");
  x.slice(0, 2).copy_from(Tensor::full({2}, 3), "load");
  EXPECT_GT(x.version(), before + 1);
  EXPECT_STREQ(x.last_writer(), "load");
  EXPECT_EQ(x.values<float>(), (std::vector<float>{3, 3, 0, 0}));
  expect_error([&] { x.copy_from(Tensor::zeros({3})); },
               "shape and dtype must be [4] float32; got [3] float32");
}

TEST(Tensor, OnRefusesOtherDtypes) {
  expect_error([] { on_host<Labels>("op", Device::kCpu, DType::kFloat32, []<class T>(auto) {}); },
               "op: dtype must be one of int32, int64; got float32; convert with .to(dtype)");
}

TEST(ErrorScope, InnermostPathComesFirst) {
  const std::string path = "backbone", inner_path = "backbone.layer4";
  const ErrorScope outer(path);
  const ErrorScope inner(inner_path);
  expect_error([] { fail("conv2d", "x has ", 3, " channels"); }, "backbone.layer4: conv2d: x has 3 channels");
}

}  // namespace
}  // namespace clearcut
