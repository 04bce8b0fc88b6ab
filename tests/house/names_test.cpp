// Two types of one name break the linker's rule silently: it takes the functions of one for those of the
// other.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <regex>
#include <set>

#include "tensor/error.h"
#include "tests/house/source_tree.h"

namespace clearcut::test {
namespace {

using Places = std::map<std::string, std::set<std::string>>;  // type with its namespace -> files

// Types that a file defines in column one, outside namespaces without a name. Those of A.h and A.cpp count as
// one place: a header may announce what its source defines.
void collect_types(const SourceFile& file, Places& places) {
  static const std::regex space("^namespace ?([A-Za-z_:]*) ?\\{"), end("^\\}  // namespace"),
      type("^(?:class|struct|enum class) ([A-Z][A-Za-z0-9]*)[^;<]*$");
  std::vector<std::string> open;
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    std::smatch match;
    const std::string& line = file.lines[i];
    if (std::regex_search(line, match, space)) {
      open.push_back(match[1]);
    } else if (std::regex_search(line, end)) {
      if (!open.empty()) open.pop_back();
    } else if (std::find(open.begin(), open.end(), "") == open.end() &&
               std::regex_search(file.code[i], match, type)) {
      std::string name;
      for (const std::string& outer : open) name += outer + "::";
      places[name + match[1].str()].insert(file.path.substr(0, file.path.rfind('.')));
    }
  }
}

TEST(House, ATypeNameStandsForOneType) {
  Places places;
  for (const SourceFile& file : source_tree())
    if (!file.path.starts_with("tests/") && !file.path.starts_with("examples/")) collect_types(file, places);
  EXPECT_GT(places.size(), 200u);
  for (const auto& [name, files] : places) {
    std::string list;
    for (const std::string& path : files) list += " " + path;
    EXPECT_EQ(files.size(), 1u) << name << " is defined in" << list;
  }
}

TEST(House, TypesOfOneNameAreFound) {
  Places places;
  const char* text =
      "namespace clearcut {\nstruct Box {\n};\nnamespace {\nstruct Mine {\n};\n}  // namespace\nclass "
      "Later;\n";
  collect_types(parse_source("data/a.h", text), places);
  collect_types(parse_source("explain/b.h", text), places);
  ASSERT_EQ(places.size(), 1u);
  EXPECT_EQ(places["clearcut::Box"].size(), 2u);
}

}  // namespace
}  // namespace clearcut::test
