#include "train/config.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>

#include "tensor/nearest.h"
#include "train/config_node.h"

namespace clearcut {

namespace {

using Kind = ConfigNode::Kind;

bool parse_number(const std::string& text, double& value) {
  const char* begin = text.data() + (text.starts_with('+') ? 1 : 0);
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

const std::string& scalar_of(const ConfigNode& node, const std::string& path) {
  if (node.kind != Kind::kScalar)
    config_error(node.place, path, "must be one value, not a list or a mapping");
  return node.scalar;
}

double number_of(const ConfigNode& node, const std::string& path, Bounds bounds) {
  double value = 0;
  const std::string& text = scalar_of(node, path);
  if (!parse_number(text, value)) config_error(node.place, path, cat("must be a number; got '", text, "'"));
  if (!(value >= bounds.low && value <= bounds.high))
    config_error(node.place, path, cat("must lie in [", bounds.low, ", ", bounds.high, "]; got ", text));
  return value;
}

std::int64_t integer_of(const ConfigNode& node, const std::string& path, Bounds bounds) {
  const double value = number_of(node, path, bounds);
  if (std::floor(value) != value || std::abs(value) > 9e15)
    config_error(node.place, path, cat("must be a whole number; got '", node.scalar, "'"));
  return static_cast<std::int64_t>(value);
}

template <class Read>
auto list_of(const ConfigNode& node, const Read& read) {
  std::vector<decltype(read(node))> values;
  if (node.kind == Kind::kList)
    for (const auto& entry : node.list) values.push_back(read(*entry));
  else
    values.push_back(read(node));
  return values;
}

/// The fewest digits that read back as the same number.
std::string number_text(double value) {
  char buffer[32];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr};
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::string hint(const std::string& word, const std::vector<std::string>& known) {
  const std::string near = nearest(word, known);
  if (!near.empty()) return cat("; did you mean '", near, "'?");
  return known.empty() ? "; no keys are expected here" : cat("; known here: ", join(known));
}

void collect_unread(const ConfigNode& node, const std::string& path, std::vector<std::string>& found) {
  for (const auto& [key, child] : node.map) {
    const std::string inner = path.empty() ? key : path + "." + key;
    if (child->read)
      collect_unread(*child, inner, found);
    else
      found.push_back(cat(child->place, ": unknown key '", inner, "'", hint(key, node.asked)));
  }
  for (std::size_t i = 0; i < node.list.size(); ++i) collect_unread(*node.list[i], cat(path, ".", i), found);
}

}  // namespace

Config Config::load(const std::string& path, const std::vector<std::string>& overrides) {
  Config config(load_config_file(path), "");
  for (const std::string& assignment : overrides) apply_override(*config.node_, assignment);
  finish_config(config.node_);
  return config;
}

Config Config::parse(const std::string& text, const std::string& name,
                     const std::vector<std::string>& overrides) {
  Config config(parse_config_text(text, name), "");
  for (const std::string& assignment : overrides) apply_override(*config.node_, assignment);
  finish_config(config.node_);
  return config;
}

Config Config::without_references(const std::string& path) { return {load_config_file(path), ""}; }

std::shared_ptr<ConfigNode> Config::find(std::string_view key) const {
  if (std::ranges::find(node_->asked, key) == node_->asked.end()) node_->asked.emplace_back(key);
  auto node = node_->child(key);
  if (node != nullptr) node->read = true;
  return node;
}

bool Config::has(std::string_view key) const {
  if (std::ranges::find(node_->asked, key) == node_->asked.end()) node_->asked.emplace_back(key);
  return node_->child(key) != nullptr;
}

std::vector<std::string> Config::keys() const {
  std::vector<std::string> names;
  for (const auto& entry : node_->map) names.push_back(entry.first);
  return names;
}

std::string Config::key_path(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

ConfigNode& Config::need(std::string_view key) const {
  const auto node = find(key);
  if (node != nullptr) return *node;
  std::vector<std::string> unread;  // a misspelt key is the likely reason
  for (const auto& [name, child] : node_->map)
    if (!child->read) unread.push_back(name);
  const std::string near = nearest(key, unread);
  config_error(node_->place, key_path(key),
               "must be given" + (near.empty() ? "" : cat("; is '", near, "' meant to be it?")));
}

void Config::remember(std::string_view key, const std::vector<std::string>& values, bool is_list) const {
  auto node = std::make_shared<ConfigNode>();
  node->kind = is_list ? Kind::kList : Kind::kScalar;
  node->place = "default";
  node->read = true;
  if (!is_list) node->scalar = values.at(0);
  for (const std::string& value : values) {
    if (!is_list) break;
    node->list.push_back(std::make_shared<ConfigNode>());
    node->list.back()->kind = Kind::kScalar;
    node->list.back()->scalar = value;
  }
  node_->map.emplace_back(key, std::move(node));
}

std::string Config::text(std::string_view key) const { return scalar_of(need(key), key_path(key)); }

std::string Config::text_or(std::string_view key, std::string_view fallback) const {
  if (find(key) == nullptr) remember(key, {std::string(fallback)}, false);
  return text(key);
}

std::string Config::choice(std::string_view key, const std::vector<std::string>& choices) const {
  const std::string word = text(key);
  if (std::ranges::find(choices, word) != choices.end()) return word;
  const std::string near = nearest(word, choices);
  fail(key, cat("must be one of ", join(choices), "; got '", word, "'",
                near.empty() ? "" : cat("; did you mean '", near, "'?")));
}

std::string Config::choice_or(std::string_view key, const std::vector<std::string>& choices,
                              std::string_view fallback) const {
  if (find(key) == nullptr) remember(key, {std::string(fallback)}, false);
  return choice(key, choices);
}

std::int64_t Config::integer(std::string_view key, Bounds bounds) const {
  return integer_of(need(key), key_path(key), bounds);
}

std::int64_t Config::integer_or(std::string_view key, std::int64_t fallback, Bounds bounds) const {
  if (find(key) == nullptr) remember(key, {std::to_string(fallback)}, false);
  return integer(key, bounds);
}

double Config::number(std::string_view key, Bounds bounds) const {
  return number_of(need(key), key_path(key), bounds);
}

double Config::number_or(std::string_view key, double fallback, Bounds bounds) const {
  if (find(key) == nullptr) remember(key, {number_text(fallback)}, false);
  return number(key, bounds);
}

bool Config::flag_or(std::string_view key, bool fallback) const {
  if (find(key) == nullptr) remember(key, {fallback ? "true" : "false"}, false);
  const std::string word = text(key);
  if (word != "true" && word != "false") fail(key, cat("must be true or false; got '", word, "'"));
  return word == "true";
}

std::vector<std::string> Config::texts(std::string_view key) const {
  return list_of(need(key), [&](const ConfigNode& node) { return scalar_of(node, key_path(key)); });
}

std::vector<std::string> Config::texts_or(std::string_view key,
                                          const std::vector<std::string>& fallback) const {
  if (find(key) == nullptr) remember(key, fallback, true);
  return texts(key);
}

std::vector<double> Config::numbers(std::string_view key, Bounds bounds) const {
  return list_of(need(key), [&](const ConfigNode& node) { return number_of(node, key_path(key), bounds); });
}

std::vector<double> Config::numbers_or(std::string_view key, const std::vector<double>& fallback,
                                       Bounds bounds) const {
  if (find(key) == nullptr) {
    std::vector<std::string> values;
    for (const double value : fallback) values.push_back(number_text(value));
    remember(key, values, true);
  }
  return numbers(key, bounds);
}

Config Config::section(std::string_view key) const {
  auto node = find(key);
  if (node == nullptr) {
    node = std::make_shared<ConfigNode>();
    node->kind = Kind::kMap;
    node->place = node_->place;
    node->read = true;
    node_->map.emplace_back(key, node);
  }
  if (node->kind != Kind::kMap)
    config_error(node->place, key_path(key), "must be a mapping of keys to values");
  return {node, key_path(key)};
}

std::vector<Config> Config::sections(std::string_view key) const {
  std::vector<Config> all;
  const auto node = find(key);
  if (node == nullptr) return all;
  if (node->kind != Kind::kList) config_error(node->place, key_path(key), "must be a list of mappings");
  for (std::size_t i = 0; i < node->list.size(); ++i) {
    const auto& entry = node->list[i];
    const std::string path = cat(key_path(key), ".", i);
    if (entry->kind != Kind::kMap) config_error(entry->place, path, "must be a mapping of keys to values");
    all.push_back({entry, path});
  }
  return all;
}

Config Config::take(std::string_view key) const {
  const Config part = section(key);
  mark_read(*part.node_);
  return {copy_config(*part.node_), ""};
}

std::string Config::file(std::string_view key) const {
  const std::filesystem::path name = text(key);
  const std::string& place = need(key).place;
  const std::size_t colon = place.rfind(':');
  if (colon == std::string::npos || place.starts_with("--set")) return name.string();
  return (std::filesystem::path(place.substr(0, colon)).parent_path() / name).lexically_normal().string();
}

Config Config::layered(const std::string& path, const std::vector<Config>& layers,
                       const std::vector<std::string>& overrides) {
  Config config(path.empty() ? parse_config_text("", "configuration") : load_config_file(path), "");
  for (const Config& layer : layers) merge_config(config.node_, copy_config(*layer.node_));
  for (const std::string& assignment : overrides) apply_override(*config.node_, assignment);
  finish_config(config.node_);
  return config;
}

void Config::fail(std::string_view key, const std::string& what) const {
  const auto node = node_->child(key);
  config_error(node == nullptr ? node_->place : node->place, key_path(key), what);
}

void Config::check_all_read() const {
  std::vector<std::string> found;
  collect_unread(*node_, path_, found);
  if (found.empty()) return;
  std::string text;
  for (const std::string& line : found) text += (text.empty() ? "" : "; ") + line;
  throw ConfigError("config: " + text);
}

}  // namespace clearcut
