#include "tensor/npy.h"

#include <algorithm>
#include <charconv>

#include "tensor/error.h"
#include "tensor/stored.h"

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

// Elements between neighbours of each dimension when the first one runs fastest.
std::vector<std::int64_t> fortran_strides(const Shape& shape) {
  std::vector<std::int64_t> strides;
  for (int d = 0; d < shape.rank(); ++d) strides.push_back(d == 0 ? 1 : strides.back() * shape[d - 1]);
  return strides;
}

}  // namespace

Tensor decode_npy(ByteView bytes, const std::string& name) {
  const Header header = take_header(bytes, name);
  std::string type = header.descr;
  const char order = type.empty() ? '?' : type.front();
  check(order == '<' || order == '>' || order == '|' || order == '=', "npy", name, ": element type '", type,
        "' has no byte order");
  type.erase(0, 1);
  check(type != "O", "npy", name,
        ": object arrays need Python's pickle, which can run code; save numbers instead");
  const std::size_t size = stored_size(type), wanted = static_cast<std::size_t>(header.shape.numel()) * size;
  check(size == 0 || bytes.size() == wanted, "npy", name, ": shape ", header.shape, " needs ", wanted,
        " bytes of data, the file has ", bytes.size(), bytes.size() < wanted ? "; truncated?" : "");
  return read_stored(
      "npy", name,
      {.type = type,
       .data = bytes,
       .shape = header.shape,
       .strides = header.fortran && wanted > 0 ? fortran_strides(header.shape) : std::vector<std::int64_t>(),
       .big_endian = order == '>'});
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
  on_host<Numbers>("npy", x.device(), x.dtype(), [&]<class T>(auto) {
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
