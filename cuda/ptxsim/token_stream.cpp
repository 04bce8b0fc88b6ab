#include "cuda/ptxsim/token_stream.h"

#include <cctype>
#include <cstdlib>

namespace clearcut::ptxsim {

bool starts_number(const TokenStream& in) {
  const char first = in.peek()[0];
  return first == '-' || std::isdigit(static_cast<unsigned char>(first)) != 0;
}

std::uint64_t read_number(TokenStream& in) {
  const bool negative = in.accept("-");
  const std::string text = in.next();
  const bool float_bits = text.size() > 2 && text[0] == '0' && std::string("fFdD").find(text[1]) < 4;
  char* end = nullptr;
  const std::uint64_t value =
      float_bits ? std::strtoull(text.c_str() + 2, &end, 16) : std::strtoull(text.c_str(), &end, 0);
  check(*end == 0 || *end == 'U', "ptx", "line ", in.line(), ": '", text, "' is no number");
  return negative ? 0 - value : value;
}

}  // namespace clearcut::ptxsim
