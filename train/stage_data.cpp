#include <filesystem>

#include "data/drawn.h"
#include "data/hold_out.h"
#include "tensor/file.h"
#include "train/data_config.h"
#include "train/stages.h"

namespace clearcut {

namespace {

namespace fs = std::filesystem;

/// "animal,wild" in a CSV cell.
std::string cell(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string class_lines(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t c = 0; c < names.size(); ++c) text += cat(c, "\t", names[c], "\n");
  return text;
}

/// Image labels name objects: a background class of the class file goes, and the classes behind it move up.
Dataset without_background(Dataset data) {
  if (data.background < 0) return data;
  data.class_names.erase(data.class_names.begin() + data.background);
  for (Item& item : data.items) {
    std::erase(item.classes, data.background);
    for (int& c : item.classes) c -= c > data.background ? 1 : 0;
  }
  data.background = -1;
  return data;
}

void write_split(const Dataset& data, double val, StageContext& context) {
  const std::string links = context.folder + "/held_out";
  const fs::path root = fs::absolute(data.root).lexically_normal();
  fs::remove_all(links);
  fs::create_directories(links);
  fs::remove(context.folder + "/images");
  fs::create_directory_symlink(root, context.folder + "/images");
  std::string table = "image,classes,split\n";
  std::int64_t out = 0;
  const std::vector<Part> parts = hold_out(data, {.seed = context.seed, .val = val});
  for (std::size_t i = 0; i < data.items.size(); ++i) {
    const Item& item = data.items[i];
    std::string classes;
    for (const int c : item.classes) classes += cat(classes.empty() ? "" : "+", c);
    const bool is_val = parts[i] == Part::kVal;
    const fs::path image = fs::absolute(item.image).lexically_normal();
    // A CSV may name pictures outside its folder: by absolute path, for ".." does not lead out of a link.
    const fs::path relative = image.lexically_relative(root);
    const fs::path named = *relative.begin() == ".." ? image : relative;
    table += cat(cell(named.generic_string()), ",", classes, ",", is_val ? "val" : "train", "\n");
    if (is_val) fs::create_symlink(image, links + cat("/", ++out, "_", image.filename().string()));
  }
  write_file(context.folder + "/objects.txt", class_lines(data.class_names));
  std::vector<std::string> with_background = {"background"};
  with_background.insert(with_background.end(), data.class_names.begin(), data.class_names.end());
  write_file(context.folder + "/classes.txt", class_lines(with_background));
  write_file(context.folder + "/labels.csv", table);
}

}  // namespace

StagePlan read_draw_stage(const Config& config) {
  DrawnSplits splits;
  DrawnOptions options;
  options.size = config.integer_or("size", options.size, {.low = 32, .high = 1024});
  options.seed = static_cast<std::uint64_t>(config.integer_or("seed", 1, {.low = 0}));
  splits.train = config.integer_or("train", splits.train, {.low = 6});
  splits.val = config.integer_or("val", splits.val, {.low = 6});
  return {[=](StageContext& context) { write_drawn(context.folder, splits, options); }};
}

StagePlan read_split_stage(const Config& config) {
  const DatasetConfig data = read_dataset_config(config.section("data"));
  const double val = config.number_or("val", 0.1, {.low = 0.001, .high = 0.9});
  return {[=](StageContext& context) { write_split(without_background(open_dataset(data)), val, context); }};
}

}  // namespace clearcut
