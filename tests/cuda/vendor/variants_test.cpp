// --kernels vendor: operators on cuda go through cuBLASLt and cuDNN, here through their stand-ins.
#include <gtest/gtest.h>

#include "tensor/cuda_device.h"
#include "tensor/kernel_wishes.h"
#include "tensor/ops/conv2d.h"
#include "tensor/ops/matmul.h"
#include "tensor/random.h"
#include "tests/cuda/vendor/fake_cublas_lt.h"
#include "tests/cuda/vendor/fake_cudnn.h"
#include "tests/errors.h"
#include "tests/op_run.h"

namespace clearcut {
namespace {

Tensor drawn(const Shape& shape, const char* name, Device device) {
  Tensor x(shape);
  RandomStream(4, name).fill_normal(x, 0, 1);
  return x.to(device);
}

class WithWish {
 public:
  explicit WithWish(const char* names) { prefer_kernels(names); }
  ~WithWish() { prefer_kernels(""); }
};

TEST(VendorKernels, ProductsGoThroughCublas) {
  const test::FakeCublasLt fake;
  const WithWish wish("vendor");
  const auto product = [](Device device) {
    return ops::matmul(drawn({3, 21, 22}, "a", device), drawn({24, 22}, "b", device), {.transpose_b = true});
  };
  const Tensor got = product(Device::kCuda);
  EXPECT_EQ(fake.products.size(), 1u);
  test::expect_close(got, product(Device::kReference).to(DType::kFloat64), 22 * 6e-8, "a product");
}

TEST(VendorKernels, ConvolutionsGoThroughCudnnAndAreFinished) {
  const test::FakeCudnn fake;
  const auto run = [](Device device) {
    const Tensor x = drawn({2, 4, 6, 7}, "x", device), w = drawn({6, 2, 3, 3}, "w", device);
    const ConvOptions o{.padding = 1, .groups = 2};
    const Tensor y = ops::conv2d(x, w, drawn({6}, "bias", device), o,
                                 {.add = drawn({2, 6, 6, 7}, "add", device), .low = 0});
    return std::vector<Tensor>{y, ops::conv2d_backward_input(y, w, x.shape(), o),
                               ops::conv2d_backward_weight(y, x, w.shape(), o)};
  };
  const std::vector<Tensor> expected = run(Device::kReference);
  for (const char* name : {"vendor", "vendor_legacy"}) {
    const WithWish wish(name);
    const std::vector<Tensor> got = run(Device::kCuda);
    for (std::size_t i = 0; i < got.size(); ++i)  // sums of some 100 values near 5, rounded in another order
      test::expect_close(got[i], expected[i].to(DType::kFloat64), 500 * 6e-8, name);
  }
  ASSERT_EQ(fake.calls.size(), 6u);
  EXPECT_TRUE(fake.calls[0].starts_with("graph forward"));
  EXPECT_TRUE(fake.calls[5].starts_with("legacy weight"));
}

// Without a GPU the libraries fit nothing: the default kernels run, and whoever asks for them is told.
TEST(VendorKernels, OnTheEmulatedDeviceTheyAreRefused) {
  const WithWish wish("vendor");
  const Tensor a = drawn({3, 4}, "a", Device::kCuda);
  EXPECT_EQ(ops::matmul(a, a, {.transpose_b = true}).shape(), (Shape{3, 3}));
  expect_error([] { require_vendor_kernels(); },
               "vendor kernels: cuBLAS and cuDNN compute on a GPU, and this build emulates one; make CUDA=1");
}

}  // namespace
}  // namespace clearcut
