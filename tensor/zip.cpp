#include "tensor/zip.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "tensor/error.h"

namespace clearcut {

using namespace detail;

ZipReader::ZipReader(ByteView bytes, std::string name) : bytes_(bytes), name_(std::move(name)) {
  read_directory();
}

ByteView ZipReader::part(std::uint64_t at, std::uint64_t size) const {
  check(at <= bytes_.size() && size <= bytes_.size() - at, "zip", name_, ": needs ", size, " bytes at ", at,
        ", the file has ", bytes_.size(), "; truncated?");
  return bytes_.subspan(at, size);
}

std::uint64_t ZipReader::number(std::uint64_t at, unsigned size) const {
  std::uint64_t v = 0;
  std::memcpy(&v, part(at, size).data(), size);
  return v;
}

// The end record is the last thing in the file, but for a comment of up to 65535 bytes.
std::uint64_t ZipReader::end_record() const {
  constexpr std::uint64_t kSize = 22, kMaxComment = 65535;
  check(bytes_.size() >= 4 && (u32(0) == kZipLocalEntry || u32(0) == kZipDirectoryEnd), "zip", name_,
        ": not a zip file");
  for (std::uint64_t back = kSize; back <= std::min<std::uint64_t>(bytes_.size(), kSize + kMaxComment);
       ++back)
    if (u32(bytes_.size() - back) == kZipDirectoryEnd) return bytes_.size() - back;
  fail("zip", name_, ": the directory at the end of the file is missing; truncated?");
}

ZipEntry ZipReader::directory_entry(std::uint64_t at) const {
  check(u32(at) == kZipDirectoryEntry, "zip", name_, ": damaged directory at byte ", at);
  const std::uint64_t name_size = u16(at + 28), extra_size = u16(at + 30);
  const ByteView name = part(at + 46, name_size);
  ZipEntry entry{
      {name.begin(), name.end()}, u16(at + 10), u32(at + 16), u32(at + 20), u32(at + 24), u32(at + 42)};
  check((u16(at + 8) & 1) == 0, "zip", name_, ": entry '", entry.name, "' is encrypted");
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

void ZipReader::read_directory() {
  const std::uint64_t end = end_record();
  std::uint64_t count = u16(end + 10), at = u32(end + 16);
  if (end >= 20 && u32(end - 20) == kZipDirectory64Locator) {
    const std::uint64_t end64 = number(end - 20 + 8, 8);
    check(u32(end64) == kZipDirectory64End, "zip", name_, ": damaged zip64 directory");
    count = number(end64 + 32, 8);
    at = number(end64 + 48, 8);
  }
  for (std::uint64_t i = 0; i < count; ++i) {
    entries_.push_back(directory_entry(at));
    at += 46U + u16(at + 28) + u16(at + 30) + u16(at + 32);
  }
}

ByteView ZipReader::packed(const ZipEntry& entry) const {
  check(u32(entry.offset) == kZipLocalEntry, "zip", name_, ", entry '", entry.name,
        "': does not start where the directory says");
  return part(entry.offset + 30 + u16(entry.offset + 26) + u16(entry.offset + 28), entry.packed);
}

void ZipReader::check_crc(const ZipEntry& entry, ByteView content) const {
  const std::uint32_t crc = crc32(content);
  check(crc == entry.crc, "zip", name_, ", entry '", entry.name, "': CRC-32 is ", crc,
        ", the directory says ", entry.crc, "; the file is damaged");
}

ByteView ZipReader::stored(const ZipEntry& entry) const {
  check(entry.method == kZipStored, "zip", name_, ", entry '", entry.name,
        "': is compressed; pack the file anew without compression");
  const ByteView content = packed(entry);
  check(entry.packed == entry.size, "zip", name_, ", entry '", entry.name,
        "': stored, but its two sizes differ: ", entry.packed, " and ", entry.size);
  check_crc(entry, content);
  return content;
}

Bytes ZipReader::unpack(const ZipEntry& entry) const {
  check(entry.method == kZipStored || entry.method == kZipDeflated, "zip", name_, ", entry '", entry.name,
        "': compression method ", entry.method, " is unknown; stored (0) and deflate (8) are read");
  if (entry.method == kZipStored) {
    const ByteView content = stored(entry);
    return {content.begin(), content.end()};
  }
  Bytes content =
      inflate(packed(entry), static_cast<std::size_t>(entry.size), cat(name_, ", entry '", entry.name, "'"));
  check_crc(entry, content);
  return content;
}

}  // namespace clearcut
