// The rules of the house that a machine can check: who includes whom, lengths, words that are banned.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <regex>
#include <set>

#include "tensor/error.h"
#include "tests/house/source_tree.h"

namespace clearcut::test {
namespace {

// a <- b: b may include a, and all that a may include.
const std::map<std::string, std::set<std::string>> kMayInclude = {
    {"tensor", {}},
    {"cuda", {"tensor"}},
    {"autograd", {"tensor"}},
    {"data", {"tensor"}},
    {"nn", {"autograd", "tensor"}},
    {"models", {"nn", "autograd", "data", "tensor"}},
    {"explain", {"models", "nn", "autograd", "data", "tensor"}},
    {"train", {"explain", "models", "nn", "autograd", "data", "tensor"}},
    {"recipes", {"train", "explain", "models", "nn", "autograd", "data", "tensor"}},
    {"apps", {"recipes", "train", "explain", "models", "nn", "autograd", "data", "tensor"}},
};

std::string room_of(const std::string& path) { return path.substr(0, path.find('/')); }

/// The problems of one file's include lines, one text each.
std::vector<std::string> include_problems(const SourceFile& file) {
  std::vector<std::string> problems;
  const std::string room = room_of(file.path);
  for (const std::string& path : quoted_includes(file)) {
    const std::string other = room_of(path);
    if (!std::filesystem::exists(path)) problems.push_back(cat(file.path, ": no such file: ", path));
    if (room == "tests" || room == "examples" || room == other) continue;
    if (!kMayInclude.at(room).contains(other))
      problems.push_back(cat(file.path, ": ", room, " may not include ", path));
  }
  return problems;
}

bool first_include_is_own_header(const SourceFile& file) {
  const std::filesystem::path path = file.path;
  if (path.extension() != ".cpp" && path.extension() != ".cu") return true;
  const std::string header =
      std::filesystem::path(path).replace_extension(path.extension() == ".cu" ? ".cuh" : ".h").string();
  if (!std::filesystem::exists(header)) return true;
  for (const std::string& line : file.lines)
    if (line.starts_with("#include")) return line == "#include \"" + header + "\"";
  return false;
}

TEST(House, RoomsIncludeOnlyWhatTheyMay) {
  for (const SourceFile& file : source_tree())
    for (const std::string& problem : include_problems(file)) ADD_FAILURE() << problem;
}

TEST(House, IncludeRuleFindsAWrongInclude) {
  const SourceFile wrong = parse_source("tensor/x.cpp", "#include \"autograd/var.h\"\n");
  EXPECT_EQ(include_problems(wrong).size(), 1u);
  const SourceFile right = parse_source("autograd/x.cpp", "#include \"tensor/tensor.h\"\n");
  EXPECT_TRUE(include_problems(right).empty());
}

// With the header first, compiling x.cpp proves that x.h compiles alone.
TEST(House, ASourceIncludesItsOwnHeaderFirst) {
  for (const SourceFile& file : source_tree())
    EXPECT_TRUE(first_include_is_own_header(file)) << file.path << " must include its own header first";
}

TEST(House, FilesStayBelow400Lines) {
  for (const SourceFile& file : source_tree()) EXPECT_LE(file.lines.size(), 400u) << file.path;
}

// A kernel is one piece from loads to stores: it may have 80 lines.
TEST(House, FunctionsStayBelow40Lines) {
  for (const SourceFile& file : source_tree())
    for (const Function& f : functions(file))
      EXPECT_LE(f.length, f.name.ends_with("_kernel") ? 80 : 40)
          << file.path << ":" << f.line << " " << f.name;
}

TEST(House, FunctionLengthsAreMeasured) {
  const SourceFile file = parse_source("tensor/x.cpp",
                                       "#define M(x) \\\n"
                                       "  f(x) {\n"
                                       "namespace a {\n"
                                       "struct S { int x = 0; };\n"
                                       "int f(int x) { return x; }  // {\n"
                                       "template <class T>\n"
                                       "T S::g(const T& x) const {\n"
                                       "  const char* s = \"}\";\n"
                                       "  if (x) { return [&] { return x; }(); }\n"
                                       "  return x;\n"
                                       "}\n"
                                       "}\n");
  const std::vector<Function> found = functions(file);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].name, "f");
  EXPECT_EQ(found[0].length, 1);
  EXPECT_EQ(found[1].name, "S::g");
  EXPECT_EQ(found[1].line, 7);
  EXPECT_EQ(found[1].length, 5);
}

struct Ban {
  std::string pattern, except, reason;  // except: pattern of paths
};
const std::vector<Ban> kBans = {
    {R"(#\s*pragma\s+omp|<omp\.h>|\bomp_\w+\()", "tensor/parallel.h", "OpenMP stands in one file"},
    {R"(\bassert\s*\(|\babort\s*\()", "", "errors go through check() and fail()"},
    {R"(#\s*include\s*<format>)", "", "g++ 12 has no <format>; use cat()"},
    {R"(\brand\s*\(\)|std::mt19937|std::random_device|std::shuffle)", "",
     "random numbers come from RandomStream"},
    {R"(using namespace std\b)", "", "names of std are written out"},
    {R"(__shared__|<<<|cudaLaunchKernel)", R"(cuda/gpu\.cuh|cuda/ptxsim/cudart/launch_calls\.cpp)",
     "kernels use SHARED, DYNAMIC_SHARED and launch<>()"},
};

TEST(House, BannedWordsDoNotOccur) {
  const std::vector<SourceFile> tree = source_tree();
  for (const Ban& ban : kBans) {
    const std::regex pattern(ban.pattern, std::regex::optimize);
    const std::regex except(ban.except);
    for (const SourceFile& file : tree) {
      if (std::regex_match(file.path, except)) continue;
      for (std::size_t i = 0; i < file.code.size(); ++i)
        if (std::regex_search(file.code[i], pattern))
          ADD_FAILURE() << file.path << ":" << i + 1 << " " << ban.reason << ": " << file.lines[i];
    }
  }
}

}  // namespace
}  // namespace clearcut::test
