// 3x3 depthwise windows at all widths around a vector's, with and without padding at each side.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "tensor/ops/conv2d.h"
#include "tests/each_isa.h"

namespace clearcut {
namespace {

using DepthwiseWindow = EachIsa;

// Paddings by the bits of `sides`.
ConvOptions options_of(std::int64_t stride, int sides) {
  const Padding2 padding(sides & 1, sides >> 1 & 1, sides >> 2 & 1, sides >> 3 & 1);
  return {.stride = stride, .padding = padding, .groups = 2};
}

// Calls body(x shape, options) for maps of 1 to 38 columns; 33 and more are ends with columns between.
template <class Body>
void for_all_windows(const Body& body) {
  for (std::int64_t W = 1; W <= 38; ++W)
    for (const std::int64_t stride : {1, 2})
      for (int sides = 0; sides < 16; ++sides) {
        const ConvOptions o = options_of(stride, sides);
        const std::int64_t H = 2 + W % 9;
        if (H + o.padding.top + o.padding.bottom < 3 || W + o.padding.left + o.padding.right < 3) continue;
        body(Shape{1, 2, H, W}, o);
      }
}

TEST_P(DepthwiseWindow, IsReference) {
  const Tensor w = normal({2, 1, 3, 3}, "w"), bias = normal({2}, "bias");
  for_all_windows([&](const Shape& shape, const ConvOptions& o) {
    const Tensor x = normal(shape, "x");
    const Tensor y = ops::conv2d(exact(x), exact(w), exact(bias), o);
    const std::string what = cat(shape, " stride ", o.stride.h, " padding ", o.padding);
    expect_near_reference(ops::conv2d(x, w, bias, o), y, 10, what);
    const Tensor dy = normal(y.shape(), "dy");
    expect_near_reference(ops::conv2d_backward_input(dy, w, shape, o),
                          ops::conv2d_backward_input(exact(dy), exact(w), shape, o), 9, what + " gradient");
  });
}

TEST_P(DepthwiseWindow, AddsAndClampsWhereItWrites) {
  const Tensor w = normal({2, 1, 3, 3}, "w");
  for_all_windows([&](const Shape& shape, const ConvOptions& o) {
    const Tensor x = normal(shape, "x");
    const Tensor add = normal(ops::conv2d_shape(shape, w.shape(), o), "add");
    expect_near_reference(ops::conv2d(x, w, {}, o, {add, 0.0, 1.5}),
                          ops::conv2d(exact(x), exact(w), {}, o, {exact(add), 0.0, 1.5}), 10,
                          cat(shape, " stride ", o.stride.h, " padding ", o.padding));
  });
}

// Floats behind which a page stands that nobody may read.
class LastOfItsPage {
 public:
  explicit LastOfItsPage(const std::vector<float>& values) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t bytes = values.size() * sizeof(float), pages = (bytes + page - 1) / page * page;
    size_ = pages + page;
    base_ = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(base_ != MAP_FAILED && mprotect(static_cast<char*>(base_) + pages, page, PROT_NONE) == 0, "test",
          "mmap failed");
    data_ = reinterpret_cast<float*>(static_cast<char*>(base_) + pages - bytes);
    std::copy(values.begin(), values.end(), data_);
  }
  ~LastOfItsPage() { munmap(base_, size_); }
  LastOfItsPage(const LastOfItsPage&) = delete;
  LastOfItsPage& operator=(const LastOfItsPage&) = delete;
  const float* data() const { return data_; }

 private:
  void* base_;
  std::size_t size_;
  float* data_;
};

// Planes of two rows and one column are smaller than a vector: several lie within its reach of the end.
TEST_P(DepthwiseWindow, ReadsNothingBehindTheTensor) {
  const Tensor w = normal({5, 1, 3, 3}, "w");
  for (std::int64_t H = 1; H <= 5; ++H)
    for (std::int64_t W = 1; W <= 36; ++W)
      for (const std::int64_t stride : {1, 2}) {
        const ConvOptions o{.stride = stride, .padding = 1, .groups = 5};
        const Tensor x = normal({2, 5, H, W}, "x"), expected = ops::conv2d(x, w, {}, o);
        const LastOfItsPage guarded(x.values<float>());
        const Tensor y(expected.shape());
        kernels::conv2d(Cpu{}, {guarded.data(), 2, 5, H, W}, nchw<const float>(w), {}, o, nullptr,
                        nchw<float>(y));
        EXPECT_EQ(y.values<float>(), expected.values<float>()) << H << " x " << W << " stride " << stride;
      }
}

INSTANTIATE_TEST_SUITE_P(Depthwise, DepthwiseWindow, testing::ValuesIn(supported_isas()),
                         [](const auto& row) { return std::string(row.param); });

}  // namespace
}  // namespace clearcut
