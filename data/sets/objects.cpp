// Objects before a background: PASCAL VOC 2012 and ImageNet-S.
#include <algorithm>
#include <filesystem>
#include <map>

#include "data/file_names.h"
#include "data/sets/class_tables.h"
#include "data/sets/published.h"
#include "tensor/error.h"

namespace clearcut {

namespace fs = std::filesystem;

namespace {

constexpr const char *kLists = "ImageSets/Segmentation/", *kAug = "SegmentationClassAug";

// VOC's own mask goes before the one from SBD.
std::string voc_mask(const PublishedTree& tree, const std::string& masks, const std::string& id) {
  const std::string own = masks + "/" + id + ".png", merged = std::string(kAug) + "/" + id + ".png";
  return tree.at(!tree.has(own) && tree.has(merged) ? merged : own);
}

// ImageNet folders that ImageNet-S counts to another one's class, because they show the same thing.
const std::map<std::string, std::string>& same_things() {
  static const std::map<std::string, std::string> same = {{"n04356056", "n04355933"},
                                                          {"n04493381", "n02808440"},
                                                          {"n03642806", "n03832673"},
                                                          {"n04008634", "n03773504"},
                                                          {"n03887697", "n15075141"}};
  return same;
}

// The folders' names in order, from the class file or from the first split that is there.
std::vector<std::string> wnids_of(const PublishedTree& tree, const DatasetSpec& spec) {
  std::vector<std::string> wnids;
  if (!spec.classes.empty()) {
    wnids = read_class_file(tree.at(spec.classes)).wnids;
    check(!wnids.empty(), "data", tree.at(spec.classes), ": has no WordNet ids, which imagenet-s needs");
    std::sort(wnids.begin(), wnids.end());  // ids are places in this order
    return wnids;
  }
  for (const char* split : {"validation", "train-semi", "train", "test"}) {
    if (!tree.has(split)) continue;
    for (const fs::path& folder : sorted_entries(tree.folder(split), /*folders=*/true))
      if (same_things().count(folder.filename().string()) == 0) wnids.push_back(folder.filename().string());
    if (!wnids.empty()) return wnids;
  }
  return wnids;
}

}  // namespace

void open_voc2012(PublishedTree& tree, const DatasetSpec& spec) {
  tree.data.class_names = voc_classes().names;
  const std::string split = tree.split({{"train", "train"},
                                        {"val", "val"},
                                        {"trainval", "trainval"},
                                        {"trainaug", "trainaug"},
                                        {"aug", "aug"}});
  const std::string images = tree.folder("JPEGImages");
  std::vector<std::string> ids;
  if (split == "trainaug" && spec.list.empty() && !tree.has(cat(kLists, "trainaug.txt"))) {
    check(tree.has(cat(kLists, "aug.txt")), "data", spec.root, " has no list ", kLists,
          "trainaug.txt or aug.txt; `clearcut data voc-aug` writes them");
    ids = tree.ids({cat(kLists, "train.txt")});
    const std::vector<std::string> more = tree.ids({cat(kLists, "aug.txt")});
    ids.insert(ids.end(), more.begin(), more.end());
  } else {
    ids = tree.ids({cat(kLists, split, ".txt")});
  }
  const std::string masks = spec.masks.empty() ? "SegmentationClass" : spec.masks;
  tree.folder(masks);
  for (const std::string& id : ids) tree.add(id, find_picture(images, id), voc_mask(tree, masks, id));
}

// PNG: id = R + 256 G, 0 = other, 1000 = ignored. Splits train and test have pictures only.
void open_imagenet_s(PublishedTree& tree, const DatasetSpec& spec) {
  constexpr std::int32_t kImageNetSIgnored = 1000;
  const std::string split = tree.split({{"train-semi", "train-semi"},
                                        {"val", "validation"},
                                        {"train", "train"},
                                        {"train-full", "train-full"},
                                        {"test", "test"}});
  const std::vector<std::string> wnids = wnids_of(tree, spec);
  check(!wnids.empty() && wnids.size() < kImageNetSIgnored, "data", spec.root, " has ", wnids.size(),
        " classes; imagenet-s needs folders of WordNet ids, 999 at most");
  tree.data.class_names = {"other"};
  tree.data.class_names.insert(tree.data.class_names.end(), wnids.begin(), wnids.end());
  tree.data.wnids = tree.data.class_names;
  tree.data.background = 0;
  tree.data.ignore = kImageNetSIgnored;
  const bool has_masks = tree.has(split + "-segmentation");
  tree.data.masks = has_masks ? MaskFormat::kTwoBytes : MaskFormat::kNone;
  for (const fs::path& folder : sorted_entries(tree.folder(split), /*folders=*/true)) {
    const std::string wnid = folder.filename().string();
    const auto same = same_things().find(wnid);
    const auto it = std::find(wnids.begin(), wnids.end(), same == same_things().end() ? wnid : same->second);
    if (it == wnids.end()) continue;  // train-full has classes that are not scored
    for (const fs::path& file : sorted_entries(folder, /*folders=*/false)) {
      if (!is_picture_name(file.string())) continue;
      const std::string name = wnid + "/" + file.filename().string();
      const std::string mask = cat(split, "-segmentation/", wnid, "/", file.stem().string(), ".png");
      tree.add(name, file.string(), has_masks ? tree.at(mask) : "",
               {static_cast<int>(it - wnids.begin()) + 1});
    }
  }
}

}  // namespace clearcut
