// Memory of labelling grows neither with the members nor with the pictures.
#include <gtest/gtest.h>

#include "autograd/arithmetic.h"
#include "tensor/memory.h"
#include "tests/explain/fuse_fixture.h"

namespace clearcut {
namespace {

using test::colour_net, test::Fuse;

constexpr std::int64_t kWeights = 1 << 20;  // floats: 4 MiB a classifier, many times its maps

/// A network whose weights are most of its memory. They take part: the first is added to every logit.
std::unique_ptr<Classifier> heavy_net(std::size_t number) {
  const Tensor W = Tensor::from<float>({3, 3}, {4, 0, 0, 0, 4, 0, 0, 0, 4});
  const Tensor heavy = Tensor::zeros({kWeights});
  auto net = std::make_unique<test::TestNet>(3, [W, heavy](test::TestNet& self, const Var& x) {
    const Var z = linear(mean(self.registry().observe("features", x), {2, 3}), Var(W));
    return z + Var(Tensor::full({1, 1}, heavy.data<const float>()[0]));
  });
  net->head = CamWeights{.weights = W, .path = "features"};
  net->rename(cat("net ", number));
  net->name_classes({"red", "green", "blue"});
  return net;
}

class EnsembleMemory : public Fuse {
 protected:
  /// Largest counted bytes above those before, while labels are made.
  std::size_t peak(std::size_t classifiers, const std::vector<std::string>& explainers, std::int64_t pictures,
                   bool keep = false) {
    Dataset set = data();
    const Item first = set.items[0];
    set.items.clear();
    for (std::int64_t i = 0; i < pictures; ++i) {
      set.items.push_back(first);
      set.items.back().name = cat(i, ".png");
      set.items.back().id = static_cast<std::uint64_t>(i);
    }
    const PeakMeter meter;
    std::vector<ClassifierSet::Loader> loaders;
    for (std::size_t k = 0; k < classifiers; ++k) loaders.emplace_back([k] { return heavy_net(k); });
    EnsembleOptions options;
    for (const std::string& text : explainers) options.explainers.push_back(parse_explainer(text));
    Ensemble members(ClassifierSet(std::move(loaders)), options, set.class_names, {1});
    const LabelPlan plan = plan_labels(set, LabelLayout::kPng);
    LabelStoreOptions words;
    words.folder = cat(root_, "/out-", runs_++);
    words.space = plan.space;
    words.class_names = plan.class_names;
    LabelStore store(words);
    FuseOptions fuse_options = by_value();
    fuse_options.chunk = 4;
    if (keep) fuse_options.keep_maps = parse_keep("u8:8");
    EXPECT_EQ(fuse(set, members, store, plan, 0, 1, fuse_options).made, pictures);
    return meter.bytes_above_start();
  }
  int runs_ = 0;
};

// Maps of 16 x 16 pixels are small beside 4 MiB a classifier: a tenth is room for those of three explainers,
// and a fifth of what one more classifier in memory would add.
TEST_F(EnsembleMemory, SixteenByThreeTakeWhatTwoByOneTake) {
  const std::vector<std::string> three = {"cam", "gradcam", "ig:steps=2:baseline=mean"};
  const auto few = static_cast<double>(peak(2, {"ig:steps=2:baseline=mean"}, 4));
  EXPECT_GT(few, 2.0 * kWeights * sizeof(float));  // two classifiers are there at a time
  EXPECT_LT(static_cast<double>(peak(16, three, 4)), 1.1 * few);
  EXPECT_LT(static_cast<double>(peak(16, three, 4, true)), 1.1 * few);
}

// One hundredth, 42 KB: 36 pictures more of 768 bytes with a mask of 1 KB would already take 64 KB.
TEST_F(EnsembleMemory, ManyPicturesTakeWhatFewTake) {
  const auto few = static_cast<double>(peak(3, {"cam", "gradcam"}, 4));
  EXPECT_LT(static_cast<double>(peak(3, {"cam", "gradcam"}, 40)), 1.01 * few);
}

TEST_F(EnsembleMemory, ASetLoadsWhatItNeeds) {
  std::vector<int> loads(4);
  std::vector<ClassifierSet::Loader> loaders;
  for (std::size_t k = 0; k < loads.size(); ++k)
    loaders.emplace_back([k, &loads] {
      ++loads[k];
      return colour_net(cat("net ", k));
    });
  ClassifierSet set(std::move(loaders), 2);
  EXPECT_EQ(set.size(), 4u);
  for (int round = 0; round < 3; ++round)
    for (std::size_t k = 0; k < 4; ++k) EXPECT_EQ(set.get(k)->name(), cat("net ", k));
  EXPECT_EQ(loads, (std::vector<int>{3, 3, 3, 3}));
  EXPECT_EQ(set.get(3)->name(), "net 3");
  EXPECT_EQ(loads[3], 3);  // it is there
  EXPECT_THROW(set.get(4), Error);
}

}  // namespace
}  // namespace clearcut
