#include "data/labels/legend.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "data/file_names.h"
#include "tensor/error.h"

namespace clearcut {

namespace fs = std::filesystem;

namespace {

int place_of(const std::vector<std::string>& names, const std::string& name) {
  const auto it = std::find(names.begin(), names.end(), name);
  return it == names.end() ? -1 : static_cast<int>(it - names.begin());
}

std::string with_value(const std::string& name, int value) { return cat(name, " (", value, ")"); }

}  // namespace

int LabelLegend::classes() const {
  const auto n = static_cast<int>(names.size());
  return background >= 0 && background < n ? n - 1 : n;
}

int LabelLegend::id_of(int value) const { return background >= 0 && value > background ? value : value + 1; }

int LabelLegend::value_of(int id) const { return background >= 0 && id > background ? id : id - 1; }

int LabelLegend::value_named(const std::string& name) const {
  if (name == "ignore" || name == "__ignore__") return ignore;
  if (const int value = place_of(names, name); value >= 0) return value;
  if (name == "background" || name == "_background_") return background;
  for (int value = 0; value < static_cast<int>(names.size()); ++value)
    if (name == with_value(names[static_cast<std::size_t>(value)], value)) return value;
  return -1;
}

std::string LabelLegend::name_of(int value) const {
  if (value == ignore) return "ignore";
  const std::string& name = names.at(static_cast<std::size_t>(value));
  return value_named(name) == value ? name : with_value(name, value);
}

int LabelLegend::value_in_folder(const std::string& folder) const { return place_of(folders, folder); }

bool LabelLegend::knows(std::int32_t value) const {
  return value == ignore || (value >= 0 && value < static_cast<std::int32_t>(names.size()));
}

LabelLegend legend_of(const Dataset& data) {
  LabelLegend legend{.names = data.class_names,
                     .folders = data.wnids,
                     .colours = data.colours,
                     .background = data.background,
                     .ignore = data.ignore};
  // A file of classes has WordNet ids for classes alone; the background comes behind them.
  for (std::size_t c = legend.folders.size(); c < legend.names.size(); ++c)
    legend.folders.push_back(legend.names[c]);
  return legend;
}

std::string picture_stem(const std::string& picture) {
  fs::path path(path_below(picture));
  if (is_picture_name(picture)) path.replace_extension();
  return path.generic_string();
}

std::vector<std::int32_t> values_in(const Tensor& labels) {
  const auto* p = labels.data<const std::int32_t>();
  std::set<std::int32_t> values;
  for (std::int64_t i = 0; i < labels.numel(); ++i)
    if (i == 0 || p[i] != p[i - 1]) values.insert(p[i]);
  return {values.begin(), values.end()};
}

MainClass main_class(const Tensor& labels, const LabelLegend& legend) {
  MainClass found;
  std::map<std::int32_t, std::int64_t> sizes;
  const auto* p = labels.data<const std::int32_t>();
  for (std::int64_t i = 0; i < labels.numel(); ++i) {
    if (p[i] == legend.ignore)
      ++found.ignored;
    else if (p[i] != legend.background)
      ++sizes[p[i]];
  }
  found.classes = sizes.size();
  for (const auto& [value, size] : sizes)
    if (found.value < 0 || size > sizes[found.value]) found.value = value;
  return found;
}

}  // namespace clearcut
