#include "train/data_config.h"

#include <filesystem>

#include "train/config.h"

namespace clearcut {

namespace {

SampleSize read_size(const Config& config, const std::string& key) {
  const auto sides = config.numbers(key, {.low = 1, .high = 20'000});
  if (sides.size() != 2) config.fail(key, "must be [height, width]");
  return {static_cast<std::int64_t>(sides[0]), static_cast<std::int64_t>(sides[1])};
}

void add_resize(const Config& config, std::vector<Transform>& steps) {
  if (config.has("resize_short") + config.has("resize_long") + config.has("resize") > 1)
    config.fail("resize_short", "only one of resize_short, resize_long and resize may be given");
  const Bounds sides = {.low = 1, .high = 20'000};
  if (config.has("resize_short"))
    steps.push_back(
        [side = config.integer("resize_short", sides)](auto& x, const auto&) { resize_by_short(x, side); });
  if (config.has("resize_long"))
    steps.push_back(
        [side = config.integer("resize_long", sides)](auto& x, const auto&) { resize_by_long(x, side); });
  if (config.has("resize"))
    steps.push_back([size = read_size(config, "resize")](auto& x, const auto&) {
      resize_to(x, size.height, size.width);
    });
}

void add_resized_crop(const Config& config, std::vector<Transform>& steps) {
  if (config.has("scale") || config.has("crop"))
    config.fail("resized_crop", "takes the place of scale and crop; give one or the other");
  const Config keys = config.section("resized_crop");
  const SampleSize size = read_size(keys, "size");
  const RandomResizedCrop options = {.height = size.height,
                                     .width = size.width,
                                     .min_area = keys.number_or("min_area", 0.08, {.low = 1e-4, .high = 1}),
                                     .max_area = keys.number_or("max_area", 1, {.low = 1e-4, .high = 1})};
  steps.push_back([options](auto& x, const auto& key) { random_resized_crop(x, options, key); });
}

void add_scale_and_crop(const Config& config, int label_pad, int background, std::vector<Transform>& steps) {
  if (config.has("scale")) {
    const Config keys = config.section("scale");
    const StepScaling options = {.min = keys.number_or("min", 0.5, {.low = 0.01, .high = 100}),
                                 .max = keys.number_or("max", 2.0, {.low = 0.01, .high = 100}),
                                 .step = keys.number_or("step", 0.25, {.low = 0, .high = 100})};
    if (options.max < options.min) keys.fail("max", "must be at least min");
    steps.push_back([options](auto& x, const auto& key) { resize_step_scaling(x, options, key); });
  }
  if (config.has("crop")) {
    const SampleSize size = read_size(config, "crop");
    const PaddingCrop options = {.height = size.height,
                                 .width = size.width,
                                 .label_value = label_pad,
                                 .foreground = config.number_or("foreground", 0, {.low = 0, .high = 1}),
                                 .background = background};
    steps.push_back([options](auto& x, const auto& key) { random_padding_crop(x, options, key); });
  }
}

void add_distort(const Config& config, std::vector<Transform>& steps) {
  const Config keys = config.section("distort");
  const Bounds factor = {.low = 0, .high = 1};
  Distort options;
  options.brightness = keys.number_or("brightness", options.brightness, factor);
  options.contrast = keys.number_or("contrast", options.contrast, factor);
  options.saturation = keys.number_or("saturation", options.saturation, factor);
  options.hue = keys.number_or("hue", options.hue, {.low = 0, .high = 128});
  steps.push_back([options](auto& x, const auto& key) { random_distort(x, options, key); });
}

/// `auto`: a CSV of image labels, or a folder that holds labels.csv, or else one folder per class.
DatasetConfig what_is_there(DatasetConfig config) {
  const std::filesystem::path root = config.spec.root;
  if (std::filesystem::is_regular_file(root)) {
    config.spec.format = "csv";
    config.spec.list = root.filename().string();
    config.spec.root = root.parent_path().empty() ? "." : root.parent_path().string();
  } else {
    config.spec.format = std::filesystem::exists(root / "labels.csv") ? "csv" : "folders";
  }
  return config;
}

}  // namespace

DatasetConfig read_dataset_config(const Config& config) {
  DatasetConfig data;
  std::vector<std::string> formats = dataset_formats();
  formats.emplace_back("auto");
  data.spec.format = config.choice("format", formats);
  data.spec.root = config.text("root");
  data.spec.list = config.text_or("list", "");
  data.spec.split = config.text_or("split", "");
  data.spec.classes = config.text_or("classes", "");
  data.spec.labels = config.text_or("labels", "");
  data.spec.images = config.text_or("images", "");
  data.spec.masks = config.text_or("masks", "");
  data.spec.ignore = static_cast<int>(config.integer_or("ignore", 255, {.low = 0, .high = 65535}));
  data.spec.limit = config.integer_or("limit", 0, {.low = 0});
  data.spec.pssl_minus_one_ignored = config.flag_or("pssl_minus_one_ignored", false);
  data.spec.pixel_weights = config.flag_or("pixel_weights", false);
  data.select = config.text_or("select", "");
  return data;
}

Dataset open_dataset(const DatasetConfig& config) {
  if (config.spec.format == "auto") return open_dataset(what_is_there(config));
  Dataset data = open_dataset(config.spec);
  if (!config.select.empty()) data = select_items(data, config.select);
  for (const Item& item : data.items)
    check(!config.spec.pixel_weights || !item.weights.empty(), "data", data.root,
          ": pixel_weights is on, but ", item.name,
          " has none; `label fuse --pixel-weights agreement` writes them, and `data convert` and "
          "`data pack` keep them");
  return data;
}

std::vector<Transform> read_augmentation(const Config& config, int label_pad, int background) {
  std::vector<Transform> steps;
  add_resize(config, steps);
  if (config.has("resized_crop"))
    add_resized_crop(config, steps);
  else
    add_scale_and_crop(config, label_pad, background, steps);
  if (const double chance = config.number_or("flip", 0, {.low = 0, .high = 1}); chance > 0)
    steps.push_back([chance](auto& x, const auto& key) { random_horizontal_flip(x, chance, key); });
  if (config.has("distort")) add_distort(config, steps);
  return steps;
}

SampleSize read_sample_size(const Config& config) {
  if (config.has("resized_crop")) return read_size(config.section("resized_crop"), "size");
  if (config.has("crop")) return read_size(config, "crop");
  if (config.has("resize") && !config.has("scale")) return read_size(config, "resize");
  return {};
}

Normalize read_normalize(const Config& config) {
  const auto mean = config.numbers_or("mean", {0.5, 0.5, 0.5});
  const auto deviation = config.numbers_or("deviation", {0.5, 0.5, 0.5}, {.low = 1e-6});
  if (mean.size() != 3) config.fail("mean", "must be three numbers");
  if (deviation.size() != 3) config.fail("deviation", "must be three numbers");
  Normalize normalize;
  std::copy(mean.begin(), mean.end(), normalize.mean.begin());
  std::copy(deviation.begin(), deviation.end(), normalize.deviation.begin());
  return normalize;
}

}  // namespace clearcut
