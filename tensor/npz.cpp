// The zip side of tensor/npy.h. Source: PKWARE APPNOTE.TXT 6.3.10, sections 4.3 and 4.5.3.
#include <algorithm>
#include <cstring>

#include "tensor/error.h"
#include "tensor/npy.h"

namespace clearcut {

namespace {

constexpr std::uint32_t kLocalEntry = 0x04034B50, kDirectoryEntry = 0x02014B50, kDirectoryEnd = 0x06054B50,
                        kDirectory64End = 0x06064B50, kDirectory64Locator = 0x07064B50;
constexpr std::uint64_t kInZip64 = 0xFFFFFFFF;  // "the number stands in the zip64 field"
constexpr std::uint16_t kStored = 0, kDeflated = 8;
constexpr std::uint16_t kDate1980 = 0x0021;  // 1 January 1980, the first day that zip knows

struct Entry {
  std::string name;
  std::uint16_t method = 0;
  std::uint32_t crc = 0;
  std::uint64_t packed = 0, size = 0, offset = 0;
};

// Little-endian numbers at checked places of a zip file.
class Zip {
 public:
  Zip(ByteView bytes, const std::string& name) : bytes_(bytes), name_(name) {}

  ByteView part(std::uint64_t at, std::uint64_t size) const {
    check(at <= bytes_.size() && size <= bytes_.size() - at, "npz", name_, ": needs ", size, " bytes at ", at,
          ", the file has ", bytes_.size(), "; truncated?");
    return bytes_.subspan(at, size);
  }
  std::uint64_t number(std::uint64_t at, unsigned size) const {
    std::uint64_t v = 0;
    std::memcpy(&v, part(at, size).data(), size);
    return v;
  }
  std::uint16_t u16(std::uint64_t at) const { return static_cast<std::uint16_t>(number(at, 2)); }
  std::uint32_t u32(std::uint64_t at) const { return static_cast<std::uint32_t>(number(at, 4)); }

  std::vector<Entry> directory() const;
  ByteView packed_data(const Entry& entry) const;

 private:
  std::uint64_t end_record() const;
  Entry directory_entry(std::uint64_t at) const;

  ByteView bytes_;
  const std::string& name_;
};

// The end record is the last thing in the file, but for a comment of up to 65535 bytes.
std::uint64_t Zip::end_record() const {
  constexpr std::uint64_t kSize = 22, kMaxComment = 65535;
  check(bytes_.size() >= 4 && (u32(0) == kLocalEntry || u32(0) == kDirectoryEnd), "npz", name_,
        ": not a zip file (.npz)");
  for (std::uint64_t back = kSize; back <= std::min<std::uint64_t>(bytes_.size(), kSize + kMaxComment);
       ++back)
    if (u32(bytes_.size() - back) == kDirectoryEnd) return bytes_.size() - back;
  fail("npz", name_, ": the zip directory at the end of the file is missing; truncated?");
}

Entry Zip::directory_entry(std::uint64_t at) const {
  check(u32(at) == kDirectoryEntry, "npz", name_, ": damaged zip directory at byte ", at);
  const std::uint64_t name_size = u16(at + 28), extra_size = u16(at + 30);
  const ByteView name = part(at + 46, name_size);
  Entry entry{
      {name.begin(), name.end()}, u16(at + 10), u32(at + 16), u32(at + 20), u32(at + 24), u32(at + 42)};
  check((u16(at + 8) & 1) == 0, "npz", name_, ": entry '", entry.name, "' is encrypted");
  const std::uint64_t extra = at + 46 + name_size;
  for (std::uint64_t field = extra; field + 4 <= extra + extra_size; field += 4 + u16(field + 2)) {
    if (u16(field) != 1) continue;  // 1: zip64; holds only the numbers that did not fit, in this order
    std::uint64_t next = field + 4;
    for (std::uint64_t* v : {&entry.size, &entry.packed, &entry.offset}) {
      if (*v != kInZip64) continue;
      *v = number(next, 8);
      next += 8;
    }
  }
  return entry;
}

std::vector<Entry> Zip::directory() const {
  const std::uint64_t end = end_record();
  std::uint64_t count = u16(end + 10), at = u32(end + 16);
  if (end >= 20 && u32(end - 20) == kDirectory64Locator) {
    const std::uint64_t end64 = number(end - 20 + 8, 8);
    check(u32(end64) == kDirectory64End, "npz", name_, ": damaged zip64 directory");
    count = number(end64 + 32, 8);
    at = number(end64 + 48, 8);
  }
  std::vector<Entry> entries;
  for (std::uint64_t i = 0; i < count; ++i) {
    entries.push_back(directory_entry(at));
    at += 46U + u16(at + 28) + u16(at + 30) + u16(at + 32);
  }
  return entries;
}

ByteView Zip::packed_data(const Entry& entry) const {
  check(u32(entry.offset) == kLocalEntry, "npz", name_, ": entry '", entry.name,
        "' does not start where the directory says");
  return part(entry.offset + 30 + u16(entry.offset + 26) + u16(entry.offset + 28), entry.packed);
}

Bytes unpack(const Zip& zip, const Entry& entry, const std::string& where) {
  const ByteView packed = zip.packed_data(entry);
  check(entry.method == kStored || entry.method == kDeflated, "npz", where, ": compression method ",
        entry.method, " is unknown; stored (0) and deflate (8) are read");
  check(entry.method == kDeflated || entry.packed == entry.size, "npz", where,
        ": stored, but its two sizes differ: ", entry.packed, " and ", entry.size);
  Bytes data = entry.method == kStored ? Bytes(packed.begin(), packed.end())
                                       : inflate(packed, static_cast<std::size_t>(entry.size), where);
  const std::uint32_t crc = crc32(data);
  check(crc == entry.crc, "npz", where, ": CRC-32 is ", crc, ", the directory says ", entry.crc,
        "; the file is damaged");
  return data;
}

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
    put(out, kDirectoryEntry, 4);
    put(out, 20, 2);
    put_common(out, entry);
    put(out, 0, 2 + 2 + 2);  // no comment, disk 0, no internal attributes
    put(out, 0, 4);          // no external attributes
    put(out, entry.offset, 4);
    put(out, entry.name);
  }
  const std::size_t size = out.size() - begin;
  put(out, kDirectoryEnd, 4);
  put(out, 0, 2 + 2);
  put(out, entries.size(), 2);
  put(out, entries.size(), 2);
  put(out, size, 4);
  put(out, begin, 4);
  put(out, 0, 2);
}

}  // namespace

NamedTensors decode_npz(ByteView bytes, const std::string& name, std::size_t max_bytes) {
  const Zip zip(bytes, name);
  NamedTensors arrays;
  std::uint64_t total = 0;
  for (const Entry& entry : zip.directory()) {
    const std::string where = cat(name, ", entry '", entry.name, "'");
    check(entry.size <= max_bytes && (total += entry.size) <= max_bytes, "npz", where,
          ": the arrays unpack to more than ", max_bytes, " bytes");
    check(entry.name.ends_with(".npy"), "npz", where, ": is not an array (.npy)");
    const std::string key = entry.name.substr(0, entry.name.size() - 4);
    const bool twice =
        std::any_of(arrays.begin(), arrays.end(), [&](const auto& a) { return a.first == key; });
    check(!twice, "npz", where, ": comes twice");
    arrays.emplace_back(key, decode_npy(unpack(zip, entry, where), where));
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
        .name = name + ".npy", .method = options.compress ? kDeflated : kStored, .offset = out.size()};
    for (const Entry& other : entries)
      check(other.name != entry.name, "npz", "the name '", name, "' comes twice");
    const Bytes data = encode_npy(tensor);
    const Bytes packed = options.compress ? deflate(data) : data;
    entry.crc = crc32(data);
    entry.packed = packed.size();
    entry.size = data.size();
    put(out, kLocalEntry, 4);
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
