#include "cuda/ptxsim/lexer.h"

#include <algorithm>
#include <cctype>

namespace clearcut::ptxsim {

namespace {

bool in_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$' || c == '%' || c == '.';
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  std::vector<Token> run() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (std::isspace(static_cast<unsigned char>(c)) != 0)
        skip_to(at_ + 1);
      else if (starts("//"))
        skip_to(find("\n"));
      else if (starts("/*"))
        skip_to(find("*/") + 2);
      else if (c == '"')
        take(std::max(text_.find('"', at_ + 1) + 1, at_ + 1));
      else
        take(in_word(c) ? end_of_word() : at_ + 1);
    }
    return std::move(tokens_);
  }

 private:
  bool starts(std::string_view what) const { return text_.substr(at_, what.size()) == what; }
  std::size_t find(std::string_view what) const { return std::min(text_.find(what, at_), text_.size()); }
  void skip_to(std::size_t end) {
    for (end = std::min(end, text_.size()); at_ < end; ++at_) line_ += text_[at_] == '\n';
  }
  void take(std::size_t end) {
    end = std::min(end, text_.size());
    tokens_.push_back({std::string(text_.substr(at_, end - at_)), line_});
    skip_to(end);
  }
  std::size_t end_of_word() const {
    std::size_t end = at_;
    while (end < text_.size() && (in_word(text_[end]) || text_.substr(end, 2) == "::"))
      end += text_[end] == ':' ? 2 : 1;
    return end;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 1;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> lex(std::string_view ptx) { return Lexer(ptx).run(); }

}  // namespace clearcut::ptxsim
