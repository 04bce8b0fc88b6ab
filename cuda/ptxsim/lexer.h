// PTX text as words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace clearcut::ptxsim {

/// A name, number, directive, string or single sign. "fma.rn.f32", "%tid.x", ".reg" and "shared::cta" are one
/// token each; a minus is one of its own.
struct Token {
  std::string text;
  int line;  // from 1
};

std::vector<Token> lex(std::string_view ptx);

}  // namespace clearcut::ptxsim
