#include "data/label_table.h"

#include <algorithm>
#include <initializer_list>

#include "data/text_lines.h"
#include "tensor/error.h"

namespace clearcut {

namespace {

// Position of the first of some names in a CSV header; its size if none is there.
std::size_t column_of(const std::vector<std::string>& header, std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (const auto it = std::find(header.begin(), header.end(), name); it != header.end())
      return static_cast<std::size_t>(it - header.begin());
  return header.size();
}

// Labels between '+', ';' or '|', without the spaces around them.
std::vector<std::string> labels_of(const std::string& field) {
  std::vector<std::string> labels;
  for (const std::string& part : split_at(field, "+;|")) {
    const std::size_t first = part.find_first_not_of(' '), last = part.find_last_not_of(' ');
    if (first != std::string::npos) labels.push_back(part.substr(first, last - first + 1));
  }
  return labels;
}

}  // namespace

LabelTable read_label_table(const std::string& path, const std::string& wanted_split) {
  const std::vector<TextLine> lines = read_lines(path);
  check(!lines.empty(), "data", path, ": is empty; the first line must name the columns: image,classes");
  const std::vector<std::string> header = split_csv(lines[0]);
  const std::size_t image = column_of(header, {"image", "file", "id"}), split = column_of(header, {"split"}),
                    labels = column_of(header, {"classes", "labels", "class", "label"});
  check(image < header.size() && labels < header.size(), "data", lines[0].where,
        ": the columns 'image' and 'classes' are needed; the header is '", lines[0].text, "'");
  check(wanted_split.empty() || split < header.size(), "data", lines[0].where,
        ": there is no column 'split' to look for '", wanted_split, "' in");
  LabelTable table;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const std::vector<std::string> fields = split_csv(lines[i]);
    check(fields.size() == header.size(), "data", lines[i].where, ": has ", fields.size(),
          " fields, the header has ", header.size());
    if (!wanted_split.empty() && fields[split] != wanted_split) continue;
    table.rows.push_back({fields[image], labels_of(fields[labels]), lines[i].where});
    table.labels.insert(table.rows.back().labels.begin(), table.rows.back().labels.end());
  }
  return table;
}

}  // namespace clearcut
