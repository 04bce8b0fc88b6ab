#include "cuda/ptxsim/parser.h"

#include <cxxabi.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "cuda/ptxsim/body.h"
#include "cuda/ptxsim/device_memory.h"

namespace clearcut::ptxsim {

namespace {

// "void a::(anonymous namespace)::f_kernel<float>(int)" becomes "f_kernel<float>".
std::string short_name_of(const std::string& mangled) {
  int status = 0;
  char* text = abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status);
  std::string name = status == 0 ? text : mangled;
  std::free(text);
  for (const std::string cut : {"(anonymous namespace)::", "clearcut::"})
    for (std::size_t at = name.find(cut); at != std::string::npos; at = name.find(cut))
      name.erase(at, cut.size());
  int depth = 0;  // of <>: the arguments begin at the first ( outside of them
  std::size_t start = 0, i = 0;
  for (; i < name.size() && (depth > 0 || name[i] != '('); ++i) {
    if (name[i] == '<') ++depth;
    if (name[i] == '>') --depth;
    if (depth == 0 && (name[i] == ' ' || name[i] == ':')) start = i + 1;
  }
  return name.substr(start, i - start);
}

// The path from here, if it lies below.
std::string near(const std::string& path) {
  const std::string here = std::filesystem::current_path().string() + "/";
  return path.starts_with(here) ? path.substr(here.size()) : path;
}

class ModuleParser {
 public:
  ModuleParser(std::string_view ptx, Module& module) : in_(ptx), module_(module) {}
  void parse() {
    while (!in_.done()) {
      const int line = in_.line();
      const std::string word = in_.next();
      if (word == ".version" || word == ".target" || word == ".address_size")
        in_.skip_line(line);
      else if (word == ".file")
        file(line);
      else if (word == ".section")
        section();
      else if (word == ".pragma")
        in_.skip_past(";");
      else if (word == ".visible" || word == ".weak" || word == ".extern" || word == ".entry" ||
               word == ".func")
        function_or_variable(word);
      else
        variable();
    }
  }

 private:
  void file(int line) {
    const int number = static_cast<int>(read_number(in_));
    const std::string name = in_.next();
    module_.files[number] = near(name.substr(1, name.size() - 2));
    in_.skip_line(line);
  }
  void section() {
    while (!in_.sees("{")) in_.next();
    in_.skip_braces();
  }
  void function_or_variable(const std::string& first) {
    const std::string kind = first[1] == 'v' || first[1] == 'w' || first == ".extern" ? in_.peek() : first;
    if (kind != ".entry" && kind != ".func") return variable();
    if (kind != first) in_.next();
    kind == ".entry" ? kernel() : function();
  }
  // Functions that nvcc did not inline: calling one is an error.
  void function() {
    while (!in_.sees("{") && !in_.sees(";")) in_.next();
    in_.sees("{") ? in_.skip_braces() : in_.expect(";");
  }
  void variable();
  void kernel();
  void parameters(Kernel& kernel);

  TokenStream in_;
  Module& module_;
};

// The word in front was its first property.
void ModuleParser::variable() {
  in_.back();
  Declaration d = read_declaration(in_, module_);
  in_.expect(";");
  if (d.variable.space != Space::kShared) {
    auto* bytes = static_cast<std::byte*>(device_memory().allocate(d.variable.bytes));
    std::memset(bytes, 0, d.variable.bytes);
    for (std::size_t i = 0; i < d.values.size(); ++i)
      std::memcpy(bytes + i * d.element_bytes, &d.values[i], d.element_bytes);
    device_memory().mark_written(bytes, d.variable.bytes);
    d.variable.address = reinterpret_cast<std::uint64_t>(bytes);
  }
  module_.variables[d.name] = d.variable;
}

void ModuleParser::parameters(Kernel& kernel) {
  if (!in_.accept("(")) return;
  while (!in_.accept(")")) {
    if (in_.accept(",")) continue;
    const Declaration d = read_declaration(in_, module_);
    const std::size_t offset = align_up(kernel.parameter_bytes, d.variable.align);
    kernel.parameters.push_back({d.name, offset, d.variable.bytes});
    kernel.parameter_bytes = offset + d.variable.bytes;
  }
}

void ModuleParser::kernel() {
  const std::string name = in_.next();
  Kernel& kernel = module_.kernels[name];
  kernel.name = name;
  kernel.short_name = short_name_of(name);
  kernel.module = &module_;
  parameters(kernel);
  while (!in_.accept("{"))
    if (in_.next() == ".maxntid") {
      kernel.most_threads = static_cast<int>(read_number(in_));
      while (in_.accept(",")) kernel.most_threads *= static_cast<int>(read_number(in_));
    }
  BodyParser(in_, module_, kernel).parse();
}

}  // namespace

std::string Module::place(int location) const {
  if (location < 0) return "";
  const Location& here = locations[static_cast<std::size_t>(location)];
  const auto file = files.find(here.file);
  std::string text = cat(file == files.end() ? "?" : file->second, ":", here.line);
  if (here.inlined_at >= 0 && here.inlined_at != location) {
    int outer = here.inlined_at;
    for (int i = 0; i < 64 && locations[static_cast<std::size_t>(outer)].inlined_at >= 0; ++i)
      outer = locations[static_cast<std::size_t>(outer)].inlined_at;
    const Location& kernel = locations[static_cast<std::size_t>(outer)];
    const auto kernel_file = files.find(kernel.file);
    text += cat(", from ", kernel_file == files.end() ? "?" : kernel_file->second, ":", kernel.line);
  }
  return text;
}

std::unique_ptr<Module> parse(std::string_view ptx) {
  auto module = std::make_unique<Module>();
  ModuleParser(ptx, *module).parse();
  return module;
}

}  // namespace clearcut::ptxsim
