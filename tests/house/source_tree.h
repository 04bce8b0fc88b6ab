// The source tree as the lint tests see it: files, lines, include lines, functions.
#pragma once

#include <string>
#include <vector>

namespace clearcut::test {

struct SourceFile {
  std::string path;                // "tensor/ops/softmax.h"
  std::vector<std::string> lines;  // as written
  std::vector<std::string> code;   // the same lines with comments and the insides of literals blanked
};

/// All .h, .cpp, .cu and .cuh files of the rooms, apps, tests and examples, sorted by path. Tests run in the
/// root of the source tree; throws Error elsewhere.
std::vector<SourceFile> source_tree();

/// Splits text into lines and blanks comments and literals.
SourceFile parse_source(const std::string& path, const std::string& text);

/// The paths of #include "..." lines.
std::vector<std::string> quoted_includes(const SourceFile& file);

struct Function {
  std::string name;  // "conv2d", "Tape::walk", "operator+", "" for none that could be read
  int line = 0;      // of its opening brace, from 1
  int length = 0;    // lines from the opening to the closing brace, both counted
};

/// Bodies of functions: braces after a parameter list, not inside another function.
std::vector<Function> functions(const SourceFile& file);

}  // namespace clearcut::test
