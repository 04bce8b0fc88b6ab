// The tree behind Config; for train/config*.cpp only.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "train/config.h"

namespace clearcut {

struct ConfigNode {
  enum class Kind { kNull, kScalar, kList, kMap };
  using Ptr = std::shared_ptr<ConfigNode>;

  Kind kind = Kind::kNull;
  std::string scalar;
  bool quoted = false;
  std::vector<Ptr> list;
  std::vector<std::pair<std::string, Ptr>> map;
  std::string place;               // "configs/a.yaml:12" or "--set a.b=c"
  bool read = false;               // a getter asked for it
  std::vector<std::string> asked;  // keys that getters asked of this mapping

  Ptr child(std::string_view key) const {
    for (const auto& [name, node] : map)
      if (name == key) return node;
    return nullptr;
  }
};

[[noreturn]] void config_error(const std::string& place, const std::string& path, const std::string& what);

/// Files, text and overrides -> tree; see Config.
ConfigNode::Ptr load_config_file(const std::string& path);
ConfigNode::Ptr parse_config_text(const std::string& text, const std::string& name);
void apply_override(ConfigNode& root, const std::string& assignment);
/// Mappings are merged key by key; anything else in `over` replaces what `base` has. Nodes of `over` are
/// shared, not copied.
void merge_config(const ConfigNode::Ptr& base, const ConfigNode::Ptr& over);
ConfigNode::Ptr copy_config(const ConfigNode& node);
/// The list or mapping that a text refers to as a whole ("${networks}"); null for anything else.
ConfigNode::Ptr whole_reference(const ConfigNode::Ptr& root, const ConfigNode& node);
void mark_read(ConfigNode& node);
/// Replaces list entries that have `each` by their copies; see Config.
void expand_each(const ConfigNode::Ptr& root);
/// Drops keys whose value is ~, expands `each` and replaces ${a.b}.
void finish_config(const ConfigNode::Ptr& root);

}  // namespace clearcut
