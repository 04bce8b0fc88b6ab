// Deflate by zlib.
#include "tensor/deflate.h"

#include <algorithm>

#define ZLIB_CONST
#include <zlib.h>

#include "tensor/error.h"
#include "tensor/zlib_stream.h"

namespace clearcut {

namespace {

constexpr int kRawWindow = -15;  // a negative window size means no zlib frame
constexpr std::size_t kMaxBytes = std::size_t{1} << 31;

}  // namespace

std::string deflate_library() { return std::string("zlib ") + zlibVersion(); }

Bytes detail::raw_deflate(ByteView data) {
  check(data.size() < kMaxBytes, "deflate", "at most 2 GiB at once; got ", data.size(), " bytes");
  z_stream z{};
  check(deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kRawWindow, 8, Z_DEFAULT_STRATEGY) == Z_OK,
        "deflate", "zlib could not start");
  Bytes out(deflateBound(&z, static_cast<uLong>(data.size())));
  z.next_in = data.data();
  z.avail_in = static_cast<uInt>(data.size());
  z.next_out = out.data();
  z.avail_out = static_cast<uInt>(out.size());
  const int status = ::deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  check(status == Z_STREAM_END, "deflate", "zlib stopped with status ", status);
  return out;
}

bool detail::raw_inflate(ByteView stream, std::span<std::uint8_t> out) {
  check(stream.size() < kMaxBytes && out.size() < kMaxBytes, "inflate", "at most 2 GiB at once; got ",
        stream.size(), " bytes for ", out.size());
  z_stream z{};
  check(inflateInit2(&z, kRawWindow) == Z_OK, "inflate", "zlib could not start");
  std::uint8_t nothing = 0;  // zlib refuses a null pointer even for no bytes
  z.next_in = stream.data();
  z.avail_in = static_cast<uInt>(stream.size());
  z.next_out = out.empty() ? &nothing : out.data();
  z.avail_out = static_cast<uInt>(out.size());
  const int status = ::inflate(&z, Z_FINISH);
  const bool whole = status == Z_STREAM_END && z.total_out == out.size();
  inflateEnd(&z);
  return whole;
}

std::optional<Bytes> detail::raw_inflate_all(ByteView stream, std::size_t max_bytes) {
  check(stream.size() < kMaxBytes && max_bytes < kMaxBytes, "inflate", "at most 2 GiB at once; got ",
        stream.size(), " bytes for ", max_bytes);
  z_stream z{};
  check(inflateInit2(&z, kRawWindow) == Z_OK, "inflate", "zlib could not start");
  z.next_in = stream.data();
  z.avail_in = static_cast<uInt>(stream.size());
  Bytes out;
  int status = Z_OK;
  // Twice the room each time it is full; one byte more than allowed tells that there is more.
  for (std::size_t room = 4 * stream.size() + 64; status == Z_OK && out.size() <= max_bytes; room *= 2) {
    out.resize(std::min(room, max_bytes + 1));
    z.next_out = out.data() + z.total_out;
    z.avail_out = static_cast<uInt>(out.size() - z.total_out);
    status = ::inflate(&z, Z_NO_FLUSH);
    if (z.avail_out > 0) break;  // the stream has ended, or there is no more of it
  }
  out.resize(z.total_out);
  inflateEnd(&z);
  if (status != Z_STREAM_END || out.size() > max_bytes) return std::nullopt;
  return out;
}

}  // namespace clearcut
