#include "tests/house/source_tree.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <regex>
#include <set>
#include <sstream>

#include "tensor/error.h"
#include "tensor/file.h"

namespace clearcut::test {
namespace {

const std::vector<std::string> kFolders = {"tensor", "cuda",  "autograd", "nn",   "models", "explain",
                                           "data",   "train", "recipes",  "apps", "tests",  "examples"};
const std::set<std::string> kExtensions = {".h", ".cpp", ".cu", ".cuh"};

/// Blanks comments and what stands between quotes; newlines stay, so line numbers stay.
class Blanker {
 public:
  explicit Blanker(const std::string& text) : text_(text), out_(text) {}

  std::string run() {
    while (at_ < text_.size()) {
      if (starts("//")) {
        blank_until("\n", 0);
      } else if (starts("/*")) {
        blank_until("*/", 2);
      } else if (starts("R\"") && (at_ == 0 || !word(text_[at_ - 1]))) {
        raw_string();
      } else if (text_[at_] == '"' || (text_[at_] == '\'' && (at_ == 0 || !word(text_[at_ - 1])))) {
        literal(text_[at_]);
      } else {
        ++at_;
      }
    }
    return out_;
  }

 private:
  static bool word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }
  bool starts(const char* what) const { return text_.compare(at_, std::string(what).size(), what) == 0; }
  void blank(std::size_t end) {
    for (end = std::min(end, text_.size()); at_ < end; ++at_)
      if (text_[at_] != '\n') out_[at_] = ' ';
  }
  void blank_until(const std::string& end, std::size_t extra) {
    const std::size_t stop = text_.find(end, at_ + extra);
    blank(stop == std::string::npos ? text_.size() : stop + extra);
  }
  void raw_string() {
    const std::size_t open = text_.find('(', at_);
    const std::string close = ")" + text_.substr(at_ + 2, open - at_ - 2) + "\"";
    const std::size_t stop = text_.find(close, open);
    blank(stop == std::string::npos ? text_.size() : stop + close.size());
  }
  void literal(char quote) {
    std::size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != quote && text_[end] != '\n') end += text_[end] == '\\' ? 2 : 1;
    ++at_;  // the quotes themselves stay
    blank(end);
    at_ = std::min(end + 1, text_.size());
  }

  const std::string& text_;
  std::string out_;
  std::size_t at_ = 0;
};

std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

enum class Brace { kSpace, kFunction, kOther };  // kSpace: namespace, class, struct, union, enum, extern "C"

/// What a brace opens, judged by the code between it and the last ; { or }.
Brace kind_of(const std::string& head) {
  static const std::regex space(
      R"(^\s*(template\s*<.*>\s*)?(inline\s+)?(namespace|class|struct|union|enum|extern)\b)");
  static const std::regex initialiser(R"(=\s*$|\breturn\s*$|,\s*$|\(\s*$)");
  if (std::regex_search(head, initialiser)) return Brace::kOther;
  if (std::regex_search(head, space) && head.find('(') == std::string::npos) return Brace::kSpace;
  return head.find(')') != std::string::npos ? Brace::kFunction : Brace::kOther;
}

std::string name_of(const std::string& with_attributes) {
  static const std::regex bounds(R"(__launch_bounds__\([^()]*\))");
  const std::string head = std::regex_replace(with_attributes, bounds, "");
  static const std::regex name(
      R"(((?:[A-Za-z_~]\w*(?:<[^<>()]*>)?::)*(?:operator[^\s(]+|[~A-Za-z_]\w*))\s*\()");
  std::smatch match;
  return std::regex_search(head, match, name) ? match[1].str() : "";
}

}  // namespace

SourceFile parse_source(const std::string& path, const std::string& text) {
  return {path, split_lines(text), split_lines(Blanker(text).run())};
}

std::vector<SourceFile> source_tree() {
  check(std::filesystem::exists("Makefile") && std::filesystem::exists("tensor"), "source_tree",
        "the tests must run in the root of the source tree, not in ",
        std::filesystem::current_path().string());
  std::vector<SourceFile> files;
  for (const std::string& folder : kFolders) {
    if (!std::filesystem::exists(folder)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      const std::string path = entry.path().string();
      if (kExtensions.contains(entry.path().extension()))
        files.push_back(parse_source(path, read_text(path)));
    }
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return files;
}

std::vector<std::string> quoted_includes(const SourceFile& file) {
  static const std::regex include("^\\s*#\\s*include\\s*\"([^\"]+)\"");
  std::vector<std::string> paths;
  std::smatch match;
  for (const std::string& line : file.lines)
    if (std::regex_search(line, match, include)) paths.push_back(match[1]);
  return paths;
}

std::vector<Function> functions(const SourceFile& file) {
  std::vector<Function> found;
  std::vector<Brace> open;
  std::string head;
  int depth_of_function = -1;
  bool in_directive = false;
  for (std::size_t i = 0; i < file.code.size(); ++i) {
    const std::string& line = file.code[i];
    const std::size_t first = line.find_first_not_of(" \t");
    in_directive = in_directive || (first != std::string::npos && line[first] == '#');
    if (in_directive) {
      in_directive = line.ends_with('\\');
      continue;
    }
    for (const char c : line) {
      if (c == '{') {
        open.push_back(depth_of_function >= 0 ? Brace::kOther : kind_of(head));
        if (open.back() == Brace::kFunction) {
          depth_of_function = static_cast<int>(open.size()) - 1;
          found.push_back({name_of(head), static_cast<int>(i) + 1, 0});
        }
      } else if (c == '}' && !open.empty()) {
        open.pop_back();
        if (static_cast<int>(open.size()) == depth_of_function) {
          found.back().length = static_cast<int>(i) + 2 - found.back().line;
          depth_of_function = -1;
        }
      }
      head = c == '{' || c == '}' || c == ';' ? "" : head + c;
    }
    head += ' ';
  }
  return found;
}

}  // namespace clearcut::test
