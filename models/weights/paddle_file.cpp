#include "models/weights/paddle_file.h"

#include <algorithm>

#include "tensor/stored.h"

namespace clearcut {

namespace {

using Value = PickleValue;
using Kind = PickleValue::Kind;

// NumPy 2 moved its core; Python 3 moved its builtins.
constexpr std::string_view kReconstruct[] = {"numpy.core.multiarray._reconstruct",
                                             "numpy._core.multiarray._reconstruct"};
constexpr std::string_view kTuple[] = {"builtins.tuple", "__builtin__.tuple"};
constexpr std::string_view kEncode = "_codecs.encode", kDType = "numpy.dtype";
constexpr std::string_view kAllowed[] = {
    kReconstruct[0], kReconstruct[1], "numpy.ndarray", kDType,
    kEncode,         kTuple[0],       kTuple[1],       "collections.OrderedDict"};

bool calls_one_of(const Value& value, const std::string_view (&names)[2]) {
  return value.calls(names[0]) || value.calls(names[1]);
}

// Protocol 2 has no bytes: it writes each as the character of that number, in UTF-8.
Bytes latin1(const Pickle& pickle, const Value& text) {
  Bytes bytes;
  for (std::size_t i = 0; i < text.bytes.size(); ++i) {
    const std::uint8_t lead = text.bytes[i];
    if (lead < 0x80) {
      bytes.push_back(lead);
      continue;
    }
    const bool pair =
        (lead & 0xFC) == 0xC0 && i + 1 < text.bytes.size() && (text.bytes[i + 1] & 0xC0) == 0x80;
    if (!pair) pickle.refuse(text, "bytes written as text hold a character beyond 255; the file is damaged");
    bytes.push_back(static_cast<std::uint8_t>(lead << 6 | (text.bytes[++i] & 0x3F)));
  }
  return bytes;
}

struct ElementType {
  std::string type;  // as in tensor/stored.h
  bool big_endian = false;
};

// numpy.dtype("f4", ...) filled with (version, "<", ...).
ElementType element_type(const Pickle& pickle, const Value& value) {
  const bool fits = value.calls(kDType) && !value.items[1]->items.empty() && value.state != nullptr &&
                    value.state->items.size() >= 2 && value.state->items[1]->is(Kind::kText);
  if (!fits) pickle.refuse(value, "an array's element type must be a numpy.dtype with its byte order");
  ElementType element{std::string(value.items[1]->items[0]->text), value.state->items[1]->text == ">"};
  if (element.type == "u2") element.type = "bf2";
  if (stored_size(element.type) == 0)
    pickle.refuse(value, cat("arrays of '", element.type, "' cannot be read; bool, integers and floats can"));
  return element;
}

Shape shape_of(const Pickle& pickle, const Value& value) {
  std::vector<std::int64_t> sizes;
  for (const Value* item : value.items) sizes.push_back(item->is(Kind::kInt) ? item->integer : -1);
  try {
    return Shape(sizes);
  } catch (const Error& error) {
    pickle.refuse(value, error.what());
  }
}

class PaddleReader {
 public:
  PaddleReader(ByteView file, const std::string& where) : pickle_(file, kAllowed, where), where_(where) {}

  // An array, or the (name, array) that Paddle makes of a parameter.
  Tensor tensor_of(const Value& value) const {
    if (calls_one_of(value, kReconstruct)) return array(value);
    const Value* pair = &value;
    if (calls_one_of(value, kTuple) && value.items[1]->items.size() == 1) pair = value.items[1]->items[0];
    const bool named = pair->is(Kind::kTuple) && pair->items.size() == 2 && pair->items[0]->is(Kind::kText) &&
                       calls_one_of(*pair->items[1], kReconstruct);
    return named ? array(*pair->items[1]) : Tensor();
  }

  const Pickle& pickle() const { return pickle_; }

 private:
  // The state is (version, sizes, element type, Fortran order?, numbers).
  Tensor array(const Value& value) const {
    const Value* state = value.state;
    if (state == nullptr || state->items.size() != 5) pickle_.refuse(value, "an array without its numbers");
    const ElementType element = element_type(pickle_, *state->items[2]);
    const Shape shape = shape_of(pickle_, *state->items[1]);
    if (state->items[3]->integer != 0 && shape.rank() > 1)
      pickle_.refuse(value, "an array in Fortran order; save it with numpy.ascontiguousarray");
    const Value& numbers = *state->items[4];
    Bytes unpacked;
    ByteView data = numbers.bytes;
    if (numbers.calls(kEncode) && !numbers.items[1]->items.empty())
      data = unpacked = latin1(pickle_, *numbers.items[1]->items[0]);
    const std::size_t wanted = static_cast<std::size_t>(shape.numel()) * stored_size(element.type);
    if (data.size() != wanted)
      pickle_.refuse(value, cat("an array ", shape, " needs ", wanted, " bytes, it has ", data.size()));
    return read_stored(
        "weights", where_,
        {.type = element.type, .data = data, .shape = shape, .big_endian = element.big_endian});
  }

  Pickle pickle_;
  const std::string& where_;
};

Tensor& find_tensor(StateDict& tensors, std::string_view name, const std::string& where) {
  const auto found =
      std::find_if(tensors.begin(), tensors.end(), [&](const auto& named) { return named.first == name; });
  check(found != tensors.end(), "weights", where, ": '", name, "', a piece of a large array, is missing");
  return found->second;
}

// "UnpackBigParamInfor@@" says which arrays are pieces of one: {name: {"OriginShape": ..., "slices": [...]}}.
void join_pieces(const Pickle& pickle, StateDict& tensors, const std::string& where) {
  const Value* table = pickle.root().find("UnpackBigParamInfor@@");
  if (table == nullptr) return;
  for (std::size_t i = 0; i + 1 < table->items.size(); i += 2) {
    const Value *sizes = table->items[i + 1]->find("OriginShape"),
                *names = table->items[i + 1]->find("slices");
    if (sizes == nullptr || names == nullptr || names->items.empty())
      pickle.refuse(*table, "a large array needs its shape and its pieces");
    std::vector<Tensor> pieces;
    for (const Value* name : names->items) {
      pieces.push_back(find_tensor(tensors, name->text, where));
      std::erase_if(tensors, [&](const auto& named) { return named.first == name->text; });
    }
    std::int64_t total = 0;
    for (const Tensor& piece : pieces) {
      check(piece.rank() == 1 && piece.dtype() == pieces[0].dtype(), "weights", where,
            ": the pieces of a large array must be flat and of one type");
      total += piece.numel();
    }
    const Shape shape = shape_of(pickle, *sizes);
    check(shape.numel() == total, "weights", where, ": '", table->items[i]->text, "' should be ", shape,
          ", its pieces have ", total, " elements");
    const Tensor whole(Shape{total}, pieces[0].dtype());
    std::int64_t at = 0;
    for (const Tensor& piece : pieces) {
      whole.slice(at, at + piece.numel()).copy_from(piece);
      at += piece.numel();
    }
    tensors.emplace_back(std::string(table->items[i]->text), whole.reshape(shape));
  }
}

}  // namespace

CollectedWeights read_paddle(ByteView file, const std::string& where) {
  const PaddleReader reader(file, where);
  CollectedWeights weights = collect_weights(
      reader.pickle(), [&](const Value& value) { return reader.tensor_of(value); }, 8 * file.size(), where);
  join_pieces(reader.pickle(), weights.tensors, where);
  return weights;
}

}  // namespace clearcut
