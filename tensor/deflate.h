// Deflate compression and the two checksums that PNG and zip use.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "tensor/file.h"

namespace clearcut {

using ByteView = std::span<const std::uint8_t>;

/// A raw deflate stream (RFC 1951) of `data`. The same input gives the same bytes within one build; the
/// full build (zlib) and the minimal one (stb) compress differently.
Bytes deflate(ByteView data);

/// The `size` bytes that a raw deflate stream holds. `where` names the source in errors.
/// Throws Error if the stream is damaged, ends early, holds more or fewer than `size` bytes, or when `size`
/// is more than deflate can pack into that many bytes (1032 to 1), before anything is allocated.
Bytes inflate(ByteView stream, std::size_t size, const std::string& where);

/// The same with the zlib frame (RFC 1950): two header bytes in front, Adler-32 of the content behind.
Bytes zlib_compress(ByteView data);
Bytes zlib_decompress(ByteView stream, std::size_t size, const std::string& where);

/// CRC-32 (zip, PNG; polynomial 0xEDB88320) of `data`, continued from `crc`.
std::uint32_t crc32(ByteView data, std::uint32_t crc = 0);
std::uint32_t adler32(ByteView data);

/// The library behind deflate and inflate, for env.json: "zlib 1.2.13" or "stb_image".
std::string deflate_library();

namespace detail {
// tensor/deflate/full or tensor/deflate/minimal; the Makefile compiles one of them.
Bytes raw_deflate(ByteView data);
/// True if the stream held exactly out.size() bytes.
bool raw_inflate(ByteView stream, std::span<std::uint8_t> out);
}  // namespace detail

}  // namespace clearcut
