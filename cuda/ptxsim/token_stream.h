// Tokens with a place in them: what every part of the parser reads from.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "cuda/ptxsim/lexer.h"
#include "tensor/error.h"

namespace clearcut::ptxsim {

class TokenStream {
 public:
  explicit TokenStream(std::string_view ptx) : tokens_(lex(ptx)) {}

  bool done() const { return at_ >= tokens_.size(); }
  const std::string& peek() const {
    check(!done(), "ptx", "the text ends in the middle of a declaration");
    return tokens_[at_].text;
  }
  bool sees(std::string_view text) const { return !done() && tokens_[at_].text == text; }
  std::string next() {
    std::string text = peek();
    ++at_;
    return text;
  }
  /// Takes the next token if it is `text`.
  bool accept(std::string_view text) {
    const bool there = sees(text);
    at_ += there;
    return there;
  }
  void expect(std::string_view text) {
    check(accept(text), "ptx", "line ", line(), ": expected '", text, "', found '", peek(), "'");
  }
  void back() { --at_; }
  std::size_t position() const { return at_; }
  /// The tokens from `position` on, as one would write them.
  std::string text_since(std::size_t position) const {
    std::string text = position < at_ ? " " : "";
    for (; position < at_; ++position)
      text += tokens_[position].text + (tokens_[position].text == "," ? " " : "");
    return text;
  }
  int line() const { return tokens_.empty() ? 0 : tokens_[std::min(at_, tokens_.size() - 1)].line; }
  /// Skips what is left of line `line`.
  void skip_line(int line) {
    while (!done() && tokens_[at_].line == line) ++at_;
  }
  /// Skips to behind the next `text`.
  void skip_past(std::string_view text) {
    while (next() != text) {
    }
  }
  /// Skips {...}; the opening brace is the next token.
  void skip_braces() {
    int depth = 0;
    do {
      const std::string text = next();
      depth += text == "{" ? 1 : text == "}" ? -1 : 0;
    } while (depth > 0);
  }

 private:
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
};

/// 12, 0x1f, -3, 0f3F800000 (the bits of a float), 0d3FF0000000000000 (of a double). Reads the sign too.
std::uint64_t read_number(TokenStream& in);
bool starts_number(const TokenStream& in);

}  // namespace clearcut::ptxsim
