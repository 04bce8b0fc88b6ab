// A folder of labels, and files of corrections for it.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "data/jsonl.h"
#include "data/picture.h"
#include "explain/label_import.h"
#include "explain/label_store.h"
#include "tests/train/folder.h"

namespace clearcut::test {

using Labels = std::vector<std::int32_t>;

/// A folder of labels of three pictures; two of them have one file name.
class LabelImport : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* image : {"u/a.jpg", "v/a.jpg", "b.png"})
      write_png(root_ + "/images/" + image, Tensor::zeros({2, 3, 3}, DType::kUInt8));
  }

  LabelStoreOptions store(LabelLayout layout) const {
    LabelStoreOptions options;
    options.folder = root_ + "/labels";
    options.layout = layout;
    options.class_names = {"background", "cat", "dog"};
    options.colours = voc_palette(256);
    if (layout == LabelLayout::kPssl) {
      options.class_names = options.wnids = {"cat", "dog"};
      options.space = {.background = 2, .ignore = 3};
    }
    options.job.set("rule", "test");
    return options;
  }

  /// As `label fuse` leaves it: every label holds `value` on the left.
  void make_labels(LabelLayout layout, int value) {
    LabelStore labels(store(layout));
    labels.begin({});
    std::vector<Item> items;
    for (const char* name : {"u/a.jpg", "v/a.jpg", "b.png"}) {
      if (layout == LabelLayout::kPssl && std::string(name) == "v/a.jpg")
        continue;  // one file name, one file
      Item item;
      item.name = item.image = name;
      item.classes = {value};
      items.push_back(item);
      const int rest = layout == LabelLayout::kPssl ? 2 : 0;
      JsonObject made;
      made.set("coverage", 0.33).set("weights", cat("weights/", items.size(), ".png"));
      write_label_png(cat(root_, "/labels/weights/", items.size(), ".png"),
                      Tensor::full({2, 3}, 7, DType::kInt32));
      labels.write(item, name, Tensor::from<std::int32_t>({2, 3}, {value, rest, rest, value, rest, rest}),
                   made);
    }
    labels.finish(items);
  }

  LabelImportOptions from(const std::string& format) const {
    return {.source = root_ + "/new", .format = format, .folder = root_ + "/labels", .by = "Jane"};
  }
  void correct(const std::string& file, const Labels& labels, Shape shape = {2, 3}) const {
    write_label_png(root_ + "/new/" + file, Tensor::from<std::int32_t>(shape, labels));
  }
  Labels label(const std::string& file) const {
    return read_label_png(root_ + "/labels/" + file).labels.values<std::int32_t>();
  }
  JsonObject line(const std::string& id) const {
    for (const JsonObject& line : read_jsonl(root_ + "/labels/manifest.jsonl"))
      if (line.text("id") == id) return line;
    ADD_FAILURE() << id;
    return {};
  }

  test::Folder folder_;
  const std::string& root_ = folder_.path();
};

}  // namespace clearcut::test
