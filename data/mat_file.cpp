#include "data/mat_file.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "data/text_lines.h"
#include "tensor/error.h"
#include "tensor/zlib_stream.h"

namespace clearcut {

namespace {

// Types of data elements.
enum : std::uint32_t {
  kInt8 = 1,
  kUInt8 = 2,
  kInt16 = 3,
  kUInt16 = 4,
  kInt32 = 5,
  kUInt32 = 6,
  kSingle = 7,
  kDouble = 9,
  kInt64 = 12,
  kUInt64 = 13,
  kMatrix = 14,
  kCompressed = 15,
};
// Classes of arrays.
enum : std::uint32_t {
  kStructClass = 2,
  kObjectClass = 3,
  kDoubleClass = 6,
  kSingleClass = 7,
  kInt8Class = 8,
  kUInt8Class = 9,
  kInt16Class = 10,
  kUInt16Class = 11,
  kInt32Class = 12,
  kUInt64Class = 15,
};
constexpr std::uint32_t kComplexFlag = 0x0800;
constexpr std::size_t kHeader = 128, kMostDims = 6;
constexpr std::size_t kMostBytes = std::size_t{1} << 29;

struct Element {
  std::uint32_t type = 0;
  ByteView data;
};

// Elements one after the other, each with a tag and filled up to a multiple of 8 bytes.
class Elements {
 public:
  Elements(ByteView bytes, bool swapped, const std::string& name)
      : bytes_(bytes), swapped_(swapped), name_(name) {}

  bool at_end() const { return bytes_.empty(); }
  Element next();
  template <class T>
  T number(ByteView at) const;
  bool swapped() const { return swapped_; }
  const std::string& name() const { return name_; }

 private:
  ByteView take(std::size_t size, std::size_t step);

  ByteView bytes_;
  bool swapped_;
  const std::string& name_;
};

template <class T>
T Elements::number(ByteView at) const {
  check(at.size() >= sizeof(T), "mat", name_, ": a number lies behind the end; the file is truncated");
  std::uint8_t raw[sizeof(T)];
  std::copy_n(at.begin(), sizeof(T), raw);
  if (swapped_) std::reverse(raw, raw + sizeof(T));
  T value;
  std::memcpy(&value, raw, sizeof(T));
  return value;
}

ByteView Elements::take(std::size_t size, std::size_t step) {
  check(size <= bytes_.size(), "mat", name_, ": an element of ", size, " bytes where ", bytes_.size(),
        " are left; the file is damaged or truncated");
  const ByteView part = bytes_.first(size);
  bytes_ = bytes_.subspan(std::min(step, bytes_.size()));
  return part;
}

Element Elements::next() {
  const auto first = number<std::uint32_t>(bytes_);
  if (first >> 16 != 0) {  // small: size and type share four bytes, four bytes of data
    const std::uint32_t size = first >> 16;
    check(size <= 4, "mat", name_, ": a small element of ", size, " bytes; the file is damaged");
    const ByteView whole = take(8, 8);
    return {first & 0xFFFF, whole.subspan(4, size)};
  }
  const std::size_t size = number<std::uint32_t>(take(8, 8).subspan(4));
  const std::size_t step = first == kCompressed ? size : (size + 7) / 8 * 8;
  return {first, take(size, step)};
}

// What stands in front of every array.
struct Array {
  std::uint32_t kind = 0;
  bool complex = false;
  std::vector<std::int64_t> dims;
  std::string name;
  std::int64_t count = 1;
};

Array read_head(Elements& parts) {
  Array array;
  const Element flags = parts.next(), dims = parts.next(), name = parts.next();
  const auto word = parts.number<std::uint32_t>(flags.data);
  array.kind = word & 0xFF;
  array.complex = (word & kComplexFlag) != 0;
  const std::size_t rank = dims.data.size() / sizeof(std::int32_t);
  check(rank >= 1 && rank <= kMostDims, "mat", parts.name(), ": an array of ", rank, " dimensions");
  for (std::size_t d = 0; d < rank; ++d) {
    const auto size = parts.number<std::int32_t>(dims.data.subspan(4 * d));
    check(size >= 0 && (size == 0 || array.count <= static_cast<std::int64_t>(kMostBytes) / size), "mat",
          parts.name(), ": an array of impossible size");
    array.dims.push_back(size);
    array.count *= size;
  }
  array.name.assign(name.data.begin(), name.data.end());
  return array;
}

template <class Stored, class T>
std::vector<T> numbers_as(const Elements& parts, ByteView data, std::int64_t count) {
  const auto n = static_cast<std::size_t>(count);
  check(data.size() >= n * sizeof(Stored), "mat", parts.name(), ": an array of ", n, " elements has ",
        data.size(), " bytes; the file is damaged");
  check(std::is_floating_point_v<T> || std::is_integral_v<Stored>, "mat", parts.name(),
        ": whole numbers that are stored as real ones; the file is damaged");
  std::vector<T> out(n);
  for (std::size_t i = 0; i < n; ++i)
    out[i] = static_cast<T>(parts.number<Stored>(data.subspan(i * sizeof(Stored))));
  return out;
}

// A type of data elements, and how it is read.
template <class T>
struct Stored {
  std::uint32_t type;
  std::vector<T> (*read)(const Elements& parts, ByteView data, std::int64_t count);
};
template <class T>
constexpr Stored<T> kStored[] = {
    {kInt8, numbers_as<std::int8_t, T>},   {kUInt8, numbers_as<std::uint8_t, T>},
    {kInt16, numbers_as<std::int16_t, T>}, {kUInt16, numbers_as<std::uint16_t, T>},
    {kInt32, numbers_as<std::int32_t, T>}, {kUInt32, numbers_as<std::uint32_t, T>},
    {kInt64, numbers_as<std::int64_t, T>}, {kUInt64, numbers_as<std::uint64_t, T>},
    {kSingle, numbers_as<float, T>},       {kDouble, numbers_as<double, T>}};

// Doubles may be stored as smaller whole numbers: the element says how, the class what they are.
template <class T>
std::vector<T> read_numbers(Elements& parts, std::int64_t count) {
  const Element real = parts.next();
  for (const Stored<T>& stored : kStored<T>)
    if (stored.type == real.type) return stored.read(parts, real.data, count);
  fail("mat", parts.name(), ": numbers of type ", real.type, "; the file is damaged");
}

// Column-major to row-major.
template <class T>
Tensor row_major(const Array& array, const std::vector<T>& values) {
  const Tensor y((Shape(array.dims)), dtype_of<T>);
  T* out = y.data<T>();
  std::vector<std::int64_t> index(array.dims.size(), 0);
  for (std::int64_t i = 0; i < array.count; ++i) {
    std::int64_t from = 0;
    for (std::size_t d = array.dims.size(); d-- > 0;) from = from * array.dims[d] + index[d];
    out[i] = values[static_cast<std::size_t>(from)];
    for (std::size_t d = array.dims.size(); d-- > 0 && ++index[d] == array.dims[d];) index[d] = 0;
  }
  return y;
}

Tensor to_tensor(Elements& parts, const Array& array) {
  check(array.kind >= kDoubleClass && array.kind <= kUInt64Class && !array.complex, "mat", parts.name(),
        ": '", array.name, "' is no array of real numbers");
  const auto as = [&]<class T>(T) { return row_major(array, read_numbers<T>(parts, array.count)); };
  switch (array.kind) {
    case kDoubleClass:
      return as(double{});
    case kSingleClass:
      return as(float{});
    case kUInt8Class:
      return as(std::uint8_t{});
    case kInt8Class:
    case kInt16Class:
    case kUInt16Class:
    case kInt32Class:
      return as(std::int32_t{});
    default:
      return as(std::int64_t{});
  }
}

Tensor find_in(Elements& parts, const Array& array, const std::vector<std::string>& path, std::size_t depth);

// The field names, each in `width` bytes filled with NUL; then one matrix per field of the first element.
Tensor find_field(Elements& parts, const Array& array, const std::vector<std::string>& path,
                  std::size_t depth) {
  if (array.kind == kObjectClass) parts.next();  // the name of its class
  const auto width = static_cast<std::size_t>(parts.number<std::int32_t>(parts.next().data));
  const ByteView names = parts.next().data;
  check(width >= 1 && width <= names.size() + 1 && names.size() % width == 0, "mat", parts.name(),
        ": the field names of '", array.name, "' are damaged");
  check(array.count >= 1, "mat", parts.name(), ": the struct '", array.name, "' is empty");
  std::string known;
  for (std::size_t at = 0; at < names.size(); at += width) {
    const ByteView padded = names.subspan(at, width);
    const std::string name(padded.begin(), std::find(padded.begin(), padded.end(), 0));
    const Element element = parts.next();
    known += (known.empty() ? "" : ", ") + name;
    if (name != path[depth]) continue;
    Elements inside(element.data, parts.swapped(), parts.name());
    Array field = read_head(inside);
    field.name = array.name + "." + name;
    return find_in(inside, field, path, depth + 1);
  }
  fail("mat", parts.name(), ": '", array.name, "' has no field ", path[depth], "; it has ", known);
}

Tensor find_in(Elements& parts, const Array& array, const std::vector<std::string>& path, std::size_t depth) {
  if (depth == path.size()) return to_tensor(parts, array);
  check(array.kind == kStructClass || array.kind == kObjectClass, "mat", parts.name(), ": '", array.name,
        "' is no struct, so it has no field ", path[depth]);
  return find_field(parts, array, path, depth);
}

// True if the bytes are in the other order than this machine's.
bool check_header(ByteView bytes, const std::string& name) {
  const std::string text(bytes.begin(), bytes.begin() + std::min<std::ptrdiff_t>(20, std::ssize(bytes)));
  check(text.rfind("MATLAB 7.3", 0) != 0 && text.rfind("\x89HDF", 0) != 0, "mat", name,
        ": was saved by MATLAB with -v7.3, which is HDF5; save it with -v7");
  const bool little = bytes.size() >= kHeader && bytes[126] == 'I' && bytes[127] == 'M';
  const bool big = bytes.size() >= kHeader && bytes[126] == 'M' && bytes[127] == 'I';
  check(little || big, "mat", name, ": is no MATLAB file of level 5 (-v6 or -v7)");
  return little != (std::endian::native == std::endian::little);
}

}  // namespace

Tensor decode_mat_array(ByteView bytes, const std::string& name, const std::string& path) {
  const bool swapped = check_header(bytes, name);
  const std::vector<std::string> fields = split_at(path, ".");
  Elements variables(bytes.subspan(kHeader), swapped, name);
  std::string known;
  while (!variables.at_end()) {
    Element element = variables.next();
    Bytes unpacked;
    if (element.type == kCompressed) {
      unpacked = zlib_decompress_all(element.data, kMostBytes, name);
      element = Elements(unpacked, swapped, name).next();
    }
    if (element.type != kMatrix) continue;
    Elements parts(element.data, swapped, name);
    const Array array = read_head(parts);
    if (array.name == fields[0]) return find_in(parts, array, fields, 1);
    known += (known.empty() ? "" : ", ") + array.name;
  }
  fail("mat", name, ": has no variable ", fields[0], known.empty() ? "; it is empty" : "; it has " + known);
}

}  // namespace clearcut
