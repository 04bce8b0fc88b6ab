// Deflate by zlib.
#include "tensor/deflate.h"

#define ZLIB_CONST
#include <zlib.h>

#include "tensor/error.h"

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

}  // namespace clearcut
