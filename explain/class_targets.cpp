#include "explain/class_targets.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "data/json.h"
#include "data/text_lines.h"

namespace clearcut {

namespace {

std::string plain(const std::string& name) {
  std::string text;
  for (const char c : name)
    text += c == '_' ? ' ' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const std::size_t first = text.find_first_not_of(' ');
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

std::vector<std::vector<int>> from_file(const Classifier& classifier, const std::vector<std::string>& names,
                                        const std::string& path) {
  const JsonObject groups = JsonObject::read(path).object("groups");
  std::vector<std::vector<int>> targets(names.size());
  for (std::size_t c = 0; c < names.size(); ++c) {
    if (!groups.has(names[c])) continue;
    for (const auto& range : groups.object(names[c]).integer_lists("ranges")) {
      check(range.size() == 2 && range[0] >= 0 && range[0] <= range[1] && range[1] < classifier.classes(),
            "targets", path, ": a range of '", names[c], "' must be [first, last] within the ",
            classifier.classes(), " classes of ", classifier.name());
      for (std::int64_t k = range[0]; k <= range[1]; ++k) targets[c].push_back(static_cast<int>(k));
    }
  }
  return targets;
}

// Classes by their id, else by their whole name, else by a part of it.
class Names {
 public:
  explicit Names(const Classifier& classifier) {
    for (std::size_t c = 0; c < classifier.class_names().size(); ++c) {
      const std::string& name = classifier.class_names()[c];
      ids_[plain(classifier.class_ids()[c])].insert(static_cast<int>(c));
      whole_[plain(name)].insert(static_cast<int>(c));
      for (const std::string& part : split_at(name, ",")) parts_[plain(part)].insert(static_cast<int>(c));
    }
  }

  /// One class has this very name.
  bool whole(const std::string& name) const {
    const auto found = whole_.find(plain(name));
    return found != whole_.end() && found->second.size() == 1;
  }

  std::vector<int> find(const std::string& name, const std::string& classifier) const {
    for (const auto* names : {&ids_, &whole_, &parts_}) {
      const auto found = names->find(plain(name));
      if (found == names->end()) continue;
      check(found->second.size() == 1, "targets", "'", name, "' is the name of ", found->second.size(),
            " classes of ", classifier, "; say which with a groups file");
      return {*found->second.begin()};
    }
    // A data set may carry all names of a class in one: "tench, Tinca tinca".
    const std::vector<std::string> parts = split_at(name, ",");
    return parts.size() > 1 ? find(parts[0], classifier) : std::vector<int>{};
  }

 private:
  std::map<std::string, std::set<int>> ids_, whole_, parts_;
};

}  // namespace

std::vector<std::vector<int>> class_targets(const Classifier& classifier,
                                            const std::vector<std::string>& class_names,
                                            const std::string& groups) {
  const Names names(classifier);
  const std::vector<std::string> listed =
      groups.empty() ? std::vector<std::string>{} : JsonObject::read(groups).object("groups").names();
  if (!std::all_of(listed.begin(), listed.end(), [&](const std::string& name) { return names.whole(name); }))
    return from_file(classifier, class_names, groups);
  std::vector<std::vector<int>> targets;
  for (const std::string& name : class_names) targets.push_back(names.find(name, classifier.name()));
  return targets;
}

}  // namespace clearcut
