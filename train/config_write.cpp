// Tree -> YAML, and the flat list of leaves that `clearcut config diff` compares.
#include <algorithm>

#include "train/config_node.h"

namespace clearcut {

namespace {

using Kind = ConfigNode::Kind;

std::string quote(const std::string& text) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      out += {'\\', c};
    else if (code < 0x20 || code == 0x7F)
      out += {'\\', 'x', kHex[code >> 4], kHex[code & 15]};
    else
      out += c;
  }
  return out + "\"";
}

/// Plain where YAML reads the same text back, else in double quotes.
std::string scalar_text(const ConfigNode& node) {
  const std::string& s = node.scalar;
  const bool plain =
      !s.empty() && s != "~" && s != "null" && s.front() != '-' && s.front() != '.' &&
      std::ranges::all_of(s, [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '/' || c == '-' || c == '+';
      });
  double number = 0;
  const bool negative = s.size() > 1 && s.front() == '-' && std::sscanf(s.c_str(), "%lf", &number) == 1;
  return (plain || negative) && !node.quoted ? s : quote(s);
}

std::string flow(const ConfigNode& node) {
  std::string text;
  switch (node.kind) {
    case Kind::kNull:
      return "~";
    case Kind::kScalar:
      return scalar_text(node);
    case Kind::kList:
      for (const auto& entry : node.list) text += (text.empty() ? "" : ", ") + flow(*entry);
      return "[" + text + "]";
    case Kind::kMap:
      return "{}";
  }
  return text;
}

bool is_plain_list(const ConfigNode& node) {
  return std::ranges::all_of(node.list,
                             [](const auto& e) { return e->kind != Kind::kMap && e->kind != Kind::kList; });
}

void write_node(const ConfigNode& node, int indent, std::string& out);

void write_value(const ConfigNode& node, int indent, std::string& out) {
  if ((node.kind == Kind::kMap && !node.map.empty()) || (node.kind == Kind::kList && !is_plain_list(node))) {
    out += "\n";
    write_node(node, indent + 2, out);
  } else {
    out += " " + flow(node) + "\n";
  }
}

void write_node(const ConfigNode& node, int indent, std::string& out) {
  const std::string space(static_cast<std::size_t>(indent), ' ');
  for (const auto& [key, child] : node.map) {
    ConfigNode name;
    name.scalar = key;
    out += space + scalar_text(name) + ":";
    write_value(*child, indent, out);
  }
  for (const auto& entry : node.list) {
    out += space + "-";
    write_value(*entry, indent, out);
  }
}

void collect(const ConfigNode& node, const std::string& path,
             std::vector<std::pair<std::string, std::string>>& out) {
  const auto inner = [&](const auto& name) { return path.empty() ? cat(name) : cat(path, ".", name); };
  if ((node.kind == Kind::kMap && !node.map.empty()) || (node.kind == Kind::kList && !is_plain_list(node))) {
    for (const auto& [key, child] : node.map) collect(*child, inner(key), out);
    for (std::size_t i = 0; i < node.list.size(); ++i) collect(*node.list[i], inner(i), out);
  } else {
    out.emplace_back(path, flow(node));
  }
}

}  // namespace

std::string Config::effective() const {
  ConfigNode kept = *node_;
  if (path_.empty() && !kept.asked.empty())
    std::erase_if(kept.map, [&](const auto& entry) {
      return entry.second->read && std::ranges::find(kept.asked, entry.first) == kept.asked.end();
    });
  std::string out;
  write_node(kept, 0, out);
  return out;
}

std::string Config::recipe() const {
  std::string out;
  write_node(*node_, 0, out);
  return out;
}

std::vector<std::pair<std::string, std::string>> Config::leaves() const {
  std::vector<std::pair<std::string, std::string>> out;
  collect(*node_, "", out);
  return out;
}

}  // namespace clearcut
