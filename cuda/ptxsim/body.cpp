#include "cuda/ptxsim/body.h"

#include <algorithm>
#include <array>

#include "cuda/ptxsim/decode.h"

namespace clearcut::ptxsim {

namespace {

struct SpecialName {
  std::string_view name;
  Special special;
};
constexpr std::array<SpecialName, 20> kSpecials = {{
    {"%tid.x", Special::kTidX},
    {"%tid.y", Special::kTidY},
    {"%tid.z", Special::kTidZ},
    {"%ntid.x", Special::kNtidX},
    {"%ntid.y", Special::kNtidY},
    {"%ntid.z", Special::kNtidZ},
    {"%ctaid.x", Special::kCtaidX},
    {"%ctaid.y", Special::kCtaidY},
    {"%ctaid.z", Special::kCtaidZ},
    {"%nctaid.x", Special::kNctaidX},
    {"%nctaid.y", Special::kNctaidY},
    {"%nctaid.z", Special::kNctaidZ},
    {"%laneid", Special::kLaneid},
    {"%warpid", Special::kWarpid},
    {"%lanemask_eq", Special::kLanemaskEq},
    {"%lanemask_lt", Special::kLanemaskLt},
    {"%lanemask_le", Special::kLanemaskLe},
    {"%lanemask_gt", Special::kLanemaskGt},
    {"%lanemask_ge", Special::kLanemaskGe},
    {"%dynamic_smem_size", Special::kDynamicShared},
}};

}  // namespace

BodyParser::BodyParser(TokenStream& in, Module& module, Kernel& kernel)
    : in_(in), module_(module), kernel_(kernel) {
  new_register(64);  // kSink
}

void BodyParser::parse() {
  while (!scopes_.empty()) statement(in_.next());
  resolve_labels();
  place_dynamic_shared();
  for (std::size_t i = 0; i < kernel_.code.size(); ++i) kernel_.code[i].number = i;
}

void BodyParser::statement(const std::string& first) {
  if (first == "{") {
    scopes_.emplace_back();
  } else if (first == "}") {
    scopes_.pop_back();
  } else if (first == ".loc") {
    location();
  } else if (first == ".reg") {
    registers(in_.next().substr(1));
  } else if (first.starts_with(".reg.")) {  // as in the inline assembly of cuda_fp16.hpp
    registers(first.substr(5));
  } else if (first == ".shared" || first == ".local" || first == ".param") {
    variable();
  } else if (first[0] == '.') {
    in_.skip_past(";");  // .pragma and the like
  } else if (in_.accept(":")) {
    label(first);
  } else if (first != ";") {
    instruction(first);
  }
}

// ".reg .b32 %r<10>, x;" behind its type.
void BodyParser::registers(const std::string& type) {
  const int bits = bits_of(type_from(type));
  do {
    const std::string name = in_.next();
    if (in_.accept("<")) {
      const std::uint64_t count = read_number(in_);
      in_.expect(">");
      for (std::uint64_t i = 0; i < count; ++i) scopes_.back()[cat(name, i)] = new_register(bits);
    } else {
      scopes_.back()[name] = new_register(bits);
    }
  } while (in_.accept(","));
  in_.expect(";");
}

// The word in front was its space: shared memory of the block, or the thread's own.
void BodyParser::variable() {
  in_.back();
  Declaration d = read_declaration(in_, module_);
  in_.expect(";");
  std::size_t& used = d.variable.space == Space::kShared ? kernel_.static_shared : kernel_.local_bytes;
  if (d.variable.space == Space::kParam) d.variable.align = 16;  // of a call: kept with the thread's memory
  d.variable.address = align_up(used, d.variable.align);
  used = d.variable.address + d.variable.bytes;
  if (d.variable.space != Space::kShared) d.variable.address |= kLocalTag;
  variables_[d.name] = d.variable;
}

void BodyParser::label(const std::string& name) {
  labels_[name] = static_cast<int>(kernel_.code.size());
  if (!in_.accept(".branchtargets")) return;
  do tables_[name].push_back(in_.next());
  while (in_.accept(","));
  in_.expect(";");
}

// ".loc 1 41 3" or ".loc 1 41 3, function_name $L__info_string0, inlined_at 2 70 5".
void BodyParser::location() {
  const int line = in_.line();
  const auto read_three = [&] {
    std::array<int, 3> three{};
    for (int& v : three) v = static_cast<int>(read_number(in_));
    return three;
  };
  const std::array<int, 3> here = read_three();
  int parent = -1;
  while (!in_.done() && in_.line() == line) {
    if (in_.next() != "inlined_at") continue;
    const std::array<int, 3> outer = read_three();
    const auto found = locations_.find(outer);
    parent = found != locations_.end() ? found->second : static_cast<int>(module_.locations.size());
    if (found == locations_.end()) module_.locations.push_back({outer[0], outer[1], -1});
  }
  location_ = static_cast<int>(module_.locations.size());
  module_.locations.push_back({here[0], here[1], parent});
  locations_[here] = location_;
}

void BodyParser::instruction(std::string opcode) {
  Instruction in;
  in.ptx_line = in_.line();
  in.location = location_;
  in.text = opcode;
  if (opcode == "@") {
    in.guard_negated = in_.accept("!");
    const std::string guard = in_.next();
    in.guard = find_register(guard);
    check(in.guard != kNoPlace, "ptx", "line ", in.ptx_line, ": no predicate '", guard, "'");
    opcode = in_.next();
    in.text = cat("@", in.guard_negated ? "!" : "", guard, " ", opcode);
  }
  in.opcode = opcode;
  const std::size_t first = in_.position();
  while (!in_.sees(";")) {
    in.operands.push_back(operand());
    if (!in_.accept(",")) break;
  }
  in.text += in_.text_since(first);
  in_.expect(";");
  decode(in, kernel_);
  kernel_.code.push_back(std::move(in));
}

Operand BodyParser::operand() {
  if (in_.accept("{")) return list("}");
  if (in_.accept("(")) {
    Operand o = list(")");
    o.in_parentheses = true;
    return o;
  }
  if (in_.accept("[")) return address();
  Operand o;
  o.negated = in_.accept("!");
  if (starts_number(in_))
    o.parts.push_back(constant(read_number(in_)));
  else
    named(in_.next(), o);
  if (in_.accept("|")) named(in_.next(), o);
  return o;
}

Operand BodyParser::list(const char* end) {
  Operand o;
  o.kind = Operand::Kind::kVector;
  while (!in_.accept(end)) {
    if (in_.accept(",")) continue;
    const Operand part = operand();
    o.parts.insert(o.parts.end(), part.parts.begin(), part.parts.end());
  }
  return o;
}

Operand BodyParser::address() {
  Operand o;
  o.kind = Operand::Kind::kAddress;
  if (starts_number(in_))
    o.parts.push_back(constant(read_number(in_)));
  else
    named(in_.next(), o);
  if (in_.accept("+"))
    o.offset = static_cast<std::int64_t>(read_number(in_));
  else if (in_.sees("-"))
    o.offset = static_cast<std::int64_t>(read_number(in_));
  in_.expect("]");
  return o;
}

// A register, a special register, the address of a variable; else a label or function.
void BodyParser::named(const std::string& name, Operand& o) {
  Place place = name == "_" ? kNoPlace : find_register(name);
  if (name == "_")
    place = kSink;
  else if (place == kNoPlace)
    place = name == "WARP_SZ" ? constant(kLanes) : special(name);
  if (place == kNoPlace) place = address_of(name);
  if (place == kNoPlace) {
    o.kind = Operand::Kind::kName;
    o.name = name;
  } else {
    o.parts.push_back(place);
  }
}

Place BodyParser::find_register(const std::string& name) const {
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope)
    if (const auto found = scope->find(name); found != scope->end()) return found->second;
  return kNoPlace;
}

Place BodyParser::new_register(int bits) {
  kernel_.register_bits.push_back(static_cast<std::uint8_t>(bits));
  return static_cast<Place>(kernel_.register_bits.size()) - 1;
}

Place BodyParser::constant(std::uint64_t value) {
  const auto [found, fresh] = constants_.try_emplace(value, ~static_cast<Place>(kernel_.constants.size()));
  if (fresh) {
    kernel_.constants.emplace_back();
    kernel_.constants.back().fill(value);
  }
  return found->second;
}

Place BodyParser::special(const std::string& name) {
  const auto* row = std::find_if(kSpecials.begin(), kSpecials.end(), [&](auto& s) { return s.name == name; });
  if (row == kSpecials.end()) return kNoPlace;
  const auto [found, fresh] = specials_.try_emplace(row->special, kNoPlace);
  if (fresh) {
    found->second = new_register(32);
    kernel_.specials.emplace_back(row->special, found->second);
  }
  return found->second;
}

Place BodyParser::address_of(const std::string& name) {
  for (const Parameter& p : kernel_.parameters)
    if (p.name == name) return constant(kParamTag | p.offset);
  const Variable* v = variable_of(name);
  if (v == nullptr) return kNoPlace;
  if (!v->dynamic) return constant(v->address);
  kernel_.constants.emplace_back();
  dynamic_shared_.push_back(~static_cast<Place>(kernel_.constants.size() - 1));
  return dynamic_shared_.back();
}

const Variable* BodyParser::variable_of(const std::string& name) {
  if (const auto own = variables_.find(name); own != variables_.end()) return &own->second;
  const auto found = module_.variables.find(name);
  if (found == module_.variables.end()) return nullptr;
  if (found->second.space != Space::kShared || found->second.dynamic) return &found->second;
  Variable v =
      found->second;  // shared memory that the module declares: each kernel that names it has its own
  v.address = align_up(kernel_.static_shared, v.align);
  kernel_.static_shared = v.address + v.bytes;
  return &(variables_[name] = v);
}

void BodyParser::resolve_labels() {
  const auto index_of = [&](const std::string& name, int line) {
    const auto found = labels_.find(name);
    check(found != labels_.end(), "ptx", "line ", line, ": no label '", name, "'");
    return found->second;
  };
  for (Instruction& in : kernel_.code) {
    if (in.flow == Flow::kBranch) in.target = index_of(in.operands.at(0).name, in.ptx_line);
    if (in.flow == Flow::kTable)
      for (const std::string& name : tables_[in.operands.at(1).name])
        in.targets.push_back(index_of(name, in.ptx_line));
  }
}

void BodyParser::place_dynamic_shared() {
  for (const Place place : dynamic_shared_)
    kernel_.constants[static_cast<std::size_t>(~place)].fill(kernel_.dynamic_shared_at());
}

}  // namespace clearcut::ptxsim
