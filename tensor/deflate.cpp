#include "tensor/deflate.h"

#include <array>

#include "tensor/error.h"

namespace clearcut {

namespace {

// Deflate's longest match is 258 bytes and takes 2 bits at least: 1032 bytes out of one byte.
constexpr std::size_t kMaxRatio = 1032;

constexpr std::array<std::uint32_t, 256> crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t n = 0; n < 256; ++n) {
    std::uint32_t c = n;
    for (int bit = 0; bit < 8; ++bit) c = (c & 1) != 0 ? 0xEDB88320U ^ (c >> 1) : c >> 1;
    table[n] = c;
  }
  return table;
}
constexpr std::array<std::uint32_t, 256> kCrcTable = crc_table();

std::uint32_t big_endian(ByteView bytes) {
  std::uint32_t v = 0;
  for (const std::uint8_t byte : bytes.first(4)) v = v << 8 | byte;
  return v;
}

}  // namespace

std::uint32_t crc32(ByteView data, std::uint32_t crc) {
  crc = ~crc;
  for (const std::uint8_t byte : data) crc = kCrcTable[(crc ^ byte) & 0xFF] ^ (crc >> 8);
  return ~crc;
}

std::uint32_t adler32(ByteView data) {
  std::uint32_t a = 1, b = 0;
  while (!data.empty()) {
    const ByteView part = data.first(std::min<std::size_t>(data.size(), 5552));  // b stays below 2^32
    for (const std::uint8_t byte : part) {
      a += byte;
      b += a;
    }
    a %= 65521;
    b %= 65521;
    data = data.subspan(part.size());
  }
  return b << 16 | a;
}

Bytes deflate(ByteView data) { return detail::raw_deflate(data); }

Bytes inflate(ByteView stream, std::size_t size, const std::string& where) {
  check(size / kMaxRatio <= stream.size(), "inflate", where, ": ", size, " bytes cannot come out of ",
        stream.size(), " compressed ones; the file is damaged");
  Bytes out(size);
  check(detail::raw_inflate(stream, out), "inflate", where,
        ": the compressed data is damaged or does not hold ", size, " bytes");
  return out;
}

Bytes zlib_compress(ByteView data) {
  Bytes out = {0x78, 0x9C};  // deflate, 32 KiB window, default level
  const Bytes body = detail::raw_deflate(data);
  out.insert(out.end(), body.begin(), body.end());
  const std::uint32_t sum = adler32(data);
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(sum >> shift));
  return out;
}

Bytes zlib_decompress(ByteView stream, std::size_t size, const std::string& where) {
  check(stream.size() >= 6, "inflate", where, ": ", stream.size(), " bytes are too few for a zlib stream");
  const unsigned header = stream[0] * 256U + stream[1];
  check((stream[0] & 15) == 8 && header % 31 == 0 && (stream[1] & 32) == 0, "inflate", where,
        ": not a zlib stream (its header is ", header, ")");
  Bytes out = inflate(stream.subspan(2, stream.size() - 6), size, where);
  check(adler32(out) == big_endian(stream.last(4)), "inflate", where,
        ": the content does not match its checksum; the file is damaged");
  return out;
}

}  // namespace clearcut
