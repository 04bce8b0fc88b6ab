#include "cuda/ptxsim/decode.h"

#include <array>
#include <bit>

#include "cuda/ptxsim/warp.h"
#include "tensor/error.h"

namespace clearcut::ptxsim {

namespace {

struct Row {
  std::string_view name;
  Decoder decoder;
};
// The instruction table. A name with several rows is tried in their order.
constexpr std::array kTable = std::to_array<Row>({
    {"abs", decode_integer},      {"abs", decode_float},       {"abs", decode_half},
    {"activemask", decode_warp},  {"add", decode_integer},     {"add", decode_float},
    {"add", decode_half},         {"and", decode_integer},     {"atom", decode_atomic},
    {"bar", decode_control},      {"bar", decode_warp},        {"barrier", decode_control},
    {"bfe", decode_bits},         {"bfi", decode_bits},        {"bfind", decode_bits},
    {"bra", decode_control},      {"brev", decode_bits},       {"brx", decode_control},
    {"clz", decode_bits},         {"copysign", decode_float},  {"cos", decode_approximate},
    {"cp", decode_async_copy},    {"cvt", decode_convert},     {"cvta", decode_move},
    {"div", decode_integer},      {"div", decode_float},       {"div", decode_approximate},
    {"ex2", decode_approximate},  {"exit", decode_control},    {"fence", decode_control},
    {"fma", decode_float},        {"fma", decode_half},        {"isspacep", decode_move},
    {"ld", decode_access},        {"ldmatrix", decode_matrix}, {"lg2", decode_approximate},
    {"lop3", decode_bits},        {"mad", decode_integer},     {"mad", decode_float},
    {"match", decode_warp},       {"max", decode_integer},     {"max", decode_float},
    {"max", decode_half},         {"membar", decode_control},  {"min", decode_integer},
    {"min", decode_float},        {"min", decode_half},        {"mma", decode_matrix},
    {"mov", decode_move},         {"mul", decode_integer},     {"mul", decode_float},
    {"mul", decode_half},         {"neg", decode_integer},     {"neg", decode_float},
    {"neg", decode_half},         {"not", decode_integer},     {"or", decode_integer},
    {"popc", decode_bits},        {"prmt", decode_bits},       {"rcp", decode_float},
    {"rcp", decode_approximate},  {"red", decode_atomic},      {"redux", decode_warp},
    {"rem", decode_integer},      {"ret", decode_control},     {"rsqrt", decode_approximate},
    {"selp", decode_select},      {"set", decode_compare},     {"setp", decode_compare},
    {"shf", decode_bits},         {"shfl", decode_warp},       {"shl", decode_integer},
    {"shr", decode_integer},      {"sin", decode_approximate}, {"sqrt", decode_float},
    {"sqrt", decode_approximate}, {"st", decode_access},       {"sub", decode_integer},
    {"sub", decode_float},        {"sub", decode_half},        {"tanh", decode_approximate},
    {"testp", decode_compare},    {"trap", decode_control},    {"vote", decode_warp},
    {"xor", decode_integer},
});

void unknown(Warp& warp, const Instruction& in, LaneMask lanes) {
  warp.fail(std::countr_zero(lanes), cat("the interpreter does not know the instruction ", in.opcode));
}

}  // namespace

Words::Words(std::string_view opcode) {
  const std::size_t end = std::min(opcode.find('.'), opcode.size());
  name_ = opcode.substr(0, end);
  for (std::size_t at = end; at < opcode.size();) {
    const std::size_t next = std::min(opcode.find('.', at + 1), opcode.size());
    words_.emplace_back(opcode.substr(at + 1, next - at - 1));
    at = next;
  }
}

bool Words::take(std::string_view word) {
  const auto found = std::find(words_.begin(), words_.end(), word);
  if (found == words_.end()) return false;
  words_.erase(found);
  return true;
}

Type Words::take_type() {
  const auto found =
      std::find_if(words_.begin(), words_.end(), [](const auto& w) { return type_from(w) != Type::kNone; });
  if (found == words_.end()) return Type::kNone;
  const Type type = type_from(*found);
  words_.erase(found);
  return type;
}

std::optional<Space> Words::take_space() {
  return take_one<Space>({{"global", Space::kGlobal},
                          {"shared", Space::kShared},
                          {"shared::cta", Space::kShared},
                          {"local", Space::kLocal},
                          {"const", Space::kConst},
                          {"param", Space::kParam}});
}

bool take_values(Instruction& in, std::size_t sources) {
  const auto plain = [](const Operand& o) {
    return o.kind == Operand::Kind::kValue && o.parts.size() == 1 && !o.negated;
  };
  if (in.operands.size() != sources + 1 || !std::all_of(in.operands.begin(), in.operands.end(), plain))
    return false;
  in.d = in.operands[0].place();
  for (std::size_t i = 0; i < sources; ++i) in.s[i] = in.operands[i + 1].place();
  return in.d >= 0;
}

void take_float_modes(Words& words, Instruction& in) {
  in.rounding = words
                    .take_one<Rounding>({{"rn", Rounding::kNearest},
                                         {"rz", Rounding::kZero},
                                         {"rm", Rounding::kDown},
                                         {"rp", Rounding::kUp},
                                         {"rna", Rounding::kNearestAway}})
                    .value_or(Rounding::kNearest);
  in.flush = words.take("ftz");
  in.saturate = words.take("sat");
  in.relu = words.take("relu");
  in.nan = words.take("NaN");
}

void decode(Instruction& in, Kernel& kernel) {
  const std::string_view name = std::string_view(in.opcode).substr(0, in.opcode.find('.'));
  for (const Row& row : kTable) {
    if (row.name != name) continue;
    Instruction attempt = in;
    Words words(in.opcode);
    if (!row.decoder(words, attempt, kernel) || !words.done()) continue;
    in = std::move(attempt);
    return;
  }
  in.run = unknown;
}

bool is_known(const Instruction& in) { return in.run != unknown; }

}  // namespace clearcut::ptxsim
