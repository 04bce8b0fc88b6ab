#include "train/class_weights.h"

#include <algorithm>
#include <charconv>

#include "tensor/nearest.h"
#include "train/config.h"

namespace clearcut {

namespace {

[[noreturn]] void bad(const std::string& entry, const std::string& what) {
  throw ConfigError(cat("class weights: ", entry, ": ", what));
}

double weight_of(const std::string& entry, const std::string& text) {
  double weight = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), weight);
  if (error != std::errc() || end != text.data() + text.size() || !(weight >= 0 && weight < 1e30))
    bad(entry, cat("the weight must be a number >= 0; got '", text, "'"));
  return weight;
}

std::size_t class_of(const std::string& entry, const std::string& name, const std::vector<std::string>& names,
                     int background) {
  if (name == "background" && background >= 0) return static_cast<std::size_t>(background);
  const auto found = std::ranges::find(names, name);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), index);
  if (error == std::errc() && end == name.data() + name.size()) {
    if (index >= names.size()) bad(entry, cat("class ", index, " is not below ", names.size()));
    return index;
  }
  const std::string near = nearest(name, names);
  bad(entry, cat("no class '", name, "'", near.empty() ? "" : cat("; did you mean '", near, "'?")));
}

}  // namespace

std::vector<double> parse_class_weights(const std::string& text, const std::vector<std::string>& class_names,
                                        int background) {
  std::vector<std::pair<std::string, std::string>> entries;
  std::istringstream parts(text);
  for (std::string entry; std::getline(parts, entry, ',');) {
    std::erase(entry, ' ');
    const std::size_t equals = entry.rfind('=');
    if (equals == std::string::npos) bad(entry, "must read class=weight");
    entries.emplace_back(entry, entry.substr(0, equals));
  }
  const auto value = [](const auto& entry) {
    return weight_of(entry.first, entry.first.substr(entry.second.size() + 1));
  };
  double fallback = 1;
  for (const auto& entry : entries)
    if (entry.second == "default") fallback = value(entry);
  std::vector<double> weights(class_names.size(), fallback);
  for (const auto& entry : entries)
    if (entry.second != "default")
      weights[class_of(entry.first, entry.second, class_names, background)] = value(entry);
  return weights;
}

}  // namespace clearcut
