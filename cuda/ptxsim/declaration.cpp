#include "cuda/ptxsim/declaration.h"

#include <algorithm>
#include <array>

namespace clearcut::ptxsim {

namespace {

// True if the word belongs to a declaration in front of its name; what it says goes to `d`.
bool take_property(TokenStream& in, Declaration& d) {
  constexpr std::array<std::pair<std::string_view, Space>, 5> kSpaces = {{{".global", Space::kGlobal},
                                                                          {".const", Space::kConst},
                                                                          {".shared", Space::kShared},
                                                                          {".local", Space::kLocal},
                                                                          {".param", Space::kParam}}};
  const std::string word = in.peek();
  if (word[0] != '.') return false;
  in.next();
  const auto* space = std::find_if(kSpaces.begin(), kSpaces.end(), [&](auto& s) { return s.first == word; });
  if (word == ".ptr") {  // of a pointer parameter: the space and alignment of what it points to
    while (in.sees(".global") || in.sees(".const") || in.sees(".shared") || in.sees(".local")) in.next();
    if (in.accept(".align")) read_number(in);
  } else if (space != kSpaces.end()) {
    d.variable.space = space->second;
  } else if (word == ".align") {
    d.variable.align = read_number(in);
  } else if (word == ".extern") {
    d.variable.dynamic = true;
  } else if (const Type type = type_from(word.substr(1)); type != Type::kNone) {
    d.element_bytes = bytes_of(type);
    d.variable.align = std::max<std::size_t>(d.variable.align, d.element_bytes);
  } else {
    check(word == ".visible" || word == ".weak" || word == ".common", "ptx", "line ", in.line(), ": '", word,
          "' in a declaration");
  }
  return true;
}

std::uint64_t read_value(TokenStream& in, const Module& module) {
  if (starts_number(in)) return read_number(in);
  const std::string name = in.next();
  const auto found = module.variables.find(name);
  check(found != module.variables.end(), "ptx", "line ", in.line(), ": no variable '", name, "'");
  return found->second.address;
}

void read_values(TokenStream& in, const Module& module, Declaration& d) {
  if (!in.accept("{")) {
    d.values.push_back(read_value(in, module));
    return;
  }
  while (!in.accept("}"))
    if (in.sees("{"))
      read_values(in, module, d);
    else if (!in.accept(","))
      d.values.push_back(read_value(in, module));
}

}  // namespace

Declaration read_declaration(TokenStream& in, const Module& module) {
  Declaration d;
  while (take_property(in, d)) {
  }
  d.name = in.next();
  std::size_t count = 1;
  while (in.accept("[")) {
    count *= in.sees("]") ? 0 : read_number(in);
    in.expect("]");
  }
  d.variable.bytes = d.element_bytes * count;
  d.variable.dynamic = d.variable.dynamic && d.variable.space == Space::kShared && count == 0;
  if (in.accept("=")) read_values(in, module, d);
  return d;
}

}  // namespace clearcut::ptxsim
