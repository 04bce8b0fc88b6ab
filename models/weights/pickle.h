// Python pickles, read without running anything: what stands in the file becomes a tree of values.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/deflate.h"

namespace clearcut {

/// One value of a pickle. Texts and bytes lie in the file that was read.
struct PickleValue {
  enum class Kind : std::uint8_t {
    kNone,
    kBool,
    kInt,
    kReal,
    kText,
    kBytes,
    kTuple,
    kList,
    kDict,
    kGlobal,  // a name: text is "module.name"
    kCall,    // what calling items[0], a global, with items[1], a tuple, would give; nobody calls it
    kStored   // a reference to something outside the pickle: items[0] says what
  };
  Kind kind = Kind::kNone;
  std::int64_t integer = 0;               // kInt, kBool
  double real = 0;                        // kReal
  std::string_view text;                  // kText, kGlobal
  ByteView bytes;                         // kBytes
  std::vector<const PickleValue*> items;  // kTuple, kList; kDict: key, value, key, value, ...
  const PickleValue* state = nullptr;     // kCall: what the object is filled with after the call
  std::size_t offset = 0;                 // of the opcode that made it

  bool is(Kind k) const { return kind == k; }
  /// True for a kCall of `function` ("torch._utils._rebuild_tensor_v2").
  bool calls(std::string_view function) const { return kind == Kind::kCall && items[0]->text == function; }
  /// The value of a text key of a kDict, or null. The last one counts, as in Python.
  const PickleValue* find(std::string_view key) const;
};

/// Reads protocols 2 to 5. Known are the opcodes that numbers, texts, containers, names and calls need; a
/// call is only noted. Names are refused unless they stand in `allowed` ("collections.OrderedDict", ...);
/// calls of collections.OrderedDict become kDict. Values can be shared and can contain themselves.
///
/// Throws Error "pickle: WHERE, byte N: ..." for an opcode or a name outside these lists, truncated bytes,
/// integers of more than 8 bytes, a stack that does not fit, and more than 500,000 values (which take 70 MB
/// at most, the largest networks have some 10,000). Otherwise memory is a small multiple of the pickle's
/// size. Source of the format: the comments of pickletools.py in Python's library.
class Pickle {
 public:
  Pickle(ByteView bytes, std::span<const std::string_view> allowed, std::string where);

  const PickleValue& root() const { return *root_; }
  /// Throws Error "pickle: WHERE, byte N: parts...".
  [[noreturn]] void refuse(const PickleValue& value, const std::string& text) const;

 private:
  friend class PickleMachine;
  std::string where_;
  std::deque<PickleValue> values_;
  std::deque<std::string> names_;  // of the globals
  const PickleValue* root_ = nullptr;
};

}  // namespace clearcut
