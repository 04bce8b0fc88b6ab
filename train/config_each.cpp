// List entries with `each`: one text that stands for many entries.
#include "train/config_node.h"

namespace clearcut {

namespace {

using Ptr = ConfigNode::Ptr;
using Kind = ConfigNode::Kind;

constexpr std::size_t kMaxEntries = 10'000;  // of one list; `each` in `each` multiplies

/// "<seed>" and what stands for it.
struct Word {
  std::string mark, value;
};
using Words = std::vector<Word>;

void replace_words(std::string& text, const Words& words) {
  for (const Word& word : words)
    for (std::size_t at = text.find(word.mark); at != std::string::npos;
         at = text.find(word.mark, at + word.value.size()))
      text.replace(at, word.mark.size(), word.value);
}

void replace_words(ConfigNode& node, const Words& words) {
  replace_words(node.scalar, words);
  for (auto& [key, child] : node.map) {
    replace_words(key, words);
    replace_words(*child, words);
  }
  for (const Ptr& entry : node.list) replace_words(*entry, words);
}

std::vector<Ptr> values_of(const Ptr& root, const std::string& word, const Ptr& given) {
  const Ptr whole = whole_reference(root, *given);
  if (whole != nullptr) mark_read(*whole);
  const Ptr& list = whole != nullptr ? whole : given;
  if (list->kind != Kind::kList || list->list.empty())
    config_error(given->place, "each." + word, "must be a list of values");
  for (const Ptr& value : list->list)
    if (value->kind != Kind::kScalar)
      config_error(value->place, "each." + word, "must be a list of plain values");
  return list->list;
}

std::vector<Words> combinations(const Ptr& root, const ConfigNode& each) {
  if (each.kind != Kind::kMap || each.map.empty())
    config_error(each.place, "each", "must map words to lists of values");
  std::vector<Words> all = {{}};
  for (const auto& [word, given] : each.map) {
    std::vector<Words> longer;
    for (const Words& words : all)
      for (const Ptr& value : values_of(root, word, given)) {
        longer.push_back(words);
        longer.back().push_back({cat("<", word, ">"), value->scalar});
      }
    all = std::move(longer);
    if (all.size() > kMaxEntries)
      config_error(each.place, "each", cat("stands for more than ", kMaxEntries, " entries"));
  }
  return all;
}

void expand_node(const Ptr& root, const Ptr& node);

/// Appends what an entry of a list stands for.
void expand_entry(const Ptr& root, const Ptr& entry, std::vector<Ptr>& list) {
  const Ptr each = entry->kind == Kind::kMap ? entry->child("each") : nullptr;
  if (each == nullptr) {
    expand_node(root, entry);
    list.push_back(entry);
    return;
  }
  const Ptr entries = entry->child("do");
  if (entries != nullptr && (entries->kind != Kind::kList || entry->map.size() != 2))
    config_error(entry->place, "do", "must be a list of entries; beside it stands `each` alone");
  for (const Words& words : combinations(root, *each)) {
    const Ptr copy = copy_config(*entry);
    std::erase_if(copy->map, [](const auto& child) { return child.first == "each"; });
    replace_words(*copy, words);
    if (entries == nullptr)
      expand_entry(root, copy, list);
    else
      for (const Ptr& inner : copy->child("do")->list) expand_entry(root, inner, list);
    if (list.size() > kMaxEntries)
      config_error(entry->place, "each", cat("makes a list of more than ", kMaxEntries, " entries"));
  }
}

void expand_node(const Ptr& root, const Ptr& node) {
  for (const auto& entry : node->map) expand_node(root, entry.second);
  std::vector<Ptr> list;
  for (const Ptr& entry : node->list) expand_entry(root, entry, list);
  node->list = std::move(list);
}

}  // namespace

void expand_each(const Ptr& root) { expand_node(root, root); }

}  // namespace clearcut
