// The zip side of tensor/npy.h. Source: PKWARE APPNOTE.TXT 6.3.10, sections 4.3 and 4.5.3.
#include <algorithm>

#include "tensor/error.h"
#include "tensor/npy.h"
#include "tensor/zip.h"

namespace clearcut {

namespace {

using Entry = ZipEntry;
using namespace detail;
constexpr std::uint16_t kDate1980 = 0x0021;  // 1 January 1980, the first day that zip knows

void put(Bytes& out, std::uint64_t value, int size) {
  for (int i = 0; i < size; ++i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

void put(Bytes& out, std::string_view text) { out.insert(out.end(), text.begin(), text.end()); }

// The part that local entry and directory entry share: version to name and extra lengths.
void put_common(Bytes& out, const Entry& entry) {
  put(out, 20, 2);  // version 2.0: deflate
  put(out, 0, 2);   // flags
  put(out, entry.method, 2);
  put(out, 0, 2);  // 00:00
  put(out, kDate1980, 2);
  put(out, entry.crc, 4);
  put(out, entry.packed, 4);
  put(out, entry.size, 4);
  put(out, entry.name.size(), 2);
  put(out, 0, 2);  // no extra fields
}

void put_directory(Bytes& out, const std::vector<Entry>& entries) {
  const std::size_t begin = out.size();
  for (const Entry& entry : entries) {
    put(out, kZipDirectoryEntry, 4);
    put(out, 20, 2);
    put_common(out, entry);
    put(out, 0, 2 + 2 + 2);  // no comment, disk 0, no internal attributes
    put(out, 0, 4);          // no external attributes
    put(out, entry.offset, 4);
    put(out, entry.name);
  }
  const std::size_t size = out.size() - begin;
  put(out, kZipDirectoryEnd, 4);
  put(out, 0, 2 + 2);
  put(out, entries.size(), 2);
  put(out, entries.size(), 2);
  put(out, size, 4);
  put(out, begin, 4);
  put(out, 0, 2);
}

}  // namespace

NamedTensors decode_npz(ByteView bytes, const std::string& name, std::size_t max_bytes) {
  const ZipReader zip(bytes, name);
  NamedTensors arrays;
  std::uint64_t total = 0;
  for (const Entry& entry : zip.entries()) {
    const std::string where = cat(name, ", entry '", entry.name, "'");
    check(entry.size <= max_bytes && (total += entry.size) <= max_bytes, "npz", where,
          ": the arrays unpack to more than ", max_bytes, " bytes");
    check(entry.name.ends_with(".npy"), "npz", where, ": is not an array (.npy)");
    const std::string key = entry.name.substr(0, entry.name.size() - 4);
    const bool twice =
        std::any_of(arrays.begin(), arrays.end(), [&](const auto& a) { return a.first == key; });
    check(!twice, "npz", where, ": comes twice");
    arrays.emplace_back(key, decode_npy(zip.unpack(entry), where));
  }
  return arrays;
}

NamedTensors read_npz(const std::string& path, std::size_t max_bytes) {
  return decode_npz(read_file(path), path, max_bytes);
}

Bytes encode_npz(const NamedTensors& arrays, NpzOptions options) {
  Bytes out;
  std::vector<Entry> entries;
  for (const auto& [name, tensor] : arrays) {
    Entry entry{
        .name = name + ".npy", .method = options.compress ? kZipDeflated : kZipStored, .offset = out.size()};
    for (const Entry& other : entries)
      check(other.name != entry.name, "npz", "the name '", name, "' comes twice");
    const Bytes data = encode_npy(tensor);
    const Bytes packed = options.compress ? deflate(data) : data;
    entry.crc = crc32(data);
    entry.packed = packed.size();
    entry.size = data.size();
    put(out, kZipLocalEntry, 4);
    put_common(out, entry);
    put(out, entry.name);
    out.insert(out.end(), packed.begin(), packed.end());
    check(out.size() < kInZip64 && entry.size < kInZip64, "npz", "array '", name,
          "': files of 4 GiB and more are not written");
    entries.push_back(entry);
  }
  check(entries.size() < 65535, "npz", entries.size(), " arrays are too many for one file");
  put_directory(out, entries);
  return out;
}

void write_npz(const std::string& path, const NamedTensors& arrays, NpzOptions options) {
  write_file(path, encode_npz(arrays, options));
}

}  // namespace clearcut
