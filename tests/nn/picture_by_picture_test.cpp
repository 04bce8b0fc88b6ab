// Pictures apart, one a thread: the same bits as the batch, and when the batch stays whole.
#include "nn/picture_by_picture.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>

#include "models/build.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tests/errors.h"

namespace clearcut {
namespace {

class PictureByPicture : public testing::Test {
 protected:
  void SetUp() override { set_threads(2); }
  void TearDown() override { set_threads(0); }
};

Tensor pictures(const Shape& shape) {
  Tensor x(shape);
  RandomStream(3, "pictures").fill_normal(x, 0, 1);
  return x;
}

// Sizes of the parts in which a batch comes.
std::multiset<std::int64_t> parts_of(const Registry& registry, const Shape& shape) {
  std::array<std::atomic<std::int64_t>, 64> size{};
  picture_by_picture(registry, Tensor(shape), [&](std::int64_t first, const Tensor& part) {
    size[static_cast<std::size_t>(first)] = part.dim(0);
    return part;
  });
  std::multiset<std::int64_t> parts;
  for (const auto& n : size)
    if (n > 0) parts.insert(n);
  return parts;
}

TEST_F(PictureByPicture, SameBitsAsTheBatch) {
  const auto net = make_classifier({.name = "small_mobilenet", .classes = 7});
  net->registry().mode.training = false;
  const Tensor x = pictures({5, 3, 96, 96});
  const auto logits = [&](const Tensor& part) {
    const NoGrad no_tape;
    return net->logits(Var(part)).value();
  };
  const auto gradient = [&](const Tensor& part) {
    const Var input(part, true);
    const Var z = net->logits(input);
    z.backward(Tensor::full(z.shape(), 1.0));
    return input.grad();
  };
  net->registry().require_grad(false);
  EXPECT_EQ(picture_by_picture(net->registry(), x, [&](auto, const Tensor& p) { return logits(p); })
                .values<float>(),
            logits(x).values<float>());
  EXPECT_EQ(picture_by_picture(net->registry(), x, [&](auto, const Tensor& p) { return gradient(p); })
                .values<float>(),
            gradient(x).values<float>());
}

TEST_F(PictureByPicture, PartsHave32768PixelsUnlessAThreadWouldGoWithout) {
  const Registry registry;
  EXPECT_EQ(parts_of(registry, {5, 3, 224, 224}), (std::multiset<std::int64_t>{1, 1, 1, 1, 1}));
  EXPECT_EQ(parts_of(registry, {5, 3, 128, 128}), (std::multiset<std::int64_t>{2, 2, 1}));
  EXPECT_EQ(parts_of(registry, {20, 3, 64, 64}), (std::multiset<std::int64_t>{8, 8, 4}));
  EXPECT_EQ(parts_of(registry, {8, 3, 64, 64}), (std::multiset<std::int64_t>{8}));
  EXPECT_EQ(parts_of(registry, {1, 3, 224, 224}), (std::multiset<std::int64_t>{1}));
  set_threads(6);
  EXPECT_EQ(parts_of(registry, {5, 3, 224, 224}), (std::multiset<std::int64_t>{5}));
}

TEST_F(PictureByPicture, AWatchedNetworkSeesTheBatch) {
  Registry registry;
  {
    const Tap tap(registry, "x");
    EXPECT_EQ(parts_of(registry, {4, 3, 224, 224}), (std::multiset<std::int64_t>{4}));
  }
  registry.record_paths(true);
  EXPECT_EQ(parts_of(registry, {4, 3, 224, 224}), (std::multiset<std::int64_t>{4}));
}

TEST_F(PictureByPicture, ErrorsComeThrough) {
  const Registry registry;
  expect_error(
      [&] {
        picture_by_picture(registry, Tensor({4, 1, 256, 256}), [](std::int64_t first, const Tensor& part) {
          check(first != 2, "layer", "no ", first);
          return part;
        });
      },
      "layer: no 2");
}

}  // namespace
}  // namespace clearcut
