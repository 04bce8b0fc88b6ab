// Deflate by stb_image and stb_image_write, which carry a small zlib each.
#include "tensor/deflate.h"

#include <algorithm>
#include <memory>

#include "tensor/error.h"
#include "tensor/zlib_stream.h"

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG  // the inflater is part of it
#define STBI_NO_STDIO
#include <stb/stb_image.h>
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>

namespace clearcut {

namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 30;  // stb counts in int
constexpr int kQuality = 8;                              // stb's own default
constexpr std::size_t kPadding = 4;

}  // namespace

std::string deflate_library() { return "stb_image"; }

Bytes detail::raw_deflate(ByteView data) {
  check(data.size() < kMaxBytes, "deflate", "at most 1 GiB at once in the minimal build; got ", data.size(),
        " bytes");
  if (data.empty()) return {0x03, 0x00};                 // one empty block; stb would write none at all
  auto* input = const_cast<std::uint8_t*>(data.data());  // stb only reads it
  int size = 0;
  const std::unique_ptr<std::uint8_t, decltype(&std::free)> out(
      stbi_zlib_compress(input, static_cast<int>(data.size()), &size, kQuality), &std::free);
  check(out != nullptr && size >= 6, "deflate", "stb could not compress ", data.size(), " bytes");
  return {out.get() + 2, out.get() + size - 4};  // without the zlib frame
}

bool detail::raw_inflate(ByteView stream, std::span<std::uint8_t> out) {
  check(stream.size() < kMaxBytes && out.size() < kMaxBytes, "inflate",
        "at most 1 GiB at once in the minimal build; got ", stream.size(), " bytes for ", out.size());
  // stb refuses to decode with less than 16 bits left, which a zlib frame would supply.
  Bytes padded(stream.begin(), stream.end());
  padded.resize(stream.size() + kPadding);
  std::uint8_t nothing = 0;
  auto* target = reinterpret_cast<char*>(out.empty() ? &nothing : out.data());
  const int got = stbi_zlib_decode_noheader_buffer(target, static_cast<int>(out.size()),
                                                   reinterpret_cast<const char*>(padded.data()),
                                                   static_cast<int>(padded.size()));
  return got >= 0 && static_cast<std::size_t>(got) == out.size();
}

std::optional<Bytes> detail::raw_inflate_all(ByteView stream, std::size_t max_bytes) {
  check(stream.size() < kMaxBytes / 4 && max_bytes < kMaxBytes, "inflate",
        "at most 1 GiB at once in the minimal build; got ", stream.size(), " bytes for ", max_bytes);
  // Twice the room until it is enough: stb's own growing buffer knows no limit.
  for (std::size_t room = 4 * stream.size() + 64;; room *= 2) {
    Bytes out(std::min(room, max_bytes));
    Bytes padded(stream.begin(), stream.end());
    padded.resize(stream.size() + kPadding);
    const int got = stbi_zlib_decode_noheader_buffer(
        reinterpret_cast<char*>(out.data()), static_cast<int>(out.size()),
        reinterpret_cast<const char*>(padded.data()), static_cast<int>(padded.size()));
    if (got >= 0) {
      out.resize(static_cast<std::size_t>(got));
      return out;
    }
    if (room >= max_bytes || room / 1032 > stream.size()) return std::nullopt;
  }
}

}  // namespace clearcut
