#include "tensor/npy.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "tensor/error.h"

namespace clearcut {

namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kMaxHeader = 1 << 20;

struct Header {
  std::string descr;  // '<f4'
  bool fortran = false;
  Shape shape;
};

std::string_view text(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// The value behind 'key': in a Python dictionary literal, up to where `end` says.
std::string_view value_of(std::string_view dict, std::string_view key, const std::string& name) {
  for (const char quote : {'\'', '"'}) {
    const std::size_t at = dict.find(quote + std::string(key) + quote);
    if (at == std::string_view::npos) continue;
    std::string_view rest = dict.substr(at + key.size() + 2);
    const std::size_t begin = rest.find_first_not_of(" :");
    if (begin != std::string_view::npos) return rest.substr(begin);
  }
  fail("npy", name, ": the header has no '", key, "'; the file is damaged");
}

std::vector<std::int64_t> parse_shape(std::string_view value, const std::string& name) {
  const std::size_t end = value.find(')');
  check(value.front() == '(' && end != std::string_view::npos, "npy", name, ": the shape is not a tuple");
  std::vector<std::int64_t> sizes;
  for (std::string_view rest = value.substr(1, end - 1); !rest.empty();) {
    const std::size_t begin = rest.find_first_not_of(" ,");
    if (begin == std::string_view::npos) break;
    std::int64_t size = -1;
    const auto [stop, error] = std::from_chars(rest.data() + begin, rest.data() + rest.size(), size);
    check(error == std::errc() && size >= 0, "npy", name, ": the shape ", value.substr(0, end + 1),
          " is not a list of sizes");
    sizes.push_back(size);
    rest = rest.substr(static_cast<std::size_t>(stop - rest.data()));
    if (rest.starts_with('L')) rest.remove_prefix(1);  // Python 2 wrote long integers so
  }
  return sizes;
}

Shape to_shape(const std::vector<std::int64_t>& sizes, const std::string& name) {
  try {
    return Shape(sizes);
  } catch (const Error& error) {
    fail("npy", name, ": ", error.what());
  }
}

Header parse_dict(std::string_view dict, const std::string& name) {
  Header header;
  const std::string_view descr = value_of(dict, "descr", name);
  check(descr.front() != '[', "npy", name, ": structured arrays cannot be read; save one array per field");
  const std::size_t end = descr.find(descr.front(), 1);
  check((descr.front() == '\'' || descr.front() == '"') && end != std::string_view::npos, "npy", name,
        ": the header's descr is not a text");
  header.descr = descr.substr(1, end - 1);
  header.fortran = value_of(dict, "fortran_order", name).starts_with("True");
  header.shape = to_shape(parse_shape(value_of(dict, "shape", name), name), name);
  return header;
}

// Splits off magic, version, length and dictionary; `bytes` keeps the data.
Header take_header(ByteView& bytes, const std::string& name) {
  check(bytes.size() >= 10 && text(bytes.first(6)) == kMagic, "npy", name,
        ": not a NumPy file (it does not start with \\x93NUMPY)");
  const int version = bytes[6];
  check(version >= 1 && version <= 3, "npy", name, ": format version ", version,
        " is unknown; 1 to 3 are read");
  const std::size_t length_bytes = version == 1 ? 2 : 4;
  check(bytes.size() >= 8 + length_bytes, "npy", name, ": truncated in the header");
  std::size_t length = 0;
  for (std::size_t i = length_bytes; i-- > 0;) length = length << 8 | bytes[8 + i];
  check(length <= kMaxHeader && 8 + length_bytes + length <= bytes.size(), "npy", name,
        ": the header says it has ", length, " bytes, the file has ", bytes.size(), " in all; truncated?");
  const Header header = parse_dict(text(bytes.subspan(8 + length_bytes, length)), name);
  bytes = bytes.subspan(8 + length_bytes + length);
  return header;
}

float half_to_float(std::uint16_t h) {
  const int exponent = (h >> 10) & 31, fraction = h & 1023;
  float value = 0;
  if (exponent == 31)
    value = fraction != 0 ? std::numeric_limits<float>::quiet_NaN() : std::numeric_limits<float>::infinity();
  else
    value = exponent == 0 ? std::ldexp(static_cast<float>(fraction), -24)
                          : std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
  return (h & 0x8000) != 0 ? -value : value;
}

// The flat C-order index of element i of an array stored in Fortran order.
std::vector<std::int64_t> c_order(const Shape& shape) {
  std::vector<std::int64_t> index(static_cast<std::size_t>(shape.numel()));
  const int rank = shape.rank();
  std::vector<std::int64_t> at(static_cast<std::size_t>(rank), 0);
  for (std::int64_t& flat : index) {
    flat = 0;
    for (int d = 0; d < rank; ++d) flat = flat * shape[d] + at[static_cast<std::size_t>(d)];
    for (int d = 0; d < rank && ++at[static_cast<std::size_t>(d)] == shape[d]; ++d)
      at[static_cast<std::size_t>(d)] = 0;
  }
  return index;
}

struct Source {
  ByteView data;
  bool swap, fortran;
  Shape shape;
  const std::string& name;
};

// Elements of type File become elements of type Ours.
template <class File, class Ours, class Convert>
Tensor convert(const Source& source, const Convert& to_ours) {
  const std::size_t wanted = static_cast<std::size_t>(source.shape.numel()) * sizeof(File);
  check(source.data.size() == wanted, "npy", source.name, ": shape ", source.shape, " needs ", wanted,
        " bytes of data, the file has ", source.data.size(),
        source.data.size() < wanted ? "; truncated?" : "");
  Tensor y(source.shape, dtype_of<Ours>);
  Ours* out = y.data<Ours>();
  const std::vector<std::int64_t> order =
      source.fortran ? c_order(source.shape) : std::vector<std::int64_t>();
  for (std::size_t i = 0; i < static_cast<std::size_t>(source.shape.numel()); ++i) {
    std::array<std::uint8_t, sizeof(File)> raw{};
    std::memcpy(raw.data(), source.data.data() + i * sizeof(File), sizeof(File));
    if (source.swap) std::reverse(raw.begin(), raw.end());
    out[source.fortran ? static_cast<std::size_t>(order[i]) : i] = to_ours(std::bit_cast<File>(raw));
  }
  return y;
}

template <class File, class Ours>
Tensor widen(const Source& source) {
  return convert<File, Ours>(source, [](File v) { return static_cast<Ours>(v); });
}

Tensor read_elements(const std::string& type, const Source& s) {
  if (type == "b1")
    return convert<std::uint8_t, std::uint8_t>(s, [](auto v) { return std::uint8_t{v != 0}; });
  if (type == "u1") return widen<std::uint8_t, std::uint8_t>(s);
  if (type == "i1") return widen<std::int8_t, std::int32_t>(s);
  if (type == "i2") return widen<std::int16_t, std::int32_t>(s);
  if (type == "u2") return widen<std::uint16_t, std::int32_t>(s);
  if (type == "i4") return widen<std::int32_t, std::int32_t>(s);
  if (type == "u4") return widen<std::uint32_t, std::int64_t>(s);
  if (type == "i8") return widen<std::int64_t, std::int64_t>(s);
  if (type == "u8")
    return convert<std::uint64_t, std::int64_t>(s, [&](std::uint64_t v) {
      check(v <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()), "npy", s.name, ": ", v,
            " does not fit int64");
      return static_cast<std::int64_t>(v);
    });
  if (type == "f2") return convert<std::uint16_t, float>(s, half_to_float);
  if (type == "f4") return widen<float, float>(s);
  if (type == "f8") return widen<double, double>(s);
  check(type != "O", "npy", s.name,
        ": object arrays need Python's pickle, which can run code; save numbers instead");
  fail("npy", s.name, ": element type '", type, "' cannot be read; bool, integers and floats can");
}

}  // namespace

Tensor decode_npy(ByteView bytes, const std::string& name) {
  const Header header = take_header(bytes, name);
  std::string type = header.descr;
  const char order = type.empty() ? '?' : type.front();
  check(order == '<' || order == '>' || order == '|' || order == '=', "npy", name, ": element type '", type,
        "' has no byte order");
  type.erase(0, 1);
  return read_elements(type, {bytes, order == '>', header.fortran, header.shape, name});
}

Tensor read_npy(const std::string& path) { return decode_npy(read_file(path), path); }

Bytes encode_npy(const Tensor& x) {
  constexpr const char* kDescr[] = {"<f4", "<f8", "<i4", "<i8", "|u1"};  // in the order of DType
  std::string shape;
  for (const std::int64_t size : x.shape().sizes()) shape += cat(size, ", ");
  if (x.rank() > 1) shape.resize(shape.size() - 2);
  if (x.rank() == 1) shape.pop_back();
  std::string dict = cat("{'descr': '", kDescr[static_cast<std::size_t>(x.dtype())],
                         "', 'fortran_order': False, 'shape': (", shape, "), }");
  dict.resize((10 + dict.size() + 1 + 63) / 64 * 64 - 10 - 1, ' ');  // data starts at a multiple of 64
  dict += '\n';
  std::string head(kMagic);
  head += {1, 0, static_cast<char>(dict.size() & 0xFF), static_cast<char>(dict.size() >> 8)};
  head += dict;
  Bytes out(head.begin(), head.end());
  on<Numbers>("npy", x.device(), x.dtype(), [&]<class T>(auto) {
    const auto* data = reinterpret_cast<const std::uint8_t*>(x.data<const T>());
    out.insert(out.end(), data, data + x.bytes());
  });
  return out;
}

void write_npy(const std::string& path, const Tensor& x) { write_file(path, encode_npy(x)); }

const Tensor& find_array(const NamedTensors& arrays, const std::string& name, const std::string& file) {
  std::string there;
  for (const auto& [key, tensor] : arrays) {
    if (key == name) return tensor;
    there += cat(there.empty() ? "" : ", ", key);
  }
  fail("npz", file, ": has no array '", name, "'; it has ", there.empty() ? "none" : there);
}

}  // namespace clearcut
