// The body of a kernel: registers, labels, instructions.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cuda/ptxsim/declaration.h"

namespace clearcut::ptxsim {

/// Reads statements up to the closing brace (the opening one is taken) and fills the kernel's code.
class BodyParser {
 public:
  BodyParser(TokenStream& in, Module& module, Kernel& kernel);
  void parse();

 private:
  void statement(const std::string& first);
  void registers(const std::string& type);
  void variable();
  void label(const std::string& name);
  void location();
  void instruction(std::string opcode);
  Operand operand();
  Operand address();
  Operand list(const char* end);
  void named(const std::string& name, Operand& operand);
  Place find_register(const std::string& name) const;
  Place new_register(int bits);
  Place constant(std::uint64_t value);
  Place special(const std::string& name);
  Place address_of(const std::string& name);
  const Variable* variable_of(const std::string& name);
  void resolve_labels();
  void place_dynamic_shared();

  TokenStream& in_;
  Module& module_;
  Kernel& kernel_;
  std::vector<std::map<std::string, Place>> scopes_ = {{}};
  std::map<std::string, Variable> variables_;
  std::map<std::string, int> labels_;
  std::map<std::string, std::vector<std::string>> tables_;
  std::map<std::uint64_t, Place> constants_;
  std::map<Special, Place> specials_;
  std::vector<Place> dynamic_shared_;  // constants that are its address
  int location_ = -1;
  std::map<std::array<int, 3>, int> locations_;  // file, line, column: index
};

}  // namespace clearcut::ptxsim
