// Zip files in memory, read: the directory and the packed bytes, every number checked.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tensor/deflate.h"

namespace clearcut {

/// The methods that are read.
constexpr std::uint16_t kZipStored = 0, kZipDeflated = 8;

struct ZipEntry {
  std::string name;
  std::uint16_t method = kZipStored;
  std::uint32_t crc = 0;
  std::uint64_t packed = 0, size = 0, offset = 0;  // bytes; of the local entry
};

/// Reads zip and zip64 files. `bytes` must outlive it. Throws Error "zip: NAME: ..." for what is no zip file,
/// truncated or damaged bytes, encrypted entries, and a directory of more entries than the file has room for.
/// Source: PKWARE APPNOTE.TXT 6.3.10, sections 4.3 and 4.5.3.
class ZipReader {
 public:
  ZipReader(ByteView bytes, std::string name);

  const std::string& name() const { return name_; }
  const std::vector<ZipEntry>& entries() const { return entries_; }  // in the order of the directory
  /// The entry's bytes as they lie in the file.
  ByteView packed(const ZipEntry& entry) const;
  /// A stored entry where it lies, its CRC-32 checked. Throws Error if it is compressed.
  ByteView stored(const ZipEntry& entry) const;
  /// The content, stored or deflated, its CRC-32 checked. Allocates entry.size bytes, of which inflate() says
  /// whether they can come out of the packed ones.
  Bytes unpack(const ZipEntry& entry) const;

 private:
  ByteView part(std::uint64_t at, std::uint64_t size) const;
  std::uint64_t number(std::uint64_t at, unsigned size) const;
  std::uint16_t u16(std::uint64_t at) const { return static_cast<std::uint16_t>(number(at, 2)); }
  std::uint32_t u32(std::uint64_t at) const { return static_cast<std::uint32_t>(number(at, 4)); }
  std::uint64_t end_record() const;
  ZipEntry directory_entry(std::uint64_t at) const;
  void read_directory();
  void check_crc(const ZipEntry& entry, ByteView content) const;

  ByteView bytes_;
  std::string name_;
  std::vector<ZipEntry> entries_;
};

namespace detail {
// Numbers at the start of each part, for reader and writer.
constexpr std::uint32_t kZipLocalEntry = 0x04034B50, kZipDirectoryEntry = 0x02014B50,
                        kZipDirectoryEnd = 0x06054B50, kZipDirectory64End = 0x06064B50,
                        kZipDirectory64Locator = 0x07064B50;
constexpr std::uint64_t kInZip64 = 0xFFFFFFFF;  // "the number stands in the zip64 field"
}  // namespace detail

}  // namespace clearcut
