#include "models/onnx_tensor.h"

#include <charconv>
#include <cstring>
#include <vector>

#include "tensor/stored.h"

namespace clearcut::onnx {

namespace {

// TensorProto.DataType
enum Type : std::int64_t {
  kFloat = 1,
  kUint8 = 2,
  kInt32 = 6,
  kInt64 = 7,
  kBool = 9,
  kFloat16 = 10,
  kDouble = 11,
  kBfloat16 = 16
};

// The fields of a TensorProto. Numbers stand in `raw`, or one by one in the list of their type.
struct Fields {
  std::string name;
  std::vector<std::int64_t> sizes;
  std::int64_t type = 0;
  bool has_raw = false, external = false;
  ExternalPlace place;
  std::span<const std::uint8_t> raw;
  std::vector<float> floats;        // FLOAT
  std::vector<std::int64_t> ints;   // INT32, UINT8, BOOL, and the bits of FLOAT16 and BFLOAT16
  std::vector<std::int64_t> longs;  // INT64
  std::vector<double> doubles;      // DOUBLE
};

std::uint64_t whole_number(const WireReader& in, const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    in.broken("external data: '", text, "' is no whole number");
  return value;
}

// One pair of StringStringEntryProto.
void read_place(WireReader in, ExternalPlace& place) {
  std::string key, value;
  while (in.next()) {
    if (in.field() == 1) key = in.text();
    if (in.field() == 2) value = in.text();
  }
  if (key == "location") place.location = value;
  if (key == "offset") place.offset = whole_number(in, value);
  if (key == "length") place.length = whole_number(in, value), place.has_length = true;
}

Fields read_fields(WireReader& in) {
  Fields f;
  const auto into = [](std::vector<std::int64_t>& list) {
    return [&list](std::uint64_t value) { list.push_back(static_cast<std::int64_t>(value)); };
  };
  while (in.next()) {
    const auto field = in.field();
    if (field == 1) in.varints(into(f.sizes));
    if (field == 2) f.type = in.varint();
    if (field == 3) in.broken("it comes in segments; save the model in one piece");
    if (field == 4) in.floats([&](float v) { f.floats.push_back(v); });
    if (field == 5) in.varints(into(f.ints));
    if (field == 7) in.varints(into(f.longs));
    if (field == 8) f.name = in.text();
    if (field == 9) f.raw = in.bytes(), f.has_raw = true;
    if (field == 10) in.doubles([&](double v) { f.doubles.push_back(v); });
    if (field == 13) read_place(in.message("external data"), f.place);
    if (field == 14) f.external = in.varint() == 1;
  }
  return f;
}

// Number of elements; no product is formed that could overflow.
std::int64_t checked_numel(const WireReader& in, const Fields& f) {
  if (f.sizes.size() > Shape::kMaxRank)
    in.broken("'", f.name, "' has ", f.sizes.size(), " dimensions; at most ", Shape::kMaxRank);
  constexpr std::int64_t kMax = std::int64_t{1} << 40;
  std::int64_t n = 1;
  for (const std::int64_t size : f.sizes) {
    if (size < 0) in.broken("'", f.name, "' has the size ", size, "; sizes are >= 0");
    if (size > 0 && n > kMax / size) in.broken("'", f.name, "' says it has more than 2^40 elements");
    n *= size;
  }
  return n;
}

template <class T>
T identity(T value) {
  return value;
}

// Element i of type `Stored` in the raw bytes or the list, passed through convert, becomes element i of T.
template <class T, class Stored, class ListItem, class Convert>
Tensor decode(const WireReader& in, const Fields& f, const std::vector<ListItem>& list, Convert convert) {
  const auto n = static_cast<std::size_t>(checked_numel(in, f));
  const std::size_t given = f.has_raw ? f.raw.size() / sizeof(Stored) : list.size();
  if (given != n || (f.has_raw && f.raw.size() % sizeof(Stored) != 0))
    in.broken("'", f.name, "' has ", n, " elements by its sizes, but ", given, " in the file");
  Tensor y(Shape(f.sizes), dtype_of<T>);
  T* out = n > 0 ? y.data<T>() : nullptr;
  for (std::size_t i = 0; i < n; ++i) {
    Stored value;
    if (f.has_raw)
      std::memcpy(&value, f.raw.data() + i * sizeof(Stored), sizeof(Stored));
    else
      value = static_cast<Stored>(list[i]);
    out[i] = convert(value);
  }
  return y;
}

Tensor decode_any(const WireReader& in, const Fields& f) {
  switch (f.type) {
    case kFloat:
      return decode<float, float>(in, f, f.floats, identity<float>);
    case kDouble:
      return decode<double, double>(in, f, f.doubles, identity<double>);
    case kInt32:
      return decode<std::int32_t, std::int32_t>(in, f, f.ints, identity<std::int32_t>);
    case kInt64:
      return decode<std::int64_t, std::int64_t>(in, f, f.longs, identity<std::int64_t>);
    case kUint8:
    case kBool:
      return decode<std::uint8_t, std::uint8_t>(in, f, f.ints, identity<std::uint8_t>);
    case kFloat16:
      return decode<float, std::uint16_t>(in, f, f.ints, float_of_half);
    case kBfloat16:
      return decode<float, std::uint16_t>(in, f, f.ints, float_of_bfloat16);
    default:
      in.broken("'", f.name, "' has element type ", f.type,
                "; supported are FLOAT, DOUBLE, FLOAT16, BFLOAT16, INT32, INT64, UINT8 and BOOL");
  }
}

}  // namespace

std::pair<std::string, Tensor> parse_tensor(WireReader reader, ExternalFiles& files) {
  Fields fields = read_fields(reader);
  if (fields.external) {
    fields.raw = files.at(fields.place);
    fields.has_raw = true;
  }
  return {fields.name, decode_any(reader, fields)};
}

}  // namespace clearcut::onnx
