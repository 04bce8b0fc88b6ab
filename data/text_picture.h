// Letters in pictures: a font of 5 x 7 dots of our own, so that a sheet of maps needs no font file.
#pragma once

#include <string>

#include "data/label_png.h"

namespace clearcut {

/// Of one character with its gap, in pixels.
constexpr std::int64_t kLetterWidth = 6, kLetterHeight = 9;

/// Writes text into picture uint8 [H, W, 3], the top left corner of its first letter at (row, col). Parts
/// outside the picture are left out. Printable ASCII; other bytes are drawn as a box.
void draw_text(const Tensor& picture, const std::string& text, std::int64_t row, std::int64_t col,
               Rgb colour = {30, 30, 30});

/// Text cut into lines of at most `letters` characters, at spaces and colons where there are any.
std::vector<std::string> wrap_text(const std::string& text, std::size_t letters);

}  // namespace clearcut
