#include "train/view/parts.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "data/picture.h"
#include "tensor/error.h"
#include "tensor/file.h"
#include "train/report.h"
#include "train/summary.h"

namespace clearcut {

void Facts::add(const std::string& name, const std::string& value) {
  list_.emplace_back();
  list_.back().set("name", name).set("value", value);
}
void Facts::add_share(const std::string& name, double share) {
  add(name, std::isfinite(share) ? percent(share) + " %" : "-");
}

JsonObject labels_layer(const std::string& name, const Tensor& labels) {
  std::vector<std::int64_t> runs;
  for (const std::int32_t value : labels.values<std::int32_t>()) {
    if (runs.empty() || runs[runs.size() - 2] != value) runs.insert(runs.end(), {value, 0});
    ++runs.back();
  }
  JsonObject layer;
  layer.set("kind", "labels").set("name", name).set("width", labels.dim(1)).set("height", labels.dim(0));
  return layer.set("runs", runs);
}

JsonObject map_layer(const std::string& name, const Tensor& map) {
  const std::vector<float> values = map.values<float>();
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return values.empty() ? map_layer(name, map, 0, 0) : map_layer(name, map, *low, *high);
}

JsonObject map_layer(const std::string& name, const Tensor& map, float low, float high) {
  const std::vector<float> values = map.values<float>();
  std::vector<std::uint8_t> bytes(values.size(), 0);
  if (high > low)
    for (std::size_t i = 0; i < values.size(); ++i)
      bytes[i] = static_cast<std::uint8_t>(std::lround(255 * ((values[i] - low) / (high - low))));
  JsonObject layer;
  layer.set("kind", "map").set("name", name).set("width", map.dim(1)).set("height", map.dim(0));
  return layer.set("values", base64(bytes));
}

void add_picture(const std::string& path, const Tensor& labels, JsonObject& item) try {
  const Bytes bytes = read_file(path, std::size_t{256} << 20);
  const PictureInfo info = picture_info(bytes, path);
  const bool sideways = info.orientation >= 5;  // EXIF's 5 to 8 swap the sides
  const bool upright = labels.defined() && sideways && info.height != info.width &&
                       labels.dim(0) == info.width && labels.dim(1) == info.height;
  item.set("width", upright ? info.height : info.width).set("height", upright ? info.width : info.height);
  item.set("upright", upright);
  item.set("picture", cat("data:image/", info.format, ";base64,", base64(bytes)));
} catch (const Error& error) {
  item.set("problem", error.what());
}

void add_classes(const ClassFile& classes, JsonObject& about) {
  const std::vector<std::string>& names = classes.names;
  const std::vector<Rgb> others = voc_palette(256);
  std::vector<Rgb> colours = classes.colours;
  for (std::size_t c = colours.size(); c < names.size(); ++c) colours.push_back(others[c % others.size()]);
  std::vector<std::string> texts;
  for (std::size_t c = 0; c < names.size(); ++c) {
    char text[8];
    std::snprintf(text, sizeof text, "#%02x%02x%02x", colours[c].r, colours[c].g, colours[c].b);
    texts.emplace_back(text);
  }
  about.set("classes", names).set("colours", texts);
}

}  // namespace clearcut
