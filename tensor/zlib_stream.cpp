#include "tensor/zlib_stream.h"

#include "tensor/error.h"

namespace clearcut {

Bytes zlib_decompress_all(ByteView stream, std::size_t max_bytes, const std::string& where) {
  check(stream.size() >= 6, "inflate", where, ": ", stream.size(), " bytes are too few for a zlib stream");
  const unsigned header = stream[0] * 256U + stream[1];
  check((stream[0] & 15) == 8 && header % 31 == 0 && (stream[1] & 32) == 0, "inflate", where,
        ": not a zlib stream (its header is ", header, ")");
  std::optional<Bytes> out = detail::raw_inflate_all(stream.subspan(2, stream.size() - 6), max_bytes);
  check(out.has_value(), "inflate", where, ": the compressed data is damaged or holds more than ", max_bytes,
        " bytes");
  std::uint32_t sum = 0;
  for (const std::uint8_t byte : stream.last(4)) sum = sum << 8 | byte;
  check(adler32(*out) == sum, "inflate", where,
        ": the content does not match its checksum; the file is damaged");
  return std::move(*out);
}

}  // namespace clearcut
