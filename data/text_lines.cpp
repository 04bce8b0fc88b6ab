#include "data/text_lines.h"

#include <algorithm>
#include <charconv>

#include "tensor/error.h"
#include "tensor/file.h"

namespace clearcut {

std::vector<TextLine> read_lines(const std::string& path) {
  const std::string text = read_text(path);
  std::vector<TextLine> lines;
  for (std::size_t at = 0, number = 1; at < text.size(); ++number) {
    const std::size_t stop = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, stop - at);
    at = stop + 1;
    const std::size_t last = line.find_last_not_of(" \t\r");
    if (last == std::string::npos || line[0] == '#') continue;
    line.resize(last + 1);
    lines.push_back({line, cat(path, ":", number)});
  }
  return lines;
}

std::vector<std::string> split_at(const std::string& text, std::string_view separators) {
  std::vector<std::string> parts;
  for (std::size_t at = text.find_first_not_of(separators); at != std::string::npos;) {
    const std::size_t stop = text.find_first_of(separators, at);
    parts.push_back(text.substr(at, stop - at));
    at = text.find_first_not_of(separators, stop);
  }
  return parts;
}

std::vector<std::string> split_fields(const std::string& text) {
  return split_at(text, text.find('\t') == std::string::npos ? " " : "\t");
}

std::vector<std::string> split_csv(const TextLine& line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.text.size(); ++i) {
    const char c = line.text[i];
    if (c == '"' && quoted && i + 1 < line.text.size() && line.text[i + 1] == '"') {
      fields.back() += line.text[++i];
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  check(!quoted, "data", line.where, ": a quote is not closed");
  return fields;
}

bool is_whole_number(const std::string& text) {
  int value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && stop == text.data() + text.size();
}

int to_whole_number(const std::string& text, const std::string& what, const std::string& where) {
  int value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  check(error == std::errc() && stop == text.data() + text.size(), "data", where, ": ", what,
        " must be a whole number, got '", text, "'");
  return value;
}

}  // namespace clearcut
