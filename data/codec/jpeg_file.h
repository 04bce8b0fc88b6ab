// The markers of a JPEG file: sizes before decoding, EXIF, and whether the file is whole.
// Source: ITU-T T.81 (1992), annex B; EXIF 2.3 (CIPA DC-008), section 4.6.
#pragma once

#include <string>

#include "tensor/deflate.h"

namespace clearcut::jpeg {

struct Header {
  int height = 0, width = 0, components = 0;
  int orientation = 1;  // EXIF's 1 to 8
};

bool is_jpeg(ByteView bytes);

/// Throws Error that names the file: no frame header, a side of 0, no end-of-image marker (truncated).
Header read_header(ByteView bytes, const std::string& name);

}  // namespace clearcut::jpeg

namespace clearcut {

/// Tag 0x0112 of the first directory of a TIFF block (what follows "Exif\0\0", or a PNG's eXIf chunk); 1
/// where the tag is missing or the block is damaged: a broken note about a picture is no reason to refuse it.
int exif_orientation(ByteView tiff);

}  // namespace clearcut
