// The frame of a PNG file: signature, chunks, header. Shared by the label codec, the writer and the limits.
// Source: W3C, "Portable Network Graphics (PNG) Specification", second edition, ISO/IEC 15948.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/deflate.h"

namespace clearcut::png {

enum ColourType : std::uint8_t { kGray = 0, kRgb = 2, kPalette = 3, kGrayAlpha = 4, kRgba = 6 };

struct Header {
  std::uint32_t width = 0, height = 0;
  int bits = 8;
  ColourType colour = kGray;
  bool interlaced = false;
};

bool is_png(ByteView bytes);

/// The first chunk. Throws Error that names the file unless sizes are 1 to 2^31-1 and bits, colour type and
/// methods are ones that the standard allows.
Header read_header(ByteView bytes, const std::string& name);

int channels(ColourType colour);
/// Bytes of one row without its filter byte.
std::size_t row_bytes(const Header& header);
std::string_view name_of(ColourType colour);

struct Chunk {
  std::string_view type;
  ByteView data;
};
/// All chunks up to and with IEND, their CRCs checked. Throws Error that names the file.
std::vector<Chunk> read_chunks(ByteView bytes, const std::string& name);

/// A whole file from rows of row_bytes(header) each. palette holds r, g, b triples. With `filter` each row
/// gets the filter whose residuals have the smallest sum of magnitudes (good for photographs); without, rows
/// stand as they are (good for labels).
Bytes write_png(const Header& header, ByteView rows, ByteView palette, bool filter);

/// Undoes the row filters of `data` (each row has a filter byte in front): rows of row_bytes(header).
Bytes undo_filters(const Header& header, ByteView data, const std::string& name);

}  // namespace clearcut::png
