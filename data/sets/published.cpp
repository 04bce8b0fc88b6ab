#include "data/sets/published.h"

#include <algorithm>
#include <filesystem>

#include "data/file_names.h"
#include "data/text_lines.h"
#include "tensor/error.h"

namespace clearcut {

namespace fs = std::filesystem;

namespace {

struct PublishedSet {
  const char* format;
  void (*open)(PublishedTree& tree, const DatasetSpec& spec);
  bool takes_list, takes_masks, takes_classes;
};
constexpr PublishedSet kSets[] = {{"voc2012", open_voc2012, true, true, false},
                                  {"pascal-context", open_pascal_context, true, true, false},
                                  {"ade20k", open_ade20k, false, false, false},
                                  {"cityscapes", open_cityscapes, false, true, false},
                                  {"coco-stuff", open_coco_stuff, false, false, false},
                                  {"camvid", open_camvid, true, false, false},
                                  {"camvid32", open_camvid32, true, false, false},
                                  {"imagenet-s", open_imagenet_s, false, false, true}};

const PublishedSet* find_set(const std::string& format) {
  const auto* it =
      std::find_if(std::begin(kSets), std::end(kSets), [&](const auto& set) { return set.format == format; });
  return it == std::end(kSets) ? nullptr : it;
}

// A folder one or two levels below the root that has `path` in it: the root that was meant.
std::string root_that_has(const fs::path& root, const std::string& path) {
  for (const fs::path& below : sorted_entries(root, /*folders=*/true)) {
    if (fs::exists(below / path)) return below.string();
    for (const fs::path& further : sorted_entries(below, /*folders=*/true))
      if (fs::exists(further / path)) return further.string();
  }
  return "";
}

}  // namespace

std::vector<std::string> published_formats() {
  std::vector<std::string> names;
  for (const PublishedSet& set : kSets) names.emplace_back(set.format);
  return names;
}

bool is_published_format(const std::string& format) { return find_set(format) != nullptr; }

Dataset open_published(const DatasetSpec& spec) {
  const PublishedSet* set = find_set(spec.format);
  check(set != nullptr, "data", "format '", spec.format, "' is no published data set");
  const auto refuse = [&](bool given, const char* option) {
    check(!given, "data", "format ", spec.format, " has its own ", option, "; take the option away");
  };
  refuse(!spec.list.empty() && !set->takes_list, "list");
  refuse(!spec.masks.empty() && !set->takes_masks, "masks");
  refuse(!spec.classes.empty() && !set->takes_classes, "classes");
  refuse(!spec.images.empty(), "images");
  refuse(!spec.labels.empty(), "labels");
  refuse(spec.ignore != DatasetSpec{}.ignore, "ignored value");
  PublishedTree tree(spec);
  set->open(tree, spec);
  return std::move(tree.data);
}

PublishedTree::PublishedTree(const DatasetSpec& spec) : spec_(spec) {
  data.root = spec.root;
  data.masks = MaskFormat::kPng;
}

std::string PublishedTree::split(const std::vector<std::pair<std::string, std::string>>& names) const {
  if (spec_.split.empty()) return names.front().second;
  std::string known;
  for (const auto& [asked, folder] : names) {
    if (spec_.split == asked || spec_.split == folder) return folder;
    known += (known.empty() ? "" : ", ") + asked;
  }
  fail("data", "format ", spec_.format, " has no split '", spec_.split, "'; it has ", known);
}

std::string PublishedTree::at(const std::string& path) const {
  return (fs::path(spec_.root) / path).lexically_normal().string();
}

bool PublishedTree::has(const std::string& path) const { return fs::exists(at(path)); }

std::string PublishedTree::folder(const std::string& path) const {
  if (fs::is_directory(at(path))) return at(path);
  const std::string meant = root_that_has(spec_.root, path);
  fail("data", "the folder ", at(path), " does not exist, which format ", spec_.format, " needs; ",
       meant.empty() ? "see docs/data.md for the tree" : cat("the root seems to be ", meant));
}

std::vector<std::string> PublishedTree::ids(const std::vector<std::string>& usual) const {
  const std::vector<std::string> wanted = spec_.list.empty() ? usual : std::vector{spec_.list};
  for (const std::string& list : wanted) {
    if (!fs::is_regular_file(at(list))) continue;
    std::vector<std::string> ids;
    for (const TextLine& line : read_lines(at(list))) ids.push_back(split_fields(line.text)[0]);
    return ids;
  }
  std::string names;
  for (const std::string& list : wanted) names += (names.empty() ? "" : " or ") + list;
  const std::string meant = root_that_has(spec_.root, wanted.front());
  fail("data", "there is no ", names, " in ", spec_.root, ", which format ", spec_.format, " needs; ",
       meant.empty() ? "see docs/data.md for the tree" : cat("the root seems to be ", meant));
}

void PublishedTree::add(const std::string& name, const std::string& image, const std::string& mask,
                        std::vector<int> classes) {
  data.items.push_back({0, name, image, mask, std::move(classes)});
}

}  // namespace clearcut
