// Scenes in which every pixel has a class: ADE20K, COCO-Stuff, PASCAL-Context.
#include <algorithm>
#include <filesystem>
#include <iterator>

#include "data/file_names.h"
#include "data/sets/class_tables.h"
#include "data/sets/published.h"
#include "tensor/error.h"

namespace clearcut {

namespace fs = std::filesystem;

namespace {

constexpr std::int32_t kIgnored = 255;

// IMAGES/NAME.jpg with MASKS/NAME + ending.
void add_pairs(PublishedTree& tree, const std::string& images, const std::string& masks,
               const std::string& ending) {
  for (const fs::path& file : sorted_entries(images, /*folders=*/false))
    if (is_picture_name(file.string()))
      tree.add(file.filename().string(), file.string(), masks + "/" + file.stem().string() + ending);
}

// Ids of COCO less one that no class has: object categories that were never annotated.
constexpr int kCocoGaps[] = {11, 25, 28, 29, 44, 65, 67, 68, 70, 82, 90};
constexpr int kCocoIds = 182;

std::vector<std::int32_t> coco_ids() {
  std::vector<std::int32_t> classes(256, -1);
  std::int32_t next = 0;
  for (int id = 0; id < kCocoIds; ++id)
    if (std::find(std::begin(kCocoGaps), std::end(kCocoGaps), id) == std::end(kCocoGaps))
      classes[static_cast<std::size_t>(id)] = next++;
  classes[kIgnored] = kIgnored;
  return classes;
}

// The 59 classes among the 459 labels, ascending, which is their alphabetical order.
constexpr int kContextLabels[] = {2,   9,   18,  19,  22,  23,  25,  31,  33,  34,  44,  45,  46,  59,  65,
                                  68,  72,  80,  85,  98,  104, 105, 113, 115, 144, 158, 159, 162, 187, 189,
                                  207, 220, 232, 258, 259, 260, 284, 295, 296, 308, 324, 326, 347, 349, 354,
                                  355, 360, 366, 368, 397, 415, 416, 420, 424, 427, 440, 445, 454, 458};
constexpr int kContextAll = 460;  // 0: not labelled

// The class of each place in alphabetical order, background in front.
std::vector<std::int32_t> alphabetical() {
  const std::vector<std::string> names = context_classes().names;
  std::vector<std::string> sorted(names.begin() + 1, names.end());
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::int32_t> classes = {0};
  for (const std::string& name : sorted)
    classes.push_back(static_cast<std::int32_t>(std::find(names.begin(), names.end(), name) - names.begin()));
  return classes;
}

// Labels that are none of the 59 are background.
std::vector<std::int32_t> of_459() {
  const std::vector<std::int32_t> order = alphabetical();
  std::vector<std::int32_t> classes(kContextAll, 0);
  for (std::size_t i = 0; i < std::size(kContextLabels); ++i)
    classes[static_cast<std::size_t>(kContextLabels[i])] = order[i + 1];
  return classes;
}

// PaddleSeg's copy: alphabetical from 0, background 255.
std::vector<std::int32_t> background_last() {
  std::vector<std::int32_t> order = alphabetical();
  order.erase(order.begin());
  order.resize(256, -1);
  order[kIgnored] = 0;
  return order;
}

struct ContextMasks {
  const char *folder, *ending;
  std::vector<std::int32_t> (*classes)();  // none: the authors' order
};
constexpr ContextMasks kContextMasks[] = {{"59_context_labels", ".png", nullptr},
                                          {"trainval", ".mat", of_459},
                                          {"SegmentationClassContext", ".png", alphabetical},
                                          {"Context", ".png", background_last}};

}  // namespace

void open_ade20k(PublishedTree& tree, const DatasetSpec&) {
  ClassTable table = ade20k_classes();
  const std::string split = tree.split({{"train", "training"}, {"val", "validation"}});
  add_pairs(tree, tree.folder("images/" + split), tree.folder("annotations/" + split), ".png");
  tree.data.mask_classes.push_back(kIgnored);
  for (std::size_t c = 0; c < table.names.size(); ++c)
    tree.data.mask_classes.push_back(static_cast<std::int32_t>(c));
  tree.data.class_names = std::move(table.names);
  tree.data.colours = std::move(table.colours);
}

// COCO-Stuff 10k: images/NAME.jpg, annotations/NAME.mat with ids from 1 in S, imageLists/SPLIT.txt.
static void open_coco_stuff_10k(PublishedTree& tree) {
  const std::string split = tree.split({{"train", "train"}, {"val", "test"}, {"all", "all"}});
  const std::string images = tree.folder("images"), masks = tree.folder("annotations");
  for (const std::string& id : tree.ids({"imageLists/" + split + ".txt"}))
    tree.add(id, find_picture(images, id), masks + "/" + id + ".mat");
  tree.data.masks = MaskFormat::kMat;
  tree.data.mask_variable = "S";
  const std::vector<std::int32_t> classes = coco_ids();
  tree.data.mask_classes = {kIgnored};
  tree.data.mask_classes.insert(tree.data.mask_classes.end(), classes.begin(), classes.begin() + kCocoIds);
}

void open_coco_stuff(PublishedTree& tree, const DatasetSpec&) {
  tree.data.class_names = coco_stuff_classes().names;
  if (tree.has("imageLists")) return open_coco_stuff_10k(tree);
  const std::string split = tree.split({{"train", "train2017"}, {"val", "val2017"}});
  add_pairs(tree, tree.folder("images/" + split), tree.folder("annotations/" + split), ".png");
  tree.data.mask_classes = coco_ids();
}

void open_pascal_context(PublishedTree& tree, const DatasetSpec& spec) {
  tree.data.class_names = context_classes().names;
  const std::string split = tree.split({{"train", "train"}, {"val", "val"}});
  const std::string images = tree.folder("JPEGImages");
  const auto* masks =
      std::find_if(std::begin(kContextMasks), std::end(kContextMasks), [&](const ContextMasks& kind) {
        return spec.masks.empty() ? tree.has(kind.folder) : spec.masks == kind.folder;
      });
  check(masks != std::end(kContextMasks), "data", "format pascal-context needs one of the folders ",
        "59_context_labels, trainval (.mat), SegmentationClassContext and Context in ", spec.root);
  tree.data.masks = std::string(masks->ending) == ".mat" ? MaskFormat::kMat : MaskFormat::kPng;
  tree.data.mask_variable = "LabelMap";
  if (masks->classes != nullptr) tree.data.mask_classes = masks->classes();
  const std::string folder = tree.folder(masks->folder);
  for (const std::string& id :
       tree.ids({"ImageSets/SegmentationContext/" + split + ".txt",
                 "ImageSets/Segmentation/" + split + "_context.txt", "ImageSets/Main/" + split + ".txt"}))
    tree.add(id, find_picture(images, id), folder + "/" + id + masks->ending);
}

}  // namespace clearcut
