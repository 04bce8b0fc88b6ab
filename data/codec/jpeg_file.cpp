#include "data/codec/jpeg_file.h"

#include <algorithm>
#include <string_view>

#include "tensor/error.h"

namespace clearcut {

namespace {

constexpr std::uint16_t kOrientationTag = 0x0112, kShort = 3;
constexpr std::string_view kExif("Exif\0\0", 6);

// Numbers of a TIFF block in its own byte order; 0 beyond its end.
struct Tiff {
  ByteView bytes;
  bool little;
  std::uint32_t number(std::size_t at, std::size_t size) const {
    if (at > bytes.size() || size > bytes.size() - at) return 0;
    std::uint32_t v = 0;
    for (std::size_t i = 0; i < size; ++i) v = v << 8 | bytes[at + (little ? size - 1 - i : i)];
    return v;
  }
};

}  // namespace

int exif_orientation(ByteView tiff) {
  if (tiff.size() < 8 || tiff[0] != tiff[1] || (tiff[0] != 'I' && tiff[0] != 'M')) return 1;
  const Tiff t{tiff, tiff[0] == 'I'};
  if (t.number(2, 2) != 42) return 1;
  const std::size_t directory = t.number(4, 4);
  const std::size_t entries = t.number(directory, 2);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + 12 * i;
    if (t.number(entry, 2) != kOrientationTag || t.number(entry + 2, 2) != kShort) continue;
    const auto value = static_cast<int>(t.number(entry + 8, 2));
    return value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

namespace jpeg {

namespace {

constexpr int kStartOfScan = 0xDA, kEndOfImage = 0xD9, kApp1 = 0xE1, kFillByte = 0xFF;

// Start-of-frame markers, which hold the sizes: C0 to CF but for C4 (Huffman tables), C8, CC (arithmetic
// tables).
bool is_frame(int marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

// Markers without a segment: TEM, restart markers, start of image.
bool stands_alone(int marker) { return marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8); }

// Position of the next marker's 0xFF at or after `at`; entropy-coded data in between has FF00 and RSTn only.
std::size_t next_marker(ByteView bytes, std::size_t at) {
  for (; at + 1 < bytes.size(); ++at)
    if (bytes[at] == kFillByte && bytes[at + 1] != 0 && bytes[at + 1] != kFillByte) return at;
  return bytes.size();
}

void read_frame(Header& header, ByteView segment, const std::string& name) {
  check(header.components == 0, "jpeg", name, ": has two frame headers; damaged");
  check(segment.size() >= 6, "jpeg", name, ": damaged frame header");
  header.height = segment[1] << 8 | segment[2];
  header.width = segment[3] << 8 | segment[4];
  header.components = segment[5];
  check(header.height > 0 && header.width > 0, "jpeg", name, ": sides must be 1 or more, the header says ",
        header.height, " x ", header.width);
}

void read_exif(Header& header, ByteView segment) {
  if (segment.size() >= kExif.size() && std::equal(kExif.begin(), kExif.end(), segment.begin()))
    header.orientation = exif_orientation(segment.subspan(kExif.size()));
}

}  // namespace

bool is_jpeg(ByteView bytes) {
  return bytes.size() >= 3 && bytes[0] == 0xFF && bytes[1] == 0xD8 && bytes[2] == 0xFF;
}

Header read_header(ByteView bytes, const std::string& name) {
  check(is_jpeg(bytes), "jpeg", name, ": not a JPEG file");
  Header header;
  bool scan = false;
  for (std::size_t at = next_marker(bytes, 2); at < bytes.size(); at = next_marker(bytes, at)) {
    const int marker = bytes[at + 1];
    at += 2;
    if (stands_alone(marker)) continue;
    if (marker == kEndOfImage) {
      check(header.components > 0 && scan, "jpeg", name,
            ": ends before there is a picture in it; truncated or damaged");
      return header;
    }
    const std::size_t size =
        at + 2 <= bytes.size() ? static_cast<std::size_t>(bytes[at] << 8 | bytes[at + 1]) : 0;
    check(size >= 2 && size <= bytes.size() - at, "jpeg", name, ": segment ", marker, " at byte ", at,
          " says it has ", size, " bytes, the file has ", bytes.size() - at, " left; truncated or damaged");
    const ByteView segment = bytes.subspan(at + 2, size - 2);
    if (is_frame(marker)) read_frame(header, segment, name);
    if (marker == kApp1) read_exif(header, segment);
    scan = scan || marker == kStartOfScan;
    at += size;
  }
  fail("jpeg", name, ": ends at byte ", bytes.size(), " without an end-of-image marker; truncated");
}

}  // namespace jpeg
}  // namespace clearcut
