// The same batches for any number of threads, after resuming, and around files that fail.
#include "data/loader.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <thread>

#include "tensor/file.h"
#include "tests/errors.h"

namespace clearcut {
namespace {

// n pictures of 6 x 5 pixels, all of the gray level of their number, and a mask of the same value.
Dataset numbered(int n) {
  const std::string root = testing::TempDir() + "clearcut_loader";
  Dataset data;
  data.root = root;
  data.masks = MaskFormat::kPng;
  for (int i = 0; i < 64; ++i) data.class_names.push_back(cat(i));
  for (int i = 0; i < n; ++i) {
    const std::string name = cat(i, ".png");
    if (!std::filesystem::exists(root + "/" + name)) {
      write_png(root + "/" + name, Tensor::full({6, 5, 3}, i, DType::kUInt8));
      write_label_png(root + "/mask" + name, Tensor::full({6, 5}, i, DType::kInt32));
    }
    data.items.push_back({hash_name(name), name, root + "/" + name, root + "/mask" + name, {i}});
  }
  return data;
}

std::vector<Transform> augment() {
  return {[](LabelledPicture& x, const RandomKey& key) { resize_step_scaling(x, {}, key); },
          [](LabelledPicture& x, const RandomKey& key) {
            random_padding_crop(x, {.height = 7, .width = 8}, key);
          }};
}

struct Seen {
  std::vector<std::string> names;
  std::vector<float> pixels;
  std::vector<std::int32_t> labels;
  friend bool operator==(const Seen&, const Seen&) = default;
};

void note(Seen& seen, const Batch& batch) {
  seen.names.insert(seen.names.end(), batch.names.begin(), batch.names.end());
  const auto pixels = batch.images.values<float>();
  seen.pixels.insert(seen.pixels.end(), pixels.begin(), pixels.end());
  const auto labels = batch.labels.values<std::int32_t>();
  seen.labels.insert(seen.labels.end(), labels.begin(), labels.end());
}

Seen two_epochs(LoaderOptions options) {
  Loader loader(numbered(11), augment(), {}, options);
  Seen seen;
  for (int epoch = 0; epoch < 2; ++epoch)
    while (const auto batch = loader.next()) note(seen, *batch);
  return seen;
}

TEST(Loader, SameBatchesForAnyNumberOfThreads) {
  const LoaderOptions options{.batch = 3, .threads = 0, .seed = 7, .shuffle = true};
  const Seen alone = two_epochs(options);
  ASSERT_EQ(alone.names.size(), 22U);
  for (const int threads : {1, 2, 5}) {
    LoaderOptions other = options;
    other.threads = threads;
    other.ahead = threads == 5 ? 1 : 0;
    EXPECT_EQ(two_epochs(other), alone) << threads;
  }
}

// A picture is augmented by its own name: neither its place nor its neighbours nor the data set's size
// matter.
TEST(Loader, AugmentationBelongsToTheItem) {
  const auto by_name = [](int items, const LoaderOptions& options) {
    Loader loader(numbered(items), augment(), {}, options);
    std::map<std::string, std::vector<float>> pixels;
    while (const auto batch = loader.next())
      for (std::size_t n = 0; n < batch->names.size(); ++n)
        pixels[batch->names[n]] = batch->images[static_cast<std::int64_t>(n)].values<float>();
    return pixels;
  };
  const auto plain = by_name(11, {.batch = 4, .threads = 2, .seed = 7});
  EXPECT_EQ(by_name(11, {.batch = 3, .threads = 1, .seed = 7, .shuffle = true}), plain);
  for (const auto& [name, pixels] : by_name(5, {.batch = 5, .threads = 0, .seed = 7}))
    EXPECT_EQ(pixels, plain.at(name)) << name;
  EXPECT_NE(by_name(11, {.batch = 4, .threads = 2, .seed = 8}), plain);
}

// Four samples of 50 ms each, prepared by the caller, are waited for; four that lie ready are not.
TEST(Loader, SaysHowLongItWasWaitedFor) {
  using std::chrono::milliseconds;
  const std::vector<Transform> slow = {
      [](LabelledPicture&, const RandomKey&) { std::this_thread::sleep_for(milliseconds(50)); }};
  Loader alone(numbered(4), slow, {}, {.batch = 4, .threads = 0});
  EXPECT_EQ(alone.waited(), 0);
  alone.next();
  EXPECT_GE(alone.waited(), 0.2);
  std::atomic<int> prepared{0};
  const std::vector<Transform> count = {[&](LabelledPicture&, const RandomKey&) { ++prepared; }};
  Loader ahead(numbered(4), count, {}, {.batch = 4, .threads = 1, .ahead = 4});
  for (int i = 0; i < 5000 && prepared < 4; ++i) std::this_thread::sleep_for(milliseconds(1));
  std::this_thread::sleep_for(milliseconds(200));  // the last one is handed over
  ahead.next();
  EXPECT_LT(ahead.waited(), 0.2);
}

TEST(Loader, EpochsAreDifferentPermutations) {
  const Seen seen = two_epochs({.batch = 11, .threads = 1, .seed = 7, .shuffle = true});
  const std::vector<std::string> first(seen.names.begin(), seen.names.begin() + 11),
      second(seen.names.begin() + 11, seen.names.end());
  EXPECT_EQ(std::set<std::string>(first.begin(), first.end()).size(), 11U);
  EXPECT_EQ(std::set<std::string>(second.begin(), second.end()).size(), 11U);
  EXPECT_NE(first, second);
}

TEST(Loader, PairsStayTogetherAndPixelsAreNormalised) {
  Loader loader(numbered(11), {}, {}, {.batch = 4, .threads = 2, .shuffle = true});
  while (const auto batch = loader.next()) {
    const auto N = batch->images.dim(0);
    EXPECT_EQ(batch->images.shape(), Shape({N, 3, 6, 5}));
    EXPECT_EQ(batch->labels.shape(), Shape({N, 6, 5}));
    for (std::int64_t n = 0; n < N; ++n) {
      const std::int32_t number = batch->classes.values<std::int32_t>()[static_cast<std::size_t>(n)];
      EXPECT_EQ(batch->names[static_cast<std::size_t>(n)], cat(number, ".png"));
      EXPECT_EQ(batch->labels[n].values<std::int32_t>()[29], number);
      EXPECT_NEAR(batch->images[n].values<float>()[0], (static_cast<float>(number) / 255 - 0.5F) / 0.5F,
                  1e-6);
    }
  }
}

TEST(Loader, ResumesExactly) {
  const LoaderOptions options{.batch = 3, .threads = 2, .seed = 1, .shuffle = true};
  Loader straight(numbered(11), augment(), {}, options);
  std::vector<LoaderPosition> positions;
  std::vector<Seen> rest;
  for (int epoch = 0; epoch < 3; ++epoch)
    while (true) {
      positions.push_back(straight.position());
      const auto batch = straight.next();
      rest.emplace_back();
      if (!batch) break;
      note(rest.back(), *batch);
    }
  for (std::size_t i = 0; i < positions.size(); ++i) {
    Loader resumed(numbered(11), augment(), {}, options);
    if (i % 2 == 0) resumed.next();  // also from a loader that has begun
    resumed.seek(positions[i]);
    Seen seen;
    const auto batch = resumed.next();
    if (batch) note(seen, *batch);
    EXPECT_EQ(seen, rest[i]) << "epoch " << positions[i].epoch << ", item " << positions[i].item;
  }
  expect_error([&] { straight.seek({0, 12}); }, "position 12 is outside a data set of 11 items");
}

TEST(Loader, DropLastAndBatchCounts) {
  Loader whole(numbered(11), {}, {}, {.batch = 4, .threads = 1});
  EXPECT_EQ(whole.batches_per_epoch(), 3);
  Loader loader(numbered(11), {}, {}, {.batch = 4, .threads = 1, .drop_last = true});
  EXPECT_EQ(loader.batches_per_epoch(), 2);
  int batches = 0;
  while (const auto batch = loader.next()) {
    EXPECT_EQ(batch->images.dim(0), 4);
    ++batches;
  }
  EXPECT_EQ(batches, 2);
  EXPECT_EQ(loader.next()->names[0], "0.png");
}

// Workers stop when `ahead` samples wait: with nothing taken, no more than that many are prepared.
// Two epochs of 11 pictures in batches of 4, of which two ranks read halves.
TEST(Loader, RanksReadTheirPartsOfEachBatch) {
  const LoaderOptions options{.batch = 4, .threads = 2, .seed = 3, .shuffle = true, .drop_last = true};
  Loader whole(numbered(11), augment(), {}, options);
  std::vector<std::unique_ptr<Loader>> ranks;
  for (int r = 0; r < 2; ++r) {
    LoaderOptions part = options;
    part.rank = r, part.ranks = 2, part.threads = r;
    ranks.push_back(std::make_unique<Loader>(numbered(11), augment(), Normalize{}, part));
  }
  for (int i = 0; i < 6; ++i) {  // two batches and nothing, twice
    const auto batch = whole.next();
    Seen expected, seen;
    if (batch) note(expected, *batch);
    for (const auto& rank : ranks) {
      if (i == 4) rank->seek(rank->position());
      const auto part = rank->next();
      ASSERT_EQ(part.has_value(), batch.has_value());
      if (part) note(seen, *part);
      EXPECT_EQ(rank->position().epoch, whole.position().epoch);
      EXPECT_EQ(rank->position().item, whole.position().item);
    }
    EXPECT_EQ(seen, expected) << i;
  }
}

TEST(Loader, RanksNeedFullBatchesThatTheyCanShare) {
  const auto open = [](LoaderOptions options) { Loader(numbered(8), {}, {}, options); };
  expect_error([&] { open({.batch = 3, .drop_last = true, .rank = 0, .ranks = 2}); },
               "loader: a batch of 3 pictures cannot be shared equally by 2 ranks");
  expect_error([&] { open({.batch = 4, .rank = 0, .ranks = 2}); },
               "several ranks need full batches: drop_last");
  Loader loader(numbered(8), {}, {}, {.batch = 4, .drop_last = true, .rank = 0, .ranks = 2});
  expect_error([&] { loader.seek({0, 2}); }, "loader: position 2 is within a batch of 4");
}

TEST(Loader, WorkersWaitWhenNobodyTakes) {
  std::atomic<int> prepared{0};
  const std::vector<Transform> count = {[&](LabelledPicture&, const RandomKey&) { ++prepared; }};
  Loader loader(numbered(40), count, {}, {.batch = 2, .threads = 3, .ahead = 5});
  for (int i = 0; i < 5000 && prepared < 5; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(prepared, 5);
  loader.next();
  for (int i = 0; i < 5000 && prepared < 7; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(prepared, 7);
}

Dataset with_failures() {
  Dataset data = numbered(8);
  write_file(data.root + "/broken.jpg", "no picture");
  write_label_png(data.root + "/small.png", Tensor::zeros({2, 2}, DType::kInt32));
  data.items[2].image = data.root + "/broken.jpg";
  data.items[5].mask = data.root + "/small.png";
  return data;
}

TEST(Loader, AFailingFileIsNamed) {
  for (const int threads : {0, 2}) {
    Loader loader(with_failures(), {}, {}, {.batch = 8, .threads = threads});
    expect_error([&] { loader.next(); }, "loader: 2.png: picture: ");
    expect_error([&] { loader.next(); }, "small.png: the mask is 2 x 2, the picture");
  }
}

TEST(Loader, FailingFilesAreSkippedAndListedOnce) {
  Loader loader(with_failures(), {}, {}, {.batch = 4, .threads = 2, .on_failure = OnFailure::kSkip});
  std::vector<std::string> names;
  for (int epoch = 0; epoch < 2; ++epoch)
    while (const auto batch = loader.next())
      names.insert(names.end(), batch->names.begin(), batch->names.end());
  const std::vector<std::string> good = {"0.png", "1.png", "3.png", "4.png", "6.png", "7.png"};
  std::vector<std::string> twice = good;
  twice.insert(twice.end(), good.begin(), good.end());
  EXPECT_EQ(names, twice);
  const std::vector<Failure> failures = loader.failures();
  ASSERT_EQ(failures.size(), 2U);
  EXPECT_EQ(failures[0].id, "2.png");
  EXPECT_NE(failures[0].error.find("broken.jpg"), std::string::npos);
  EXPECT_EQ(failures[1].id, "5.png");
}

TEST(Loader, AllFilesFailingIsAnErrorNotAnEndlessLoop) {
  Dataset data = numbered(3);
  for (Item& item : data.items) item.image += ".missing";
  Loader loader(data, {}, {}, {.threads = 1, .on_failure = OnFailure::kSkip});
  expect_error([&] { loader.next(); }, "all 3 items of");
}

TEST(Loader, SamplesOfABatchMustHaveOneSize) {
  Loader loader(numbered(4),
                {[](LabelledPicture& x, const RandomKey& key) { resize_step_scaling(x, {}, key); }}, {},
                {.batch = 4, .threads = 1});
  expect_error([&] { loader.next(); }, "the samples of a batch must have one size: the image of 0.png is ");
}

TEST(Loader, DestructionWhileWorkersRunIsClean) {
  for (int i = 0; i < 20; ++i) {
    Loader loader(numbered(11), augment(), {}, {.batch = 2, .threads = 3, .shuffle = true});
    if (i % 2 == 0) loader.next();
  }
}

}  // namespace
}  // namespace clearcut
