// Folders of small labels without any explaining, to kill, cut and share the writing of.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "explain/label_store.h"
#include "tensor/file.h"
#include "tests/train/folder.h"

namespace clearcut::test {

namespace fs = std::filesystem;

/// Bytes of all files below a folder, by path.
using Snapshot = std::map<std::string, std::string>;

class LabelJob : public testing::Test {
 protected:
  LabelJob() {
    for (int i = 0; i < 9; ++i) {
      const std::string name = cat(i % 2 == 0 ? "even/" : "odd/", i, ".png");
      items_.push_back({.id = static_cast<std::uint64_t>(i),
                        .name = name,
                        .image = "/none/" + name,
                        .mask = "",
                        .classes = {1 + i % 2}});
    }
  }

  LabelStoreOptions options(const std::string& name, std::int64_t shard = 0, std::int64_t shards = 1) const {
    LabelStoreOptions options;
    options.folder = folder_ / name;
    options.space = {.background = 0, .ignore = 255};
    options.class_names = {"background", "even", "odd"};
    options.colours = {{0, 0, 0}, {255, 0, 0}, {0, 255, 0}};
    options.shard = shard;
    options.shards = shards;
    options.job = JsonObject().set("rule", "value:0.5").set("isa", isa_);
    return options;
  }

  /// What fuse() does with a store: item 4 gets no label, and broken_ fails. Returns how many were done anew.
  int work(const LabelStoreOptions& options, int most = 1000) const {
    LabelStore store(options);
    store.begin(items_);
    const int made = write(store, options, most);
    if (made < most) store.finish(items_);
    return made;
  }

  int write(LabelStore& store, const LabelStoreOptions& options, int most = 1000) const {
    int made = 0;
    for (std::size_t i = 0; i < items_.size(); ++i) {
      const auto number = static_cast<std::int64_t>(i);
      const Item& item = items_[i];
      if (number % options.shards != options.shard || store.done(item)) continue;
      if (made == most) return made;  // as if it were killed: without finish()
      if (i == 4)
        store.skip(item, "images/" + item.name, "no image label");
      else if (number == broken_)
        store.fail(item, "read", "not a picture");
      else
        try {
          store.write(item, "images/" + item.name, label(number), JsonObject().set("coverage", 0.25));
        } catch (const Error& error) {
          store.fail(item, "label", error.what());
        }
      ++made;
    }
    return made;
  }

  static Tensor label(std::int64_t number) {
    Tensor label = Tensor::zeros({4, 5}, DType::kInt32);
    label.data<std::int32_t>()[number] = 1 + static_cast<std::int32_t>(number % 2);
    return label;
  }

  Snapshot snapshot(const std::string& name) const {
    Snapshot files;
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / name))
      if (entry.is_regular_file())
        files[fs::relative(entry.path(), folder_ / name).string()] = read_text(entry.path().string());
    return files;
  }
  void restore(const std::string& name, const Snapshot& files) const {
    fs::remove_all(folder_ / name);
    for (const auto& [file, text] : files) write_file((folder_ / name) + "/" + file, text);
  }

  Folder folder_;
  std::vector<Item> items_;
  std::string isa_ = "avx2";
  std::int64_t broken_ = -1;
};

}  // namespace clearcut::test
