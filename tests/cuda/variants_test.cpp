// Kernels by name: which one runs, and that each that there is computes what it should.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tensor/cuda_variants.h"
#include "tensor/kernel_wishes.h"
#include "tensor/ops/conv2d.h"
#include "tensor/random.h"
#include "tests/errors.h"
#include "train/bench/operands.h"
#include "train/check_kernels.h"

namespace clearcut {
namespace {

class WithKernels {
 public:
  explicit WithKernels(std::string_view names) { prefer_kernels(names); }
  ~WithKernels() { prefer_kernels(""); }
};

Tensor drawn(const Shape& shape, const char* name) {
  Tensor x(shape);
  RandomStream(5, name).fill_normal(x, 0, 1);
  return x.to(Device::kCuda);
}

// 2e-5 as for the kernels of the CPU (docs/kernels.md), and four times the rounding of operands.
TEST(CudaVariants, AllComputeWhatTheyShould) {
  std::set<std::string> seen;
  for (const KernelCheck& c : check_cuda_kernels("", {}, 1)) {
    EXPECT_TRUE(c.passed(2e-5)) << c.kernel << " " << c.direction << " " << c.layer << " " << c.error << " "
                                << c.fault;
    EXPECT_EQ(c.rounding > 0, c.kernel.find("tensor") != std::string::npos) << c.kernel;
    if (c.rounding > 0 && c.layer != "NN 1x1x1") {
      EXPECT_GT(c.error, 1e-5) << c.kernel << ": not rounded";
    }
    seen.insert(c.kernel + " " + c.direction);
  }
  // Those that run here at all; a vendor's library needs a GPU.
  const ProductOperands product({"NN", "", 64, 64, 64}, 1, 1, Device::kCuda);
  for (const cuda::Gemm* gemm : cuda::gemms())
    EXPECT_EQ(seen.contains(cat("gemm_", gemm->name, " product")),
              gemm->fits == nullptr || gemm->fits(product.product()))
        << gemm->name;
  const ConvOperands layer(parse_layer("16:8:64:1"), 1, Device::kCuda);
  for (const cuda::Convolution& c : cuda::convolutions())
    EXPECT_EQ(seen.contains(c.file_name() + " forward"),
              c.kernel.offers(layer.layer(), conv::Direction::kForward))
        << c.file_name();
}

// The ladder's names, and each product as a convolution but for the names that have files of their own.
TEST(CudaVariants, FilesAreListed) {
  std::set<std::string> files;
  for (const cuda::Gemm* gemm : cuda::gemms()) files.insert(cat("gemm_", gemm->name));
  for (const cuda::Convolution& c : cuda::convolutions()) files.insert("conv " + c.file_name());
  for (const char* name : {"gemm_v1_naive", "gemm_v6_tensor", "gemm_default", "conv conv2d_v1_naive",
                           "conv conv2d_default", "conv gemm_v3_tile"})
    EXPECT_TRUE(files.contains(name)) << name;
  EXPECT_FALSE(files.contains("conv gemm_v1_naive"));
}

// Products in tf32 have other bits: so it shows which kernel ran.
TEST(CudaVariants, TheKernelThatWasAskedForRuns) {
  const Tensor a = drawn({20, 36}, "a"), b = drawn({36, 12}, "b");
  const Tensor x = drawn({1, 4, 8, 8}, "x"), w = drawn({8, 4, 3, 3}, "w");
  const auto product = [&] { return ops::matmul(a, b).values<float>(); };
  const auto convolution = [&] { return ops::conv2d(x, w, {}, {.padding = 1}).values<float>(); };
  const auto plain_product = product(), plain_convolution = convolution();
  const auto changes = [&](std::string_view names) {
    const WithKernels with(names);
    return std::pair(product() != plain_product, convolution() != plain_convolution);
  };
  EXPECT_EQ(changes("gemm=v6_tensor"), std::pair(true, false));
  EXPECT_EQ(changes("conv2d=v6_tensor"), std::pair(false, true));
  EXPECT_EQ(changes("v6_tensor"), std::pair(true, true));
  EXPECT_EQ(changes("conv2d=weight:v6_tensor"), std::pair(false, false));
  EXPECT_EQ(changes("conv2d=default,v6_tensor"), std::pair(true, false));
}

// Strides that a variant does not take go to the default.
TEST(CudaVariants, WhatDoesNotFitRunsAsAlways) {
  const Tensor a = drawn({20, 35}, "a"), b = drawn({35, 12}, "b");
  const auto plain = ops::matmul(a, b).values<float>();
  const WithKernels with("gemm=v6_tensor");
  EXPECT_EQ(ops::matmul(a, b).values<float>(), plain);
}

TEST(CudaVariants, WishesSayWhatIsWrong) {
  expect_error([] { prefer_kernels("gemm=patches"); },
               "no gemm kernel is called 'patches'; known: default, ");
  expect_error([] { prefer_kernels("conv2d=none"); }, "no conv2d kernel is called 'none'");
  expect_error([] { prefer_kernels("pool=v1_naive"); }, "an operator must be conv2d or gemm; got 'pool'");
  expect_error([] { prefer_kernels("conv2d=sideways:v1_naive"); },
               "a direction must be forward, input or weight");
  EXPECT_TRUE(kernel_wishes().empty());
  const WithKernels with("forward:patches,conv2d=input:v3_tile");
  ASSERT_EQ(kernel_wishes().size(), 2u);
  EXPECT_TRUE(kernel_wishes()[0].is_for("conv2d", "forward"));
  EXPECT_TRUE(kernel_wishes()[1].is_for("conv2d", "input"));
  EXPECT_FALSE(kernel_wishes()[1].is_for("gemm"));
}

}  // namespace
}  // namespace clearcut
