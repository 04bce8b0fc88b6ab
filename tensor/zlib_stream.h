// zlib streams whose content has no size in front of it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "tensor/deflate.h"

namespace clearcut {

/// All bytes that a zlib stream (RFC 1950) holds. `where` names the source in errors. Throws Error if the
/// stream is damaged or ends early, its checksum does not match, or it holds more than max_bytes.
Bytes zlib_decompress_all(ByteView stream, std::size_t max_bytes, const std::string& where);

namespace detail {
// tensor/deflate/full or tensor/deflate/minimal. The content of a raw deflate stream; nothing if it is
// damaged or holds more than max_bytes.
std::optional<Bytes> raw_inflate_all(ByteView data, std::size_t max_bytes);
}  // namespace detail

}  // namespace clearcut
