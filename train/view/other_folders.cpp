// Folders of `explain` and of `predict`.
#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "data/file_names.h"
#include "data/line_index.h"
#include "explain/label_folder.h"
#include "tensor/error.h"
#include "tensor/npy.h"
#include "train/view/parts.h"

namespace clearcut {
namespace {

namespace fs = std::filesystem;

std::string short_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

/// Of `explain`: index.jsonl has a line for each picture and map, NAME.npz the maps of a picture.
class ExplanationsFolder : public ViewFolder {
 public:
  explicit ExplanationsFolder(const ViewOptions& options)
      : options_(options), lines_(options.folder + "/index.jsonl", 0) {
    for (std::int64_t i = 0; i < lines_.size(); ++i) {
      const std::string name = line(i).text("id");
      if (!pictures_.empty() && pictures_.back().name == name) continue;
      if (options.limit > 0 && size() == options.limit) break;
      pictures_.push_back({name, i});
    }
  }
  std::int64_t size() const override { return static_cast<std::int64_t>(pictures_.size()); }
  JsonObject about() const override {
    Facts facts;
    facts.add("pictures", cat(size()));
    JsonObject about;
    about.set("kind", "explanations").set("facts", facts.list());
    ClassFile classes;
    classes.names = {"background", "object"};
    add_classes(classes, about);
    return about.set("background", 0).set("ignore", 255).set("measure", "value").set("threshold", 0.5);
  }
  JsonObject row(std::int64_t item) const override {
    JsonObject row;
    return row.set("name", pictures_.at(static_cast<std::size_t>(item)).name).set("note", "");
  }
  JsonObject item(std::int64_t item) const override;

 private:
  struct Place {
    std::string name;
    std::int64_t first;  // line of index.jsonl
  };
  JsonObject line(std::int64_t i) const {
    return JsonObject::parse(lines_.line(i), cat(lines_.path(), ":", i + 1));
  }

  ViewOptions options_;
  LineIndex lines_;
  std::vector<Place> pictures_;
};

JsonObject ExplanationsFolder::item(std::int64_t number) const {
  const Place& place = pictures_.at(static_cast<std::size_t>(number));
  JsonObject item;
  item.set("name", place.name);
  std::string image = find_picture(options_.images, place.name);
  std::vector<JsonObject> rows;
  for (std::int64_t i = place.first; i < lines_.size(); ++i) {
    const JsonObject one = line(i);
    if (one.text("id") != place.name) break;
    if (options_.images.empty() && one.has("image")) image = one.text("image");
    rows.emplace_back();
    rows.back().set("cells", std::vector<std::string>{
                                 one.text("classifier"), one.text("explainer"), one.text("target"),
                                 short_number(one.number("probability")), short_number(one.number("min")),
                                 short_number(one.number("max")), one.flag("empty") ? "says nothing" : ""});
  }
  std::vector<JsonObject> layers;
  const std::string stem = fs::path(path_below(place.name)).replace_extension().generic_string();
  if (const auto file = file_inside(options_.folder, stem + ".npz"))
    for (const auto& [name, map] : read_npz(*file)) {
      JsonObject layer = map_layer(name, map);
      layers.push_back(layer.set("label", 1));
    }
  add_picture(image, {}, item);
  JsonObject table;
  table.set("title", "Maps").set("rows", rows);
  table.set("head", std::vector<std::string>{"classifier", "explainer", "target", "p", "min", "max", ""});
  item.set("tables", std::vector<JsonObject>{table}).set("facts", std::vector<JsonObject>{});
  return item.set("layers", layers);
}

/// Of `predict`: NAME.png and NAME.overlay.png.
class PredictionsFolder : public ViewFolder {
 public:
  explicit PredictionsFolder(const ViewOptions& options)
      : options_(options), classes_(read_class_file(options.folder + "/classes.txt")) {
    for (const fs::path& file : sorted_entries(options.folder, /*folders=*/false)) {
      const std::string name = file.filename().string();
      if (!name.ends_with(".png") || name.ends_with(".overlay.png") || name == "legend.png") continue;
      if (options.limit > 0 && size() == options.limit) break;
      names_.push_back(name.substr(0, name.size() - 4));
    }
  }
  std::int64_t size() const override { return static_cast<std::int64_t>(names_.size()); }
  JsonObject about() const override {
    JsonObject about;
    Facts facts;
    facts.add("pictures", cat(size()));
    about.set("kind", "predictions").set("facts", facts.list());
    add_classes(classes_, about);
    const auto& names = classes_.names;
    const auto named = std::find(names.begin(), names.end(), "background");
    return about.set("ignore", 255)
        .set("background", named == names.end() ? -1 : static_cast<int>(named - names.begin()));
  }
  JsonObject row(std::int64_t item) const override {
    JsonObject row;
    return row.set("name", names_.at(static_cast<std::size_t>(item))).set("note", "");
  }
  JsonObject item(std::int64_t number) const override {
    const std::string& name = names_.at(static_cast<std::size_t>(number));
    JsonObject item;
    item.set("name", name).set("facts", std::vector<JsonObject>{});
    const Tensor labels = mask_beside(options_.folder, name + ".png");
    check(labels.defined(), "view", name, ".png is no longer in ", options_.folder);
    std::vector<JsonObject> layers = {labels_layer("prediction", labels)};
    const Tensor truth = mask_beside(options_.masks, name + ".png");
    if (truth.defined()) layers.push_back(labels_layer("true mask", truth));
    add_picture(find_picture(options_.images, name), labels, item);
    return item.set("layers", layers);
  }

 private:
  ViewOptions options_;
  ClassFile classes_;
  std::vector<std::string> names_;
};

/// Any other: there may be reports.
class EmptyFolder : public ViewFolder {
 public:
  std::int64_t size() const override { return 0; }
  JsonObject about() const override {
    JsonObject about;
    about.set("kind", "reports").set("facts", std::vector<JsonObject>{});
    add_classes({}, about);
    return about.set("background", -1).set("ignore", 255);
  }
  JsonObject row(std::int64_t) const override { fail("view", "the folder has no pictures"); }
  JsonObject item(std::int64_t) const override { fail("view", "the folder has no pictures"); }
};

}  // namespace

std::unique_ptr<ViewFolder> open_explanations_view(const ViewOptions& options) {
  return std::make_unique<ExplanationsFolder>(options);
}
std::unique_ptr<ViewFolder> open_predictions_view(const ViewOptions& options) {
  return std::make_unique<PredictionsFolder>(options);
}

std::unique_ptr<ViewFolder> open_view(const ViewOptions& options) {
  check(fs::is_directory(options.folder), "view", "there is no folder ", options.folder);
  const auto has = [&](const char* name) { return fs::is_regular_file(fs::path(options.folder) / name); };
  if (has("manifest.jsonl")) return open_labels_view(options);
  check(!has("shard-00000.tar"), "view", options.folder,
        " holds tar shards of `label export`, and pictures are shown from folders of files; view the folder "
        "that "
        "the shards were made from, or the one that `clearcut label import ",
        options.folder, " --from FORMAT --into NEW` makes of them");
  if (has("index.jsonl")) return open_explanations_view(options);
  if (has("classes.txt") && has("legend.png")) return open_predictions_view(options);
  return std::make_unique<EmptyFolder>();
}

}  // namespace clearcut
