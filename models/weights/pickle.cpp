#include "models/weights/pickle.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <map>

#include "tensor/error.h"

namespace clearcut {

using Value = PickleValue;
using Kind = PickleValue::Kind;

namespace {
constexpr std::size_t kMaxValues = 500'000, kMaxName = 200;
}

/// The stack machine that a pickle is written for, with the opcodes that only build values.
class PickleMachine {
 public:
  PickleMachine(Pickle& pickle, ByteView bytes, std::span<const std::string_view> allowed)
      : pickle_(pickle), bytes_(bytes), allowed_(allowed) {}

  void run();

 private:
  struct Opcode {
    char code;
    void (PickleMachine::*run)();
  };
  static const Opcode kOpcodes[];

  template <class... Part>
  [[noreturn]] void broken(const Part&... parts) const {
    fail("pickle", pickle_.where_, ", byte ", opcode_at_, ": ", parts...);
  }

  // Bytes of the file.
  ByteView take(std::uint64_t n) {
    if (n > bytes_.size() - at_)
      broken("needs ", n, " bytes, ", bytes_.size() - at_, " are left; truncated?");
    const ByteView part = bytes_.subspan(at_, n);
    at_ += n;
    return part;
  }
  std::uint64_t number(unsigned size) {
    std::uint64_t v = 0;
    std::memcpy(&v, take(size).data(), size);
    return v;
  }
  std::string_view text(std::uint64_t n) {
    const ByteView part = take(n);
    return {reinterpret_cast<const char*>(part.data()), part.size()};
  }
  std::string_view line();

  // The stack.
  Value& push(Kind kind) {
    if (pickle_.values_.size() >= kMaxValues) broken("more than ", kMaxValues, " values");
    Value& value = pickle_.values_.emplace_back();
    value.kind = kind;
    value.offset = opcode_at_;
    stack_.push_back(&value);
    return value;
  }
  Value* pop() {
    Value* value = &top();
    stack_.pop_back();
    return value;
  }
  Value& top() {
    const std::size_t bottom = marks_.empty() ? 0 : marks_.back();
    if (stack_.size() <= bottom) broken("takes a value from an empty stack; the file is damaged");
    return *stack_.back();
  }
  std::vector<const Value*> pop_to_mark();

  // Opcodes.
  void stop() { stopped_ = true; }
  void protocol();
  void frame() {
    if (number(8) > bytes_.size() - at_) broken("a frame reaches beyond the end; truncated?");
  }
  void mark() { marks_.push_back(stack_.size()); }
  template <Kind kind, bool value = false>
  void push_constant() {
    push(kind).integer = value ? 1 : 0;
  }
  template <unsigned size, bool negative = false>
  void push_integer() {
    const std::uint64_t v = number(size);
    push(Kind::kInt).integer =
        negative ? static_cast<std::int32_t>(static_cast<std::uint32_t>(v)) : static_cast<std::int64_t>(v);
  }
  void push_long();
  void push_real();
  template <Kind kind, unsigned size>
  void push_text() {
    const std::string_view content = text(number(size));
    Value& value = push(kind);
    value.text = content;
    value.bytes = {reinterpret_cast<const std::uint8_t*>(content.data()), content.size()};
  }
  template <int count>
  void push_tuple();
  void push_marked_tuple() {
    auto items = pop_to_mark();
    push(Kind::kTuple).items = std::move(items);
  }
  void push_global(const std::string& name);
  void read_global();
  void stack_global();
  void call();
  void fill();
  void append() {
    const Value* item = pop();
    add_items({item}, Kind::kList);
  }
  void append_all() { add_items(pop_to_mark(), Kind::kList); }
  void set_item() {
    const Value* value = pop();
    const Value* key = pop();
    add_items({key, value}, Kind::kDict);
  }
  void set_items() { add_items(pop_to_mark(), Kind::kDict); }
  void add_items(std::vector<const Value*> items, Kind kind);
  void stored() {
    const Value* id = pop();
    push(Kind::kStored).items = {id};
  }
  void put(std::uint64_t index) {
    if (memo_.size() >= kMaxValues) broken("keeps more than ", kMaxValues, " values");
    memo_[index] = &top();
  }
  template <unsigned size>
  void put_at() {
    put(number(size));
  }
  void memoize() { put(memo_.size()); }
  template <unsigned size>
  void get();

  Pickle& pickle_;
  ByteView bytes_;
  std::span<const std::string_view> allowed_;
  std::size_t at_ = 0, opcode_at_ = 0;
  std::size_t copied_pairs_ = 0;  // one list could serve many dictionaries
  bool stopped_ = false;
  std::vector<Value*> stack_;
  std::vector<std::size_t> marks_;
  std::map<std::uint64_t, Value*> memo_;
};

// The allow-list of opcodes, with the names of pickletools.
const PickleMachine::Opcode PickleMachine::kOpcodes[] = {
    {'.', &PickleMachine::stop},                                 // STOP
    {'\x80', &PickleMachine::protocol},                          // PROTO
    {'\x95', &PickleMachine::frame},                             // FRAME
    {'(', &PickleMachine::mark},                                 // MARK
    {'N', &PickleMachine::push_constant<Kind::kNone>},           // NONE
    {'\x88', &PickleMachine::push_constant<Kind::kBool, true>},  // NEWTRUE
    {'\x89', &PickleMachine::push_constant<Kind::kBool>},        // NEWFALSE
    {'K', &PickleMachine::push_integer<1>},                      // BININT1
    {'M', &PickleMachine::push_integer<2>},                      // BININT2
    {'J', &PickleMachine::push_integer<4, true>},                // BININT
    {'\x8a', &PickleMachine::push_long},                         // LONG1
    {'G', &PickleMachine::push_real},                            // BINFLOAT
    {'\x8c', &PickleMachine::push_text<Kind::kText, 1>},         // SHORT_BINUNICODE
    {'X', &PickleMachine::push_text<Kind::kText, 4>},            // BINUNICODE
    {'\x8d', &PickleMachine::push_text<Kind::kText, 8>},         // BINUNICODE8
    {'U', &PickleMachine::push_text<Kind::kText, 1>},            // SHORT_BINSTRING: a text of Python 2
    {'T', &PickleMachine::push_text<Kind::kText, 4>},            // BINSTRING
    {'C', &PickleMachine::push_text<Kind::kBytes, 1>},           // SHORT_BINBYTES
    {'B', &PickleMachine::push_text<Kind::kBytes, 4>},           // BINBYTES
    {'\x8e', &PickleMachine::push_text<Kind::kBytes, 8>},        // BINBYTES8
    {')', &PickleMachine::push_tuple<0>},                        // EMPTY_TUPLE
    {'\x85', &PickleMachine::push_tuple<1>},                     // TUPLE1
    {'\x86', &PickleMachine::push_tuple<2>},                     // TUPLE2
    {'\x87', &PickleMachine::push_tuple<3>},                     // TUPLE3
    {'t', &PickleMachine::push_marked_tuple},                    // TUPLE
    {']', &PickleMachine::push_constant<Kind::kList>},           // EMPTY_LIST
    {'}', &PickleMachine::push_constant<Kind::kDict>},           // EMPTY_DICT
    {'c', &PickleMachine::read_global},                          // GLOBAL
    {'\x93', &PickleMachine::stack_global},                      // STACK_GLOBAL
    {'R', &PickleMachine::call},                                 // REDUCE
    {'b', &PickleMachine::fill},                                 // BUILD
    {'a', &PickleMachine::append},                               // APPEND
    {'e', &PickleMachine::append_all},                           // APPENDS
    {'s', &PickleMachine::set_item},                             // SETITEM
    {'u', &PickleMachine::set_items},                            // SETITEMS
    {'Q', &PickleMachine::stored},                               // BINPERSID
    {'q', &PickleMachine::put_at<1>},                            // BINPUT
    {'r', &PickleMachine::put_at<4>},                            // LONG_BINPUT
    {'\x94', &PickleMachine::memoize},                           // MEMOIZE
    {'h', &PickleMachine::get<1>},                               // BINGET
    {'j', &PickleMachine::get<4>},                               // LONG_BINGET
};

void PickleMachine::run() {
  std::array<const Opcode*, 256> table{};
  for (const Opcode& opcode : kOpcodes) table[static_cast<std::uint8_t>(opcode.code)] = &opcode;
  check(!bytes_.empty() && bytes_[0] == 0x80, "pickle", pickle_.where_,
        ": not a pickle of protocol 2 or later (it does not start with byte 0x80)");
  while (!stopped_) {
    opcode_at_ = at_;
    const std::uint8_t code = take(1)[0];
    if (table[code] == nullptr)
      broken("opcode ", static_cast<int>(code), code > 32 && code < 127 ? cat(" '", char(code), "'") : "",
             " is none of those that weights need; nothing of the file was run");
    (this->*table[code]->run)();
  }
  if (stack_.size() != 1 || !marks_.empty()) broken("ends with ", stack_.size(), " values instead of one");
  pickle_.root_ = stack_[0];
}

std::string_view PickleMachine::line() {
  const std::size_t left = std::min(bytes_.size() - at_, kMaxName + 1);
  const auto begin = bytes_.begin() + static_cast<std::ptrdiff_t>(at_);
  const auto end = std::find(begin, begin + static_cast<std::ptrdiff_t>(left), '\n');
  const auto size = static_cast<std::size_t>(end - begin);
  if (size == left) broken("a name without end within ", kMaxName, " bytes; the file is damaged");
  const std::string_view name = text(size);
  take(1);
  return name;
}

std::vector<const Value*> PickleMachine::pop_to_mark() {
  if (marks_.empty()) broken("there is no mark on the stack; the file is damaged");
  const auto from = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<const Value*> items(from, stack_.end());
  stack_.erase(from, stack_.end());
  marks_.pop_back();
  return items;
}

void PickleMachine::protocol() {
  const std::uint64_t version = number(1);
  if (version < 2 || version > 5) broken("protocol ", version, " is not read; 2 to 5 are");
}

// Two's complement of up to 8 bytes.
void PickleMachine::push_long() {
  const auto size = static_cast<unsigned>(number(1));
  if (size > 8) broken("an integer of ", size, " bytes; at most 8");
  std::uint64_t v = number(size);
  const unsigned unused = 64 - 8 * size;
  if (unused > 0 && unused < 64)
    v = static_cast<std::uint64_t>(static_cast<std::int64_t>(v << unused) >> unused);
  push(Kind::kInt).integer = static_cast<std::int64_t>(v);
}

void PickleMachine::push_real() {
  const ByteView raw = take(8);  // the most significant byte comes first
  std::uint64_t bits = 0;
  for (const std::uint8_t byte : raw) bits = bits << 8 | byte;
  push(Kind::kReal).real = std::bit_cast<double>(bits);
}

template <int count>
void PickleMachine::push_tuple() {
  std::vector<const Value*> items(count);
  for (auto item = items.rbegin(); item != items.rend(); ++item) *item = pop();
  push(Kind::kTuple).items = std::move(items);
}

void PickleMachine::push_global(const std::string& name) {
  if (std::find(allowed_.begin(), allowed_.end(), name) == allowed_.end()) {
    std::string shown = name;
    for (char& c : shown)
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    broken("names '", shown,
           "', which weights do not need; it was not run. Save the weights alone, for example ",
           "torch.save(model.state_dict(), FILE)");
  }
  pickle_.names_.push_back(name);
  push(Kind::kGlobal).text = pickle_.names_.back();
}

void PickleMachine::read_global() {
  const std::string_view module = line(), name = line();
  push_global(cat(module, ".", name));
}

void PickleMachine::stack_global() {
  const Value* name = pop();
  const Value* module = pop();
  if (!name->is(Kind::kText) || !module->is(Kind::kText) ||
      name->text.size() + module->text.size() > kMaxName)
    broken("a name must be two texts of at most ", kMaxName, " bytes");
  push_global(cat(module->text, ".", name->text));
}

void PickleMachine::call() {
  const Value* arguments = pop();
  const Value* function = pop();
  if (!function->is(Kind::kGlobal) || !arguments->is(Kind::kTuple)) broken("calls what is no name");
  if (function->text != "collections.OrderedDict") {
    push(Kind::kCall).items = {function, arguments};
    return;
  }
  Value& dict = push(Kind::kDict);
  if (arguments->items.empty()) return;
  for (const Value* pair : arguments->items[0]->items) {
    if (pair->items.size() != 2) broken("an ordered dictionary is made of pairs");
    if (++copied_pairs_ > kMaxValues) broken("dictionaries are made of more than ", kMaxValues, " pairs");
    dict.items.insert(dict.items.end(), pair->items.begin(), pair->items.end());
  }
}

// The attributes of a dictionary are of no use here; those of a call are kept.
void PickleMachine::fill() {
  const Value* state = pop();
  Value& object = top();
  if (object.is(Kind::kCall) && object.state == nullptr)
    object.state = state;
  else if (!object.is(Kind::kDict))
    broken("fills an object that cannot be filled");
}

void PickleMachine::add_items(std::vector<const Value*> items, Kind kind) {
  Value& container = top();
  if (!container.is(kind)) broken("adds items to what is no ", kind == Kind::kList ? "list" : "dictionary");
  if (kind == Kind::kDict && items.size() % 2 != 0) broken("a dictionary's key has no value");
  container.items.insert(container.items.end(), items.begin(), items.end());
}

template <unsigned size>
void PickleMachine::get() {
  const std::uint64_t index = number(size);
  const auto found = memo_.find(index);
  if (found == memo_.end()) broken("asks for value ", index, ", which was not kept");
  stack_.push_back(found->second);
}

Pickle::Pickle(ByteView bytes, std::span<const std::string_view> allowed, std::string where)
    : where_(std::move(where)) {
  PickleMachine(*this, bytes, allowed).run();
}

void Pickle::refuse(const Value& value, const std::string& text) const {
  fail("pickle", where_, ", byte ", value.offset, ": ", text);
}

const Value* Value::find(std::string_view key) const {
  if (kind != Kind::kDict) return nullptr;
  for (std::size_t i = items.size(); i >= 2; i -= 2)
    if (items[i - 2]->is(Kind::kText) && items[i - 2]->text == key) return items[i - 1];
  return nullptr;
}

}  // namespace clearcut
