#include <algorithm>

#include "data/dataset.h"
#include "data/text_lines.h"
#include "tensor/error.h"

namespace clearcut {

namespace {

// WordNet ids: n and eight digits.
bool is_wnid(const std::string& text) {
  return text.size() == 9 && text[0] == 'n' &&
         std::all_of(text.begin() + 1, text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Rgb to_colour(const std::vector<std::string>& fields, std::size_t first, const std::string& where) {
  int channel[3] = {};
  for (std::size_t c = 0; c < 3; ++c) {
    channel[c] = to_whole_number(fields[first + c], "a colour", where);
    check(channel[c] >= 0 && channel[c] <= 255, "data", where, ": colours are 0 to 255, got ", channel[c]);
  }
  return {static_cast<std::uint8_t>(channel[0]), static_cast<std::uint8_t>(channel[1]),
          static_cast<std::uint8_t>(channel[2])};
}

struct ClassLine {
  int index = 0;
  std::string name = {}, wnid = {};
  bool has_colour = false;
  Rgb colour = {};
};

// INDEX NAME [R G B]; the name may be several words.
ClassLine from_words(int index, const std::vector<std::string>& fields, const std::string& where) {
  ClassLine line{.index = index};
  line.has_colour = fields.size() >= 5 && std::all_of(fields.end() - 3, fields.end(), is_whole_number);
  const std::size_t words = fields.size() - (line.has_colour ? 3 : 0);
  for (std::size_t i = 1; i < words; ++i) line.name += (i > 1 ? " " : "") + fields[i];
  if (line.has_colour) line.colour = to_colour(fields, words, where);
  return line;
}

ClassLine parse_class(const TextLine& text, int line_number) {
  const std::vector<std::string> fields = split_fields(text.text);
  if (fields.size() == 1 && is_wnid(fields[0])) return {line_number, fields[0], fields[0], false, {}};
  check(fields.size() >= 2, "data", text.where, ": a class line is INDEX NAME [R G B], got '", text.text,
        "'");
  const int index = to_whole_number(fields[0], "the class index", text.where);
  if (text.text.find('\t') == std::string::npos) return from_words(index, fields, text.where);
  if (fields.size() >= 3 && is_wnid(fields[1])) return {index, fields[2], fields[1], false, {}};
  return {index, fields[1], fields.size() >= 3 && is_wnid(fields[2]) ? fields[2] : "", false, {}};
}

}  // namespace

ClassFile read_class_file(const std::string& path) {
  ClassFile file;
  for (const TextLine& text : read_lines(path)) {
    const auto expected = static_cast<int>(file.names.size());
    const ClassLine line = parse_class(text, expected);
    check(line.index == 0 || expected > 0, "data", text.where,
          ": classes are numbered from 0; this file begins at ", line.index,
          "; do the masks count from there too? `clearcut data convert --map` changes them");
    check(file.ignored < 0 && line.index >= expected, "data", text.where,
          ": classes must be numbered 0, 1, 2, ...; expected ", expected, ", got ", line.index);
    if (line.index > expected) {  // only the last line may leave a gap: 255 after 5
      file.ignored = line.index;
      continue;
    }
    file.names.push_back(line.name);
    if (!line.wnid.empty()) file.wnids.push_back(line.wnid);
    if (line.has_colour) file.colours.push_back(line.colour);
  }
  check(!file.names.empty(), "data", path, ": has no classes");
  if (file.wnids.size() != file.names.size()) file.wnids.clear();
  if (file.colours.size() != file.names.size()) file.colours.clear();
  return file;
}

}  // namespace clearcut
