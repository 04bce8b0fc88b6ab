// Two classifiers that see colours, and pictures of coloured squares whose maps and masks are known.
#pragma once

#include <gtest/gtest.h>
#include <filesystem>
#include <set>

#include "explain/fuse.h"
#include "tensor/file.h"
#include "tests/explain/small_net.h"

namespace clearcut::test {

namespace fs = std::filesystem;

/// Class c is channel c: CAM of "red" is the picture's red channel. A picture of one colour gives no map.
inline std::unique_ptr<Classifier> colour_net(const std::string& name, float sharpness = 4,
                                              Device device = Device::kCpu) {
  const Tensor W = Tensor::from<float>({3, 3}, {sharpness, 0, 0, 0, sharpness, 0, 0, 0, sharpness}, device);
  auto net = std::make_unique<TestNet>(
      3,
      [W](TestNet& self, const Var& x) {
        return linear(mean(self.registry().observe("features", x), {2, 3}), Var(W));
      },
      device);
  net->head = CamWeights{.weights = W, .path = "features"};
  net->rename(name);
  net->name_classes({"red", "green", "blue"});
  return net;
}

/// Black, with squares of full red (rows and columns 2 to 6) and green (9 to 14).
inline Tensor squares(bool red, bool green) {
  Tensor picture = Tensor::zeros({16, 16, 3}, DType::kUInt8);
  std::uint8_t* p = picture.data<std::uint8_t>();
  for (int y = 0; y < 16; ++y)
    for (int x = 0; x < 16; ++x) {
      if (red && y >= 2 && y < 7 && x >= 2 && x < 7) p[(y * 16 + x) * 3] = 255;
      if (green && y >= 9 && y < 15 && x >= 9 && x < 15) p[(y * 16 + x) * 3 + 1] = 255;
    }
  return picture;
}
/// The true mask: 0 background, 1 red, 2 green.
inline Tensor truth(bool red, bool green) {
  const Tensor picture = squares(red, green);
  Tensor mask = Tensor::zeros({16, 16}, DType::kInt32);
  for (int i = 0; i < 256; ++i)
    mask.data<std::int32_t>()[i] = picture.data<const std::uint8_t>()[i * 3] != 0
                                       ? 1
                                       : (picture.data<const std::uint8_t>()[i * 3 + 1] != 0 ? 2 : 0);
  return mask;
}

class Fuse : public testing::Test {
 protected:
  void SetUp() override {
    root_ = testing::TempDir() + "clearcut_fuse";
    fs::remove_all(root_);
    write_png(root_ + "/images/a.png", squares(true, false));
    write_png(root_ + "/images/b.png", squares(false, true));
    write_png(root_ + "/images/ab.png", squares(true, true));
    write_png(root_ + "/images/none.png", squares(false, false));
    write_label_png(root_ + "/masks/a.png", truth(true, false));
    write_label_png(root_ + "/masks/b.png", truth(false, true));
    write_label_png(root_ + "/masks/ab.png", truth(true, true));
    write_label_png(root_ + "/masks/none.png", truth(false, false));
    write_file(root_ + "/classes.txt", std::string("0 background\n1 red\n2 green\n"));
    write_file(root_ + "/labels.csv",
               std::string("image,classes\na.png,red\nb.png,green\nab.png,red+green\nnone.png,\n"));
  }
  void TearDown() override { fs::remove_all(root_); }

  /// Red and green become classes 0 and 1.
  void without_background() const { write_file(root_ + "/classes.txt", std::string("0 red\n1 green\n")); }
  Dataset data() const { return open_dataset({.format = "csv", .root = root_, .masks = "masks"}); }
  Ensemble ensemble(const Dataset& set, EnsembleOptions options = {}, Device device = Device::kCpu) const {
    if (options.explainers.empty()) options.explainers = {parse_explainer("cam"), parse_explainer("gradcam")};
    std::vector<std::unique_ptr<Classifier>> nets;
    nets.push_back(colour_net("one", 4, device));
    nets.push_back(colour_net("two", 7, device));
    std::set<int> needed;
    for (const Item& item : set.items) needed.insert(item.classes.begin(), item.classes.end());
    return {std::move(nets), options, set.class_names, {needed.begin(), needed.end()}};
  }
  FuseCounts run(const std::string& out, const FuseOptions& options, std::int64_t shard = 0,
                 std::int64_t shards = 1, LabelLayout layout = LabelLayout::kPng, bool flatten = false,
                 Device device = Device::kCpu) {
    const Dataset set = data();
    Ensemble members = ensemble(set, {}, device);
    const LabelPlan plan = plan_labels(set, layout);
    LabelStoreOptions words;
    words.folder = root_ + "/" + out;
    words.layout = layout;
    words.space = plan.space;
    words.class_names = plan.class_names;
    words.colours = plan.colours;
    words.wnids = plan.folders;
    words.flatten = flatten;
    words.shard = shard;
    words.shards = shards;
    words.job = JsonObject().set("rule", describe(options.rule));
    LabelStore store(words);
    return fuse(set, members, store, plan, shard, shards, options);
  }
  std::vector<std::int32_t> label(const std::string& out, const std::string& name) const {
    return read_label_png(root_ + "/" + out + "/labels/" + name + ".png").labels.values<std::int32_t>();
  }
  std::string text(const std::string& file) const { return read_text(root_ + "/" + file); }

  static FuseOptions by_value() {
    FuseOptions options;
    options.rule = parse_rule("value:0.5");
    return options;
  }
  /// The same with everything kept that members said.
  static FuseOptions keeping_all() {
    FuseOptions options = by_value();
    options.keep_consensus = true;
    options.keep_maps = parse_keep("u8:16");
    return options;
  }
  std::string root_;
};

}  // namespace clearcut::test
