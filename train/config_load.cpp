// YAML text -> tree: caps, duplicate keys, _base_, overrides, ${references}.
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "tensor/file.h"
#include "train/config_node.h"

namespace clearcut {

namespace {

using Ptr = ConfigNode::Ptr;
using Kind = ConfigNode::Kind;

constexpr std::size_t kMaxBytes = 1 << 20;
constexpr int kMaxDepth = 32;
constexpr int kMaxNodes = 100'000;  // aliases can make a short text large
constexpr int kMaxBases = 16;

/// Turns a yaml-cpp tree into ours. yaml-cpp keeps both of two equal keys, so they are found here.
class Converter {
 public:
  explicit Converter(std::string name) : name_(std::move(name)) {}

  Ptr convert(const YAML::Node& yaml, const std::string& path, int depth) {
    auto node = std::make_shared<ConfigNode>();
    node->place = place(yaml);
    if (depth > kMaxDepth) config_error(node->place, path, cat("nested deeper than ", kMaxDepth, " levels"));
    if (++nodes_ > kMaxNodes) config_error(node->place, path, cat("more than ", kMaxNodes, " values"));
    if (yaml.IsScalar()) {
      node->kind = Kind::kScalar;
      node->scalar = yaml.Scalar();
      node->quoted = yaml.Tag() == "!";
    } else if (yaml.IsSequence()) {
      node->kind = Kind::kList;
      for (const auto& entry : yaml) node->list.push_back(convert(entry, path, depth + 1));
    } else if (yaml.IsMap()) {
      node->kind = Kind::kMap;
      convert_map(yaml, path, depth, *node);
    }
    return node;
  }

 private:
  std::string place(const YAML::Node& yaml) const {
    const int line = yaml.Mark().line;
    return line < 0 || name_.starts_with("--set") ? name_ : cat(name_, ":", line + 1);
  }

  void convert_map(const YAML::Node& yaml, const std::string& path, int depth, ConfigNode& node) {
    for (const auto& entry : yaml) {
      if (!entry.first.IsScalar()) config_error(place(entry.first), path, "a key must be plain text");
      const std::string key = entry.first.Scalar();
      const std::string inner = path.empty() ? key : path + "." + key;
      if (const Ptr other = node.child(key))
        config_error(place(entry.first), inner, "the key comes twice; first at " + other->place);
      Ptr child = convert(entry.second, inner, depth + 1);
      child->place = place(entry.first);
      node.map.emplace_back(key, std::move(child));
    }
  }

  std::string name_;
  int nodes_ = 0;
};

/// Does nothing with what the parser reads.
class Nothing : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
  }
  void OnMapEnd() override {}
};

/// 0, 1 or 2, which stands for more: on some broken texts yaml-cpp finds one more empty document for ever.
int documents_in(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  Nothing nothing;
  int documents = 0;
  while (documents < 2 && parser.HandleNextDocument(nothing)) ++documents;
  return documents;
}

Ptr convert_text(const std::string& text, const std::string& name) {
  if (text.size() > kMaxBytes)
    throw ConfigError(cat("config: ", name, ": must have at most ", kMaxBytes, " bytes, has ", text.size()));
  try {
    const int documents = documents_in(text);
    if (documents > 1) throw ConfigError(cat("config: ", name, ": must hold one document, holds more"));
    if (documents == 1) return Converter(name).convert(YAML::Load(text), "", 0);
    auto node = std::make_shared<ConfigNode>();
    node->place = name;
    return node;
  } catch (const YAML::Exception& error) {
    throw ConfigError(cat("config: ", name, ":", error.mark.line + 1, ": not YAML: ", error.msg));
  }
}

std::vector<std::string> base_files(const Ptr& bases) {
  std::vector<std::string> files;
  if (bases->kind == Kind::kScalar) files.push_back(bases->scalar);
  for (const Ptr& entry : bases->list) files.push_back(entry->scalar);
  if (files.empty() || std::ranges::count(files, ""))
    config_error(bases->place, "_base_", "must be a file name or a list of file names");
  return files;
}

Ptr with_bases(const std::string& text, const std::string& name, std::vector<std::string> above) {
  Ptr own = convert_text(text, name);
  if (own->kind == Kind::kNull) own->kind = Kind::kMap;
  if (own->kind != Kind::kMap) config_error(own->place, "", "must be a mapping of keys to values");
  const Ptr bases = own->child("_base_");
  if (bases == nullptr) return own;
  above.push_back(name);
  if (above.size() > kMaxBases)
    config_error(bases->place, "_base_", cat("more than ", kMaxBases, " files deep; a circle?"));
  std::erase_if(own->map, [](const auto& entry) { return entry.first == "_base_"; });
  auto root = std::make_shared<ConfigNode>();
  root->kind = Kind::kMap;
  root->place = own->place;
  for (const std::string& file : base_files(bases)) {
    const std::string path = (std::filesystem::path(name).parent_path() / file).lexically_normal().string();
    if (!std::filesystem::is_regular_file(path))
      config_error(bases->place, "_base_", cat("no such file: ", path));
    merge_config(root, with_bases(read_text(path), path, above));
  }
  merge_config(root, own);
  return root;
}

void drop_nulls(ConfigNode& node) {
  std::erase_if(node.map, [](const auto& entry) { return entry.second->kind == Kind::kNull; });
  for (const auto& entry : node.map) drop_nulls(*entry.second);
  for (const Ptr& entry : node.list) drop_nulls(*entry);
}

/// The node at a dotted path, or null. Mappings on the way count as read.
Ptr follow(const Ptr& root, const std::string& path) {
  Ptr node = root;
  std::istringstream parts(path);
  for (std::string part; node != nullptr && std::getline(parts, part, '.');) {
    node->read = true;
    node = node->child(part);
  }
  return node;
}

std::string resolve(const Ptr& root, const ConfigNode& node, const std::string& path, int depth) {
  if (depth > kMaxBases) config_error(node.place, path, "references form a circle: " + node.scalar);
  std::string text = node.scalar, done;
  for (std::size_t open = text.find("${"); open != std::string::npos; open = text.find("${")) {
    const std::size_t close = text.find('}', open);
    if (close == std::string::npos) config_error(node.place, path, "${ without } in " + node.scalar);
    const std::string name = text.substr(open + 2, close - open - 2);
    const Ptr target = follow(root, name);
    if (target == nullptr || target->kind != Kind::kScalar)
      config_error(node.place, path, cat("${", name, "} needs a value: give it with --set ", name, "=..."));
    target->read = true;
    done += text.substr(0, open) + resolve(root, *target, name, depth + 1);
    text = text.substr(close + 1);
  }
  return done + text;
}

void resolve_all(const Ptr& root, const Ptr& node, const std::string& path, int depth = 0) {
  if (const Ptr target = whole_reference(root, *node)) {
    if (depth > 2 * kMaxDepth) config_error(node->place, path, "references form a circle: " + node->scalar);
    mark_read(*target);
    const std::string place = node->place;
    *node = *copy_config(*target);
    node->place = place;
  }
  if (node->kind == Kind::kScalar) node->scalar = resolve(root, *node, path, 0);
  for (const auto& [key, child] : node->map)
    resolve_all(root, child, path.empty() ? key : path + "." + key, depth + 1);
  for (const Ptr& entry : node->list) resolve_all(root, entry, path, depth + 1);
}

/// The child that an override names; mappings on the way are made, list entries must exist.
Ptr& descend(ConfigNode& node, const std::string& part, const std::string& place, const std::string& key) {
  if (node.kind == Kind::kList) {
    const bool number = !part.empty() && part.size() < 6 &&
                        std::ranges::all_of(part, [](unsigned char c) { return std::isdigit(c); });
    if (!number || std::stoul(part) >= node.list.size())
      config_error(
          place, key,
          cat("'", part, "' is not an entry of the list; it has ", node.list.size(), ", counted from 0"));
    return node.list[std::stoul(part)];
  }
  if (node.kind == Kind::kNull) node.kind = Kind::kMap;
  if (node.kind != Kind::kMap) config_error(place, key, cat("'", part, "' stands below a plain value"));
  for (auto& [name, child] : node.map)
    if (name == part) return child;
  node.map.emplace_back(part, std::make_shared<ConfigNode>());
  node.map.back().second->place = place;
  return node.map.back().second;
}

}  // namespace

void mark_read(ConfigNode& node) {
  node.read = true;
  for (const auto& entry : node.map) mark_read(*entry.second);
  for (const Ptr& entry : node.list) mark_read(*entry);
}

Ptr whole_reference(const Ptr& root, const ConfigNode& node) {
  const std::string& text = node.scalar;
  if (node.kind != Kind::kScalar || !text.starts_with("${") || text.find('}') + 1 != text.size())
    return nullptr;
  const Ptr target = follow(root, text.substr(2, text.size() - 3));
  return target == nullptr || target->kind == Kind::kScalar ? nullptr : target;
}

void config_error(const std::string& place, const std::string& path, const std::string& what) {
  throw ConfigError(cat("config: ", place, ": ", path.empty() ? "" : path + ": ", what));
}

void merge_config(const Ptr& base, const Ptr& over) {
  for (const auto& [key, node] : over->map) {
    const Ptr old = base->child(key);
    if (old == nullptr) {
      base->map.emplace_back(key, node);
    } else if (old->kind == Kind::kMap && node->kind == Kind::kMap) {
      merge_config(old, node);
    } else {
      *old = *node;
    }
  }
}

Ptr copy_config(const ConfigNode& node) {
  auto copy = std::make_shared<ConfigNode>(node);
  copy->read = false;
  copy->asked.clear();
  for (auto& entry : copy->map) entry.second = copy_config(*entry.second);
  for (Ptr& entry : copy->list) entry = copy_config(*entry);
  return copy;
}

Ptr load_config_file(const std::string& path) {
  if (!std::filesystem::exists(path)) throw ConfigError(cat("config: no such file: ", path));
  return with_bases(read_text(path), path, {});
}

Ptr parse_config_text(const std::string& text, const std::string& name) { return with_bases(text, name, {}); }

void apply_override(ConfigNode& root, const std::string& assignment) {
  const std::string place = "--set " + assignment;
  const std::size_t equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0) config_error(place, "", "must read a.b=value");
  const std::string key = assignment.substr(0, equals);
  ConfigNode* node = &root;
  Ptr* target = nullptr;
  std::istringstream parts(key);
  for (std::string part; std::getline(parts, part, '.'); node = target->get()) {
    if (part.empty()) config_error(place, key, "a part of the key is empty");
    target = &descend(*node, part, place, key);
  }
  *target = convert_text(assignment.substr(equals + 1), place);
  (*target)->place = place;
}

void finish_config(const Ptr& root) {
  drop_nulls(*root);
  expand_each(root);
  resolve_all(root, root, "");
}

}  // namespace clearcut
