// Products through cuBLASLt: with a stand-in that multiplies as the library's manual says, and, where the
// library is installed, with its own descriptors, which need no GPU.
#include "cuda/vendor/gemm.h"

#include <gtest/gtest.h>

#include "cuda/vendor/cublas_lt.h"
#include "cuda/vendor/library.h"
#include "tensor/cuda_device.h"
#include "tensor/random.h"
#include "tests/cuda/vendor/fake_cublas_lt.h"
#include "tests/errors.h"
#include "tests/op_run.h"

namespace clearcut {
namespace {

using kernels::Matrices;

Tensor drawn(const Shape& shape, const char* name) {
  Tensor x(shape);
  RandomStream(5, name).fill_normal(x, 0, 1);
  return x;
}

/// The matrices [rows, cols] of a tensor [batch, rows, cols], or with `turned` of one that is stored [batch,
/// cols, rows].
template <class T, class M = float>
Matrices<M> matrices(const Tensor& x, bool turned, std::int64_t batch) {
  const std::int64_t rows = x.dim(turned ? 2 : 1), cols = x.dim(turned ? 1 : 2);
  return {x.data<T>(),      batch, rows, cols, x.dim(0) == 1 ? 0 : rows * cols, turned ? 1 : cols,
          turned ? rows : 1};
}

struct Case {
  std::int64_t M, N, K, batch = 1;
  bool turn_a = false, turn_b = false, turn_c = false, one_a = false;
};

Shape stored(std::int64_t batch, std::int64_t rows, std::int64_t cols, bool turned) {
  return turned ? Shape{batch, cols, rows} : Shape{batch, rows, cols};
}

void expect_product(const Case& t) {
  const Tensor a = drawn(stored(t.one_a ? 1 : t.batch, t.M, t.K, t.turn_a), "a"),
               b = drawn(stored(t.batch, t.K, t.N, t.turn_b), "b");
  Tensor expected(stored(t.batch, t.M, t.N, t.turn_c), DType::kFloat64);
  const auto view = [&](const Tensor& x, bool turned) {
    return matrices<const double, const double>(x, turned, t.batch);
  };
  kernels::matmul<double>(Reference{}, view(a.to(DType::kFloat64), t.turn_a),
                          view(b.to(DType::kFloat64), t.turn_b),
                          matrices<double, double>(expected, t.turn_c, t.batch));
  const Tensor at_a = a.to(Device::kCuda), at_b = b.to(Device::kCuda);
  const Tensor c = Tensor::full(expected.shape(), 7, DType::kFloat32, Device::kCuda);
  cuda::vendor_multiply(matrices<const float, const float>(at_a, t.turn_a, t.batch),
                        matrices<const float, const float>(at_b, t.turn_b, t.batch),
                        matrices<float>(c, t.turn_c, t.batch));
  // The stand-in adds up in double and rounds once: half an eps of sums of up to 40 values near 1.
  test::expect_close(c, expected, 40 * 6e-8,
                     cat(t.M, " x ", t.N, " x ", t.K, " turned ", t.turn_a, t.turn_b, t.turn_c));
}

TEST(VendorGemm, EveryLayoutIsUnderstood) {
  test::FakeCublasLt fake;
  for (const bool turn_a : {false, true})
    for (const bool turn_b : {false, true})
      for (const bool turn_c : {false, true}) {
        expect_product({.M = 5, .N = 7, .K = 9, .turn_a = turn_a, .turn_b = turn_b, .turn_c = turn_c});
        expect_product(
            {.M = 4, .N = 3, .K = 6, .batch = 3, .turn_a = turn_a, .turn_b = turn_b, .turn_c = turn_c});
        for (const std::int64_t K : {1, 8}) {  // rows and columns of one element have a stride of 1 both ways
          expect_product({.M = 1, .N = 6, .K = K, .turn_a = turn_a, .turn_b = turn_b, .turn_c = turn_c});
          expect_product({.M = 6, .N = 1, .K = K, .turn_a = turn_a, .turn_b = turn_b, .turn_c = turn_c});
        }
      }
  expect_product({.M = 4, .N = 3, .K = 6, .batch = 3, .one_a = true});  // one matrix serves the whole batch
  EXPECT_EQ(fake.alive, 0) << "descriptors that were not destroyed";
}

TEST(VendorGemm, SumsOfNothingAreZero) {
  const test::FakeCublasLt fake;
  expect_product({.M = 2, .N = 3, .K = 0});
  expect_product({.M = 0, .N = 3, .K = 2});
  EXPECT_TRUE(fake.products.empty());
}

// c [3, 7] = a [3, 5] b [5, 7], all row-major: column-major that is c^T = b^T a^T, and nothing is transposed.
TEST(VendorGemm, RowMajorProductsAreColumnMajorOnesTheOtherWayRound) {
  test::FakeCublasLt fake;
  expect_product({.M = 3, .N = 7, .K = 5});
  ASSERT_EQ(fake.products.size(), 1u);
  const test::FakeProduct& p = fake.products[0];
  EXPECT_FALSE(p.transpose_a || p.transpose_b);
  EXPECT_EQ((std::vector{p.a.rows, p.a.cols, p.a.ld}), (std::vector<std::int64_t>{7, 5, 7}));
  EXPECT_EQ((std::vector{p.b.rows, p.b.cols, p.b.ld}), (std::vector<std::int64_t>{5, 3, 5}));
  EXPECT_EQ((std::vector{p.d.rows, p.d.cols, p.d.ld}), (std::vector<std::int64_t>{7, 3, 7}));
}

TEST(VendorGemm, AnAlgorithmIsChosenOnceForAShape) {
  test::FakeCublasLt fake;
  for (int i = 0; i < 3; ++i) expect_product({.M = 11, .N = 12, .K = 13});
  EXPECT_LE(fake.heuristics_asked, 2) << "addresses may differ in alignment";
  EXPECT_EQ(fake.products.size(), 3u);
}

// cublasComputeType_t of NVIDIA's manual: 32F 68, 32F_FAST_TF32 77, 32F_FAST_16BF 75, 32F_FAST_16F 74.
TEST(VendorGemm, ProductsAreThoseAskedFor) {
  test::FakeCublasLt fake;
  const std::vector<std::pair<CudaProducts, int>> kinds = {{CudaProducts::kFloat32, 68},
                                                           {CudaProducts::kTf32, 77},
                                                           {CudaProducts::kBf16, 75},
                                                           {CudaProducts::kF16, 74}};
  for (const auto& [products, compute] : kinds) {
    set_cuda_products(products);
    expect_product({.M = 3, .N = 4, .K = 5});
    EXPECT_EQ(fake.products.back().compute, compute);
  }
  set_cuda_products(CudaProducts::kFloat32);
}

TEST(VendorGemm, ErrorsSayWhatTheLibrarySaid) {
  test::FakeCublasLt fake;
  fake.no_algorithm = true;
  expect_error([] { expect_product({.M = 17, .N = 19, .K = 23}); },
               "cuBLASLt: has no algorithm for 19 x 17 and sums of 23");
  fake.broken = true;
  cuda::replace_cublas_lt(&cuda::cublas_lt());  // the handle is opened anew
  expect_error([] { expect_product({.M = 18, .N = 19, .K = 23}); },
               "cuBLASLt: opening it on this machine's GPU: another status");
}

TEST(VendorLibrary, OneThatIsMissingIsNamed) {
  expect_error(
      [] { cuda::open_library("cuNothing", "libcunothing.so.1"); },
      "cuNothing: libcunothing.so.1 is not found, neither by LD_LIBRARY_PATH nor in /usr/local/cuda/lib64/");
  const SharedLibrary libc = cuda::open_library("libc", "libc.so.6");
  void (*function)() = nullptr;
  expect_error([&] { libc.find(function, "no_such_function"); },
               "has no no_such_function; another version is needed");
}

TEST(VendorLibrary, VersionsHaveDots) {
  EXPECT_EQ(cuda::dotted_version(130100), "13.1.0");
  EXPECT_EQ(cuda::dotted_version(91900), "9.19.0");
  EXPECT_EQ(cuda::dotted_version(22809), "2.28.9");
}

/// Skips the test where the library is not installed.
#define NEEDS(library)            \
  try {                           \
    library();                    \
  } catch (const Error& error) {  \
    GTEST_SKIP() << error.what(); \
  }

// What the installed library makes of our layouts, read back from it.
TEST(VendorLibrary, CublasLtTakesOurDescriptors) {
  NEEDS(cuda::cublas_lt);
  const cuda::CublasLt& api = cuda::cublas_lt();
  EXPECT_GE(api.version(), 130000u);
  const SharedLibrary library = cuda::open_library("cuBLASLt", "libcublasLt.so.13");
  int (*get)(void*, int, void*, std::size_t, std::size_t*) = nullptr;
  library.find(get, "cublasLtMatrixLayoutGetAttribute");
  void* layout = nullptr;
  ASSERT_EQ(api.layout_create(&layout, cuda::lt::kFloat32, 7, 5, 9), 0);
  const std::int32_t batch = 3;
  const std::int64_t offset = 63;
  EXPECT_EQ(api.layout_set(layout, cuda::lt::kBatchCount, &batch, sizeof batch), 0);
  EXPECT_EQ(api.layout_set(layout, cuda::lt::kBatchOffset, &offset, sizeof offset), 0);
  const auto read = [&](int attribute, std::size_t bytes) {
    std::int64_t value = 0;
    std::size_t written = 0;
    EXPECT_EQ(get(layout, attribute, &value, bytes, &written), 0) << attribute;
    return value;
  };
  // Attributes of NVIDIA's manual: type 0, rows 2, columns 3, ld 4, batch 5, offset 6.
  EXPECT_EQ(read(0, 4), 0);
  EXPECT_EQ(read(2, 8), 7);
  EXPECT_EQ(read(3, 8), 5);
  EXPECT_EQ(read(4, 8), 9);
  EXPECT_EQ(read(5, 4), 3);
  EXPECT_EQ(read(6, 8), 63);
  EXPECT_EQ(api.layout_destroy(layout), 0);
}

TEST(VendorLibrary, CublasLtTakesOurDescriptionsAndPreferences) {
  NEEDS(cuda::cublas_lt);
  const cuda::CublasLt& api = cuda::cublas_lt();
  void *desc = nullptr, *preference = nullptr;
  ASSERT_EQ(api.desc_create(&desc, cuda::lt::kTf32, cuda::lt::kFloat32), 0);
  const cuda::lt::Operation turned = cuda::lt::kTransposed;
  EXPECT_EQ(api.desc_set(desc, cuda::lt::kTransA, &turned, sizeof turned), 0);
  EXPECT_EQ(api.desc_set(desc, cuda::lt::kTransB, &turned, sizeof turned), 0);
  const std::int64_t too_large = 1;
  EXPECT_NE(api.desc_set(desc, cuda::lt::kTransB, &too_large, sizeof too_large), 0);
  ASSERT_EQ(api.preference_create(&preference), 0);
  const std::uint64_t bytes = 1 << 20;
  const std::uint32_t alignment = 16;
  EXPECT_EQ(api.preference_set(preference, cuda::lt::kMostWorkspace, &bytes, sizeof bytes), 0);
  for (const auto a : {cuda::lt::kAlignA, cuda::lt::kAlignB, cuda::lt::kAlignC, cuda::lt::kAlignD})
    EXPECT_EQ(api.preference_set(preference, a, &alignment, sizeof alignment), 0);
  EXPECT_EQ(api.preference_destroy(preference), 0);
  EXPECT_EQ(api.desc_destroy(desc), 0);
}

}  // namespace
}  // namespace clearcut
