// Pictures from cars: Cityscapes and CamVid.
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

constexpr std::int32_t kIgnored = 255;

void set_classes(Dataset& data, ClassTable table) {
  data.class_names = std::move(table.names);
  data.colours = std::move(table.colours);
}

// Label ids that are scored, in the order of the classes. Cityscapes' labels.py: ids 0 to 33.
constexpr int kScoredIds[] = {7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33};
constexpr int kLabelIds = 34;

std::vector<std::int32_t> cityscapes_ids() {
  std::vector<std::int32_t> classes(kLabelIds, kIgnored);
  for (std::size_t c = 0; c < std::size(kScoredIds); ++c)
    classes[static_cast<std::size_t>(kScoredIds[c])] = static_cast<std::int32_t>(c);
  return classes;
}

// What SegNet's 11 classes are made of; see camvid_classes() for the order.
const std::map<std::string, std::vector<std::string>>& merged() {
  static const std::map<std::string, std::vector<std::string>> parts = {
      {"Sky", {"Sky"}},
      {"Building", {"Building", "Wall", "Bridge", "Tunnel", "Archway"}},
      {"Pole", {"Column_Pole", "TrafficCone"}},
      {"Road", {"Road", "LaneMkgsDriv", "LaneMkgsNonDriv"}},
      {"Pavement", {"Sidewalk", "ParkingBlock", "RoadShoulder"}},
      {"Tree", {"Tree", "VegetationMisc"}},
      {"SignSymbol", {"SignSymbol", "Misc_Text", "TrafficLight"}},
      {"Fence", {"Fence"}},
      {"Car", {"Car", "SUVPickupTruck", "Truck_Bus", "Train", "OtherMoving"}},
      {"Pedestrian", {"Pedestrian", "Child", "CartLuggagePram", "Animal"}},
      {"Bicyclist", {"Bicyclist", "MotorcycleScooter"}}};
  return parts;
}

// The class of each of the 31 colours, and of Void.
std::vector<std::int32_t> eleven_of_32(const std::vector<std::string>& eleven,
                                       const std::vector<std::string>& all) {
  std::vector<std::int32_t> classes;
  for (const std::string& name : all)
    for (std::size_t c = 0; c < eleven.size(); ++c) {
      const auto& parts = merged().at(eleven[c]);
      if (std::find(parts.begin(), parts.end(), name) != parts.end())
        classes.push_back(static_cast<std::int32_t>(c));
    }
  classes.push_back(kIgnored);
  return classes;
}

constexpr const char *kStills = "701_StillsRaw_full", *kColours = "LabeledApproved_full";

// NAME.png with NAME_L.png; all of them, or those that a list names (with or without ending).
void add_stills(PublishedTree& tree, const DatasetSpec& spec) {
  const std::string stills = tree.folder(kStills), colours = tree.folder(kColours);
  const auto add = [&](const std::string& stem) {
    tree.add(stem + ".png", stills + "/" + stem + ".png", colours + "/" + stem + "_L.png");
  };
  if (!spec.list.empty()) {
    for (const std::string& id : tree.ids({})) add(fs::path(id).stem().string());
    return;
  }
  check(spec.split.empty(), "data", "the published tree of CamVid has no splits; name a list of pictures");
  for (const fs::path& file : sorted_entries(stills, /*folders=*/false))
    if (is_picture_name(file.string())) add(file.stem().string());
}

}  // namespace

void open_cityscapes(PublishedTree& tree, const DatasetSpec& spec) {
  set_classes(tree.data, cityscapes_classes());
  const std::string split = tree.split({{"train", "train"}, {"val", "val"}, {"test", "test"}});
  const std::string images = tree.folder("leftImg8bit/" + split);
  const std::string kind = spec.masks.empty() ? "gtFine" : spec.masks;  // or gtCoarse
  constexpr std::string_view kPicture = "_leftImg8bit.png";
  const bool has_masks = tree.has(kind + "/" + split);  // the test split's are not given away
  if (!has_masks) tree.data.masks = MaskFormat::kNone;
  bool ids = false, classes = false;
  for (const fs::path& file : files_below(images)) {
    const std::string name = file.lexically_relative(images).generic_string();
    if (!name.ends_with(kPicture) || file.filename().string()[0] == '.') continue;
    const std::string stem = kind + "/" + split + "/" + name.substr(0, name.size() - kPicture.size());
    const bool only_classes =
        !tree.has(stem + "_" + kind + "_labelIds.png") && tree.has(stem + "_" + kind + "_labelTrainIds.png");
    (only_classes ? classes : ids) = true;
    const char* ending = only_classes ? "_labelTrainIds.png" : "_labelIds.png";
    tree.add(name, file.string(), has_masks ? tree.at(cat(stem, "_", kind, ending)) : "");
  }
  check(!ids || !classes, "data", spec.root,
        ": some pictures have labelIds, others labelTrainIds only; make all of them one kind");
  if (ids) tree.data.mask_classes = cityscapes_ids();
}

// SegNet's copy: SPLIT/NAME.png, SPLITannot/NAME.png with 0 to 10 and 11 = unlabelled.
void open_camvid(PublishedTree& tree, const DatasetSpec& spec) {
  const ClassTable all = camvid32_classes();
  set_classes(tree.data, camvid_classes());
  if (tree.has(kColours)) {
    tree.data.masks = MaskFormat::kColours;
    tree.data.mask_colours = all.colours;
    tree.data.mask_colours.push_back({0, 0, 0});
    tree.data.mask_classes = eleven_of_32(tree.data.class_names, all.names);
    add_stills(tree, spec);
    return;
  }
  check(spec.list.empty(), "data",
        "format camvid reads the folders SPLIT and SPLITannot and takes no list; format list does");
  const std::string split = tree.split({{"train", "train"}, {"val", "val"}, {"test", "test"}});
  const std::string images = tree.folder(split), masks = tree.folder(split + "annot");
  for (const fs::path& file : sorted_entries(images, /*folders=*/false)) {
    const std::string name = file.filename().string();
    if (is_picture_name(name))
      tree.add(split + "/" + name, file.string(), masks + "/" + file.stem().string() + ".png");
  }
  for (std::int32_t c = 0; c < 11; ++c) tree.data.mask_classes.push_back(c);
  tree.data.mask_classes.push_back(kIgnored);
}

void open_camvid32(PublishedTree& tree, const DatasetSpec& spec) {
  set_classes(tree.data, camvid32_classes());
  tree.data.masks = MaskFormat::kColours;
  tree.data.mask_colours = tree.data.colours;
  tree.data.mask_colours.push_back({0, 0, 0});  // Void
  for (std::int32_t c = 0; c < 31; ++c) tree.data.mask_classes.push_back(c);
  tree.data.mask_classes.push_back(kIgnored);
  add_stills(tree, spec);
}

}  // namespace clearcut
