#include "tensor/safetensors.h"

#include <algorithm>
#include <bit>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tensor/file.h"
#include "tensor/stored.h"

namespace clearcut {

static_assert(std::endian::native == std::endian::little, "number files are little-endian, as is this code");

namespace {

using Json = nlohmann::ordered_json;
constexpr std::uint64_t kMaxHeader = 100'000'000;

struct FormatName {
  std::string_view name, stored;  // as in tensor/stored.h
};
// The first five are ours, in the order of DType: those that are written.
constexpr FormatName kFormatNames[] = {{"F32", "f4"}, {"F64", "f8"}, {"I32", "i4"},   {"I64", "i8"},
                                       {"U8", "u1"},  {"F16", "f2"}, {"BF16", "bf2"}, {"I8", "i1"},
                                       {"I16", "i2"}, {"U16", "u2"}, {"U32", "u4"},   {"BOOL", "b1"}};

struct Entry {
  std::string name;
  std::string_view stored;
  Shape shape;
  std::uint64_t begin, end;
};

// Refuses a name that comes twice; the JSON library itself would keep the last one.
Json parse_header(const std::string& path, std::string_view text) {
  std::vector<std::string> names;
  const Json::parser_callback_t watch = [&](int depth, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::key && depth == 1) names.push_back(value.get<std::string>());
    return true;
  };
  Json header = Json::parse(text, watch, /*allow_exceptions=*/false);
  check(header.is_object(), "safetensors", path, ": the header is not a JSON object");
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  check(twice == names.end(), "safetensors", path, ": the name '", twice == names.end() ? "" : *twice,
        "' comes twice in the header");
  return header;
}

std::string_view parse_dtype(const std::string& where, const std::string& name) {
  for (const FormatName& known : kFormatNames)
    if (name == known.name) return known.stored;
  fail("safetensors", where,
       ": dtype must be F32, F64, F16, BF16, I8, I16, I32, I64, U8, U16, U32 or BOOL, got ", name);
}

Entry parse_entry(const std::string& path, const std::string& name, const Json& json) {
  const std::string where = cat(path, ", tensor '", name, "'");
  try {
    const std::string dtype = json.at("dtype").get<std::string>();
    const std::string_view stored = parse_dtype(where, dtype);
    const Shape shape(json.at("shape").get<std::vector<std::int64_t>>());
    const auto offsets = json.at("data_offsets").get<std::vector<std::uint64_t>>();
    check(offsets.size() == 2 && offsets[0] <= offsets[1], "safetensors", where,
          ": data_offsets must be [begin, end] with begin <= end");
    const std::uint64_t size = static_cast<std::uint64_t>(shape.numel()) * stored_size(stored);
    check(offsets[1] - offsets[0] == size, "safetensors", where, ": ", shape, " ", dtype, " needs ", size,
          " bytes, the offsets give ", offsets[1] - offsets[0]);
    return {name, stored, shape, offsets[0], offsets[1]};
  } catch (const Json::exception& error) {
    fail("safetensors", where, ": needs dtype, shape and data_offsets (", error.what(), ")");
  }
}

void check_layout(const std::string& path, std::vector<Entry> entries, std::uint64_t data_size) {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.begin < b.begin; });
  std::uint64_t at = 0;
  for (const Entry& e : entries) {
    check(e.begin == at, "safetensors", path, ", tensor '", e.name, "': starts at byte ", e.begin,
          ", expected ", at, " (tensors must neither overlap nor leave holes)");
    at = e.end;
  }
  check(at == data_size, "safetensors", path, ": the header describes ", at, " bytes of data, the file has ",
        data_size);
}

std::map<std::string, std::string> parse_metadata(const std::string& path, const Json& json) {
  check(json.is_object(), "safetensors", path, ": __metadata__ must be an object of texts");
  std::map<std::string, std::string> metadata;
  for (const auto& [key, value] : json.items()) {
    check(value.is_string(), "safetensors", path, ": __metadata__ '", key, "' must be a text");
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

// start: the first bytes of a file of file_size bytes.
std::uint64_t checked_header_size(ByteView start, std::uint64_t file_size, const std::string& path) {
  check(start.size() >= 8, "safetensors", path, ": ", start.size(), " bytes are too few for a header");
  std::uint64_t header_size = 0;
  std::memcpy(&header_size, start.data(), 8);
  check(header_size <= kMaxHeader && header_size <= file_size - 8, "safetensors", path, ": the header says ",
        header_size, " bytes, the file has ", file_size - 8, " behind its length (limit ", kMaxHeader, ")");
  return header_size;
}

}  // namespace

SafetensorsFile decode_safetensors(ByteView bytes, const std::string& path) {
  const std::uint64_t header_size = checked_header_size(bytes, bytes.size(), path);
  const Json header = parse_header(path, {reinterpret_cast<const char*>(bytes.data()) + 8, header_size});
  SafetensorsFile file;
  std::vector<Entry> entries;
  for (const auto& [name, json] : header.items()) {
    if (name != "__metadata__") {
      entries.push_back(parse_entry(path, name, json));
      continue;
    }
    file.metadata = parse_metadata(path, json);
  }
  check_layout(path, entries, bytes.size() - 8 - header_size);
  const ByteView data = bytes.subspan(8 + header_size);
  for (const Entry& e : entries)
    file.tensors.emplace_back(
        e.name,
        read_stored("safetensors", cat(path, ", tensor '", e.name, "'"),
                    {.type = e.stored, .data = data.subspan(e.begin, e.end - e.begin), .shape = e.shape}));
  return file;
}

SafetensorsFile read_safetensors(const std::string& path) {
  return decode_safetensors(read_file(path, std::size_t{1} << 40), path);
}

std::map<std::string, std::string> read_safetensors_metadata(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  check(file.good(), "safetensors", path, " cannot be read");
  Bytes start(8);
  file.read(reinterpret_cast<char*>(start.data()), 8);
  start.resize(static_cast<std::size_t>(file.gcount()));
  std::string text(checked_header_size(start, std::filesystem::file_size(path), path), '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  const Json header = parse_header(path, text);
  return header.contains("__metadata__") ? parse_metadata(path, header.at("__metadata__"))
                                         : std::map<std::string, std::string>();
}

void write_safetensors(const std::string& path, const SafetensorsFile& file) {
  Json header = Json::object();
  if (!file.metadata.empty()) header["__metadata__"] = file.metadata;
  std::uint64_t at = 0;
  for (const auto& [name, t] : file.tensors) {
    check(!header.contains(name) && name != "__metadata__", "safetensors", path, ": the name '", name,
          "' comes twice or is reserved");
    header[name] = {{"dtype", kFormatNames[static_cast<std::size_t>(t.dtype())].name},
                    {"shape", t.shape().sizes()},
                    {"data_offsets", {at, at + t.bytes()}}};
    at += t.bytes();
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // the format allows spaces; data then starts aligned
  const std::uint64_t header_size = text.size();
  std::string out(reinterpret_cast<const char*>(&header_size), 8);
  out += text;
  for (const auto& [name, t] : file.tensors) {
    const Tensor here = t.to(Device::kCpu);
    on_host<Numbers>("safetensors", here.device(), here.dtype(), [&]<class T>(auto) {
      out.append(reinterpret_cast<const char*>(here.data<const T>()), here.bytes());
    });
  }
  write_file(path, out);
}

}  // namespace clearcut
