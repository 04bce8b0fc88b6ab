#include "data/codec/png_file.h"

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "tensor/error.h"

namespace clearcut::png {

namespace {

constexpr std::array<std::uint8_t, 8> kSignature = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
constexpr int kFilters = 5;  // none, left, up, average, Paeth

std::uint32_t big_endian(ByteView bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 |
         bytes[3];
}

void put_big_endian(Bytes& out, std::uint32_t v) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(v >> shift));
}

void put_chunk(Bytes& out, std::string_view type, ByteView data) {
  put_big_endian(out, static_cast<std::uint32_t>(data.size()));
  const std::size_t begin = out.size();
  out.insert(out.end(), type.begin(), type.end());
  out.insert(out.end(), data.begin(), data.end());
  put_big_endian(out, crc32(ByteView(out).subspan(begin)));
}

bool allowed(ColourType colour, int bits) {
  switch (colour) {
    case kGray:
      return bits == 1 || bits == 2 || bits == 4 || bits == 8 || bits == 16;
    case kPalette:
      return bits == 1 || bits == 2 || bits == 4 || bits == 8;
    case kRgb:
    case kGrayAlpha:
    case kRgba:
      return bits == 8 || bits == 16;
  }
  return false;
}

// The byte predicted from a (left), b (above) and c (above left): a, b or c, whichever is nearest to a + b -
// c.
int paeth(int a, int b, int c) {
  const int pa = std::abs(b - c), pb = std::abs(a - c), pc = std::abs(a + b - 2 * c);
  if (pa <= pb && pa <= pc) return a;
  return pb <= pc ? b : c;
}

std::uint8_t predict(int filter, int a, int b, int c) {
  switch (filter) {
    case 1:
      return static_cast<std::uint8_t>(a);
    case 2:
      return static_cast<std::uint8_t>(b);
    case 3:
      return static_cast<std::uint8_t>((a + b) / 2);
    case 4:
      return static_cast<std::uint8_t>(paeth(a, b, c));
    default:
      return 0;
  }
}

// Distance in bytes to the same channel of the pixel to the left; 1 where pixels are smaller than a byte.
std::size_t pixel_bytes(const Header& header) {
  return std::max<std::size_t>(1, static_cast<std::size_t>(header.bits * channels(header.colour)) / 8);
}

Bytes filtered(ByteView row, ByteView above, int filter, std::size_t step) {
  Bytes out = {static_cast<std::uint8_t>(filter)};
  for (std::size_t i = 0; i < row.size(); ++i) {
    const int a = i < step ? 0 : row[i - step], b = above[i], c = i < step ? 0 : above[i - step];
    out.push_back(static_cast<std::uint8_t>(row[i] - predict(filter, a, b, c)));
  }
  return out;
}

// Residuals count as signed bytes: 255 is -1.
long magnitude(ByteView residuals) {
  long sum = 0;
  for (const std::uint8_t r : residuals.subspan(1)) sum += std::abs(static_cast<std::int8_t>(r));
  return sum;
}

Bytes filter_rows(ByteView rows, std::size_t row_size, std::size_t step, bool choose) {
  Bytes out;
  out.reserve(rows.size() + rows.size() / std::max<std::size_t>(row_size, 1));
  const Bytes zeros(row_size, 0);
  ByteView above = zeros;
  for (std::size_t at = 0; at < rows.size(); at += row_size) {
    const ByteView row = rows.subspan(at, row_size);
    Bytes best = filtered(row, above, 0, step);
    for (int filter = 1; choose && filter < kFilters; ++filter) {
      Bytes other = filtered(row, above, filter, step);
      if (magnitude(other) < magnitude(best)) best = std::move(other);
    }
    out.insert(out.end(), best.begin(), best.end());
    above = row;
  }
  return out;
}

}  // namespace

bool is_png(ByteView bytes) {
  return bytes.size() >= kSignature.size() && std::equal(kSignature.begin(), kSignature.end(), bytes.begin());
}

int channels(ColourType colour) {
  constexpr int kChannels[] = {1, 0, 3, 1, 2, 0, 4};
  return kChannels[colour];
}

std::string_view name_of(ColourType colour) {
  constexpr std::string_view kNames[] = {"gray", "", "RGB", "palette", "gray + alpha", "", "RGBA"};
  return kNames[colour];
}

std::size_t row_bytes(const Header& header) {
  return (std::size_t{header.width} * static_cast<std::size_t>(header.bits * channels(header.colour)) + 7) /
         8;
}

Header read_header(ByteView bytes, const std::string& name) {
  check(is_png(bytes), "png", name, ": not a PNG file");
  check(bytes.size() >= 33, "png", name, ": ", bytes.size(), " bytes are too few for the header; truncated?");
  const ByteView ihdr = bytes.subspan(16, 13);
  check(big_endian(bytes.subspan(8)) == 13 && std::equal(ihdr.begin() - 4, ihdr.begin(), "IHDR"), "png", name,
        ": does not start with an IHDR chunk");
  check(crc32(bytes.subspan(12, 17)) == big_endian(bytes.subspan(29)), "png", name,
        ": damaged header (its checksum differs)");
  constexpr std::uint32_t kMaxSide = std::numeric_limits<std::int32_t>::max();
  Header h{big_endian(ihdr), big_endian(ihdr.subspan(4)), ihdr[8], static_cast<ColourType>(ihdr[9]),
           ihdr[12] == 1};
  check(h.width > 0 && h.height > 0 && h.width <= kMaxSide && h.height <= kMaxSide, "png", name,
        ": sides must be 1 to ", kMaxSide, ", the header says ", h.height, " x ", h.width);
  check(allowed(h.colour, h.bits) && ihdr[10] == 0 && ihdr[11] == 0 && ihdr[12] <= 1, "png", name,
        ": colour type ", int{ihdr[9]}, " with ", h.bits, " bits, methods ", int{ihdr[10]}, ", ",
        int{ihdr[11]}, ", ", int{ihdr[12]}, " is not in the standard");
  return h;
}

std::vector<Chunk> read_chunks(ByteView bytes, const std::string& name) {
  check(is_png(bytes), "png", name, ": not a PNG file");
  std::vector<Chunk> chunks;
  for (std::size_t at = kSignature.size();;) {
    check(bytes.size() - at >= 12, "png", name, ": ends at byte ", bytes.size(),
          " without an IEND chunk; truncated");
    const std::size_t size = big_endian(bytes.subspan(at));
    check(size <= bytes.size() - at - 12, "png", name, ": a chunk at byte ", at, " says it has ", size,
          " bytes, the file ends before; truncated");
    const ByteView body = bytes.subspan(at + 4, size + 4);
    const Chunk chunk{{reinterpret_cast<const char*>(body.data()), 4}, body.subspan(4)};
    check(crc32(body) == big_endian(bytes.subspan(at + 8 + size)), "png", name, ": chunk '", chunk.type,
          "' at byte ", at, " is damaged (its checksum differs)");
    chunks.push_back(chunk);
    if (chunk.type == "IEND") return chunks;
    at += 12 + size;
  }
}

Bytes write_png(const Header& header, ByteView rows, ByteView palette, bool filter) {
  const std::size_t row_size = row_bytes(header);
  check(rows.size() == row_size * header.height && rows.size() > 0, "png", "a picture of ", header.height,
        " x ", header.width, " needs ", row_size * header.height, " bytes (not 0), got ", rows.size());
  Bytes out(kSignature.begin(), kSignature.end());
  Bytes ihdr;
  put_big_endian(ihdr, header.width);
  put_big_endian(ihdr, header.height);
  ihdr.insert(ihdr.end(), {static_cast<std::uint8_t>(header.bits), header.colour, 0, 0, 0});
  put_chunk(out, "IHDR", ihdr);
  if (!palette.empty()) put_chunk(out, "PLTE", palette);
  put_chunk(out, "IDAT", zlib_compress(filter_rows(rows, row_size, pixel_bytes(header), filter)));
  put_chunk(out, "IEND", {});
  return out;
}

Bytes undo_filters(const Header& header, ByteView data, const std::string& name) {
  const std::size_t row_size = row_bytes(header), step = pixel_bytes(header);
  Bytes rows(row_size * header.height);
  const Bytes zeros(row_size, 0);
  for (std::size_t y = 0; y < header.height; ++y) {
    const std::uint8_t* in = data.data() + y * (row_size + 1);
    const int filter = *in++;
    check(filter < kFilters, "png", name, ": row ", y, " has filter ", filter, "; 0 to 4 exist");
    std::uint8_t* row = rows.data() + y * row_size;
    const std::uint8_t* above = y == 0 ? zeros.data() : row - row_size;
    for (std::size_t i = 0; i < row_size; ++i) {
      const int a = i < step ? 0 : row[i - step], b = above[i], c = i < step ? 0 : above[i - step];
      row[i] = static_cast<std::uint8_t>(in[i] + predict(filter, a, b, c));
    }
  }
  return rows;
}

}  // namespace clearcut::png
