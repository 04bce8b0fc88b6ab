#include "data/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "data/loader.h"
#include "data/transforms.h"

namespace clearcut {
namespace {

/// 90 items of class 0, 9 of class 1, 1 of classes 1 and 2; class 3 has none.
Dataset uneven() {
  Dataset data;
  data.class_names = {"a", "b", "c", "d"};
  for (int i = 0; i < 100; ++i) {
    Item item;
    item.id = static_cast<std::uint64_t>(i);
    item.classes = i < 90 ? std::vector<int>{0} : i < 99 ? std::vector<int>{1} : std::vector<int>{1, 2};
    data.items.push_back(item);
  }
  return data;
}

// Classes 0, 1 and 2 have a third each; item 99 is class 2 alone and a tenth of class 1: 11/30.
TEST(Sampler, EachClassIsAsOftenAndEpochsDiffer) {
  const Dataset data = uneven();
  double first = 0, last = 0;
  constexpr int kEpochs = 100;
  for (std::uint32_t epoch = 0; epoch < kEpochs; ++epoch) {
    const auto order = balanced_order(data, 7, epoch);
    ASSERT_EQ(order.size(), 100U);
    for (const std::int64_t i : order) first += i < 90 ? 1 : 0, last += i == 99 ? 1 : 0;
  }
  // Ten thousand draws: a standard error of 0.0047 to 0.0048; five of them.
  EXPECT_NEAR(first / (100.0 * kEpochs), 1.0 / 3, 0.024);
  EXPECT_NEAR(last / (100.0 * kEpochs), 11.0 / 30, 0.024);
  EXPECT_EQ(balanced_order(data, 7, 3), balanced_order(data, 7, 3));
  EXPECT_NE(balanced_order(data, 7, 3), balanced_order(data, 7, 4));
  EXPECT_NE(balanced_order(data, 7, 3), balanced_order(data, 8, 3));
  Dataset none = uneven();
  for (Item& item : none.items) item.classes.clear();
  EXPECT_THROW(balanced_order(none, 7, 0), Error);
}

// One picture whose columns are 0 to 9, drawn four times an epoch: windows differ, and come again with the
// seed.
TEST(Sampler, RepeatedItemsAreCutAnew) {
  Dataset data;
  data.class_names = {"a"};
  const std::string path = testing::TempDir() + "clearcut_columns.png";
  const Tensor columns({1, 10, 3}, DType::kUInt8);
  for (std::uint8_t i = 0; i < 30; ++i) columns.data<std::uint8_t>()[i] = i / 3;
  write_png(path, columns);
  for (const char* name : {"x", "y", "z", "w"}) data.items.push_back({1, name, path, "", {}});
  data.items[0].classes = {0};
  const auto epoch = [&](int threads) {
    Loader loader(data, {[](LabelledPicture& x, const RandomKey& key) {
                    random_padding_crop(x, {.height = 1, .width = 1}, key);
                  }},
                  {}, {.batch = 4, .threads = threads, .seed = 1, .balanced = true});
    return loader.next()->images.values<float>();
  };
  const auto seen = epoch(0);
  EXPECT_GT(std::set<float>(seen.begin(), seen.end()).size(), 1U);
  EXPECT_EQ(epoch(2), seen);
  data.items[0].classes.clear();
  for (const int threads : {0, 2}) EXPECT_THROW(epoch(threads), Error);
}

// A window of 2 x 2 in 40 x 40 holds the one pixel of class 5 by chance almost never; with foreground 1
// always, at each of its four places. Background and ignored pixels are no foreground.
TEST(Sampler, WindowsHoldForegroundAsOftenAsAskedFor) {
  const auto cut = [](double chance, std::uint64_t item, std::int32_t background) {
    LabelledPicture x;
    x.image = Tensor::zeros({40, 40, 3});
    x.labels = Tensor::zeros({40, 40}, DType::kInt32);
    x.labels.data<std::int32_t>()[20 * 40 + 11] = 5;
    x.labels.data<std::int32_t>()[0] = 255;
    random_padding_crop(x, {.height = 2, .width = 2, .foreground = chance, .background = background},
                        {.seed = 1, .item = item});
    return x.labels.values<std::int32_t>();
  };
  std::vector<int> places(4);
  int with = 0;
  for (std::uint64_t item = 0; item < 200; ++item) {
    const auto y = cut(1, item, 0);
    ASSERT_EQ(std::count(y.begin(), y.end(), 5), 1);
    ++places[static_cast<std::size_t>(std::find(y.begin(), y.end(), 5) - y.begin())];
    const auto some = cut(0.3, item, 0);
    with += std::count(some.begin(), some.end(), 5) > 0 ? 1 : 0;
  }
  for (const int n : places) EXPECT_NEAR(n, 50, 31);  // five standard errors of 6.1
  EXPECT_NEAR(with, 60, 33);                          // of 6.5
  // Class 5 is the background here and 0 the foreground: any window will do.
  const auto other = cut(1, 1, 5);
  EXPECT_GE(std::count(other.begin(), other.end(), 0), 1);
}

}  // namespace
}  // namespace clearcut
