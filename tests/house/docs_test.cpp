// The documents must not name what is not there: files, functions, tests.
#include <gtest/gtest.h>

#include <filesystem>
#include <regex>
#include <set>

#include "tensor/error.h"
#include "tensor/file.h"
#include "tests/house/source_tree.h"

namespace clearcut::test {
namespace {

/// `texts between backticks` of one line, code blocks left out by the caller.
std::vector<std::string> quoted(const std::string& line) {
  static const std::regex quote("`([^`]+)`");
  std::vector<std::string> found;
  for (std::sregex_iterator at(line.begin(), line.end(), quote), end; at != end; ++at)
    found.push_back((*at)[1]);
  return found;
}

std::set<std::string> names_of_tests() {
  // Tests with parameters are named without their prefix and their parameter: "OpTest.MatchesOracle".
  const auto plain = [](const std::string& suite, const std::string& test) {
    return suite.substr(suite.find('/') + 1) + "." + test.substr(0, test.find('/'));
  };
  std::set<std::string> names;
  const auto& unit = *testing::UnitTest::GetInstance();
  for (int i = 0; i < unit.total_test_suite_count(); ++i)
    for (int j = 0; j < unit.GetTestSuite(i)->total_test_count(); ++j)
      names.insert(plain(unit.GetTestSuite(i)->name(), unit.GetTestSuite(i)->GetTestInfo(j)->name()));
  return names;
}

/// Why `reference` ("folder/file.cpp:function" or "Suite.Test") cannot be found; "" if it can.
std::string missing(const std::string& reference, const std::set<std::string>& tests) {
  static const std::regex code(R"(([\w./]+\.(?:h|cpp|cu|cuh|def|yaml|py|md|sh))(?::(\w+))?)");
  static const std::regex test(R"([A-Z][a-z]\w*\.[A-Z]\w*)");
  std::smatch match;
  if (std::regex_match(reference, match, code)) {
    if (reference.find('/') == std::string::npos) return "";  // a file of the user's, not of the tree
    if (!std::filesystem::exists(match[1].str())) return cat("no such file: ", reference);
    const std::regex word("\\b" + match[2].str() + "\\b");
    if (match[2].matched && !std::regex_search(read_text(match[1]), word))
      return cat("no such name: ", reference);
    return "";
  }
  if (std::regex_match(reference, test) && !tests.contains(reference))
    return cat("no such test: ", reference);
  return "";
}

std::vector<std::string> lines_of(const std::string& path) {
  return parse_source(path, read_text(path)).lines;
}

TEST(House, TheAuditNamesOnlyWhatExists) {
  const std::set<std::string> tests = names_of_tests();
  int references = 0, line_number = 0;
  for (const std::string& line : lines_of("docs/audit.md")) {
    ++line_number;
    if (!line.starts_with("|")) continue;
    for (const std::string& reference : quoted(line)) {
      const std::string problem = missing(reference, tests);
      EXPECT_EQ(problem, "") << "docs/audit.md:" << line_number;
      ++references;
    }
  }
  EXPECT_GT(references, 50) << "the table of docs/audit.md was not read";
}

TEST(House, EveryAuditRowHasItsTag) {
  static const std::regex row(
      R"(^\|[^|]+\|[^|]+\|[^|]+\|[^|]+\| (established|inferred|our choice|unknown) \|$)");
  int line_number = 0;
  bool in_table = false;
  for (const std::string& line : lines_of("docs/audit.md")) {
    ++line_number;
    const bool rule = line.starts_with("|---");
    const bool is_row = in_table && line.starts_with("|");
    if (is_row) {
      EXPECT_TRUE(std::regex_match(line, row)) << "docs/audit.md:" << line_number << " " << line;
    }
    in_table = rule || is_row;
  }
}

TEST(House, DocumentsNameOnlyFilesThatExist) {
  const std::set<std::string> tests = names_of_tests();
  std::vector<std::string> documents = {"README.md"};
  for (const auto& entry : std::filesystem::directory_iterator("docs"))
    if (entry.path().extension() == ".md") documents.push_back(entry.path().string());
  for (const std::string& document : documents) {
    bool in_code = false;
    for (const std::string& line : lines_of(document)) {
      if (line.starts_with("```")) in_code = !in_code;
      if (in_code) continue;
      for (const std::string& reference : quoted(line)) EXPECT_EQ(missing(reference, tests), "") << document;
    }
  }
}

TEST(House, WrongReferencesAreFound) {
  const std::set<std::string> tests = {"House.X"};
  EXPECT_EQ(missing("tensor/error.h:fail", tests), "");
  EXPECT_EQ(missing("House.X", tests), "");
  EXPECT_NE(missing("tensor/error.h:no_such_function", tests), "");
  EXPECT_NE(missing("tensor/no_such_file.h", tests), "");
  EXPECT_NE(missing("House.Y", tests), "");
}

}  // namespace
}  // namespace clearcut::test
