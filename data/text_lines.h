// Reading the small text files around data sets.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace clearcut {

/// A line that counts: not empty, not a comment ('#' first).
struct TextLine {
  std::string text;   // without line feed, spaces at the end cut off
  std::string where;  // "file:line", for errors
};
std::vector<TextLine> read_lines(const std::string& path);

/// Fields between spaces; or between tabs if the line has one, which may then hold spaces.
std::vector<std::string> split_fields(const std::string& text);
/// Parts between any of the separators, empty parts left out.
std::vector<std::string> split_at(const std::string& text, std::string_view separators);
/// One line of a CSV file (RFC 4180: fields in double quotes may hold commas and doubled quotes).
std::vector<std::string> split_csv(const TextLine& line);

bool is_whole_number(const std::string& text);
/// Throws Error "data: WHERE: what must be a whole number...".
int to_whole_number(const std::string& text, const std::string& what, const std::string& where);

}  // namespace clearcut
