#include "train/legend.h"

#include <algorithm>
#include <array>

namespace clearcut {

namespace {

constexpr std::int64_t kGlyph = 6, kRow = 12, kBox = 8, kGap = 4;  // pixels

/// Seven rows of five pixels, bit 4 is the leftmost.
using Glyph = std::array<std::uint8_t, 7>;

constexpr std::array<Glyph, 26> kLetters = {{
    {0x0E, 0x11, 0x11, 0x1F, 0x11, 0x11, 0x11},  // A
    {0x1E, 0x11, 0x11, 0x1E, 0x11, 0x11, 0x1E}, {0x0F, 0x10, 0x10, 0x10, 0x10, 0x10, 0x0F},
    {0x1E, 0x11, 0x11, 0x11, 0x11, 0x11, 0x1E}, {0x1F, 0x10, 0x10, 0x1E, 0x10, 0x10, 0x1F},  // E
    {0x1F, 0x10, 0x10, 0x1E, 0x10, 0x10, 0x10}, {0x0F, 0x10, 0x10, 0x13, 0x11, 0x11, 0x0F},
    {0x11, 0x11, 0x11, 0x1F, 0x11, 0x11, 0x11}, {0x0E, 0x04, 0x04, 0x04, 0x04, 0x04, 0x0E},  // I
    {0x01, 0x01, 0x01, 0x01, 0x01, 0x11, 0x0E}, {0x11, 0x12, 0x14, 0x18, 0x14, 0x12, 0x11},
    {0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x1F}, {0x11, 0x1B, 0x15, 0x15, 0x11, 0x11, 0x11},  // M
    {0x11, 0x19, 0x19, 0x15, 0x13, 0x13, 0x11}, {0x0E, 0x11, 0x11, 0x11, 0x11, 0x11, 0x0E},
    {0x1E, 0x11, 0x11, 0x1E, 0x10, 0x10, 0x10}, {0x0E, 0x11, 0x11, 0x11, 0x15, 0x12, 0x0D},  // Q
    {0x1E, 0x11, 0x11, 0x1E, 0x14, 0x12, 0x11}, {0x0F, 0x10, 0x10, 0x0E, 0x01, 0x01, 0x1E},
    {0x1F, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04}, {0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x0E},  // U
    {0x11, 0x11, 0x11, 0x11, 0x0A, 0x0A, 0x04}, {0x11, 0x11, 0x11, 0x15, 0x15, 0x1B, 0x11},
    {0x11, 0x11, 0x0A, 0x04, 0x0A, 0x11, 0x11}, {0x11, 0x11, 0x0A, 0x04, 0x04, 0x04, 0x04},  // Y
    {0x1F, 0x01, 0x02, 0x04, 0x08, 0x10, 0x1F},
}};
constexpr std::array<Glyph, 10> kDigits = {{
    {0x0E, 0x11, 0x13, 0x15, 0x19, 0x11, 0x0E},
    {0x04, 0x0C, 0x04, 0x04, 0x04, 0x04, 0x0E},
    {0x0E, 0x11, 0x01, 0x06, 0x08, 0x10, 0x1F},
    {0x1E, 0x01, 0x01, 0x0E, 0x01, 0x01, 0x1E},
    {0x02, 0x06, 0x0A, 0x12, 0x1F, 0x02, 0x02},
    {0x1F, 0x10, 0x1E, 0x01, 0x01, 0x11, 0x0E},
    {0x06, 0x08, 0x10, 0x1E, 0x11, 0x11, 0x0E},
    {0x1F, 0x01, 0x02, 0x02, 0x04, 0x04, 0x04},
    {0x0E, 0x11, 0x11, 0x0E, 0x11, 0x11, 0x0E},
    {0x0E, 0x11, 0x11, 0x0F, 0x01, 0x02, 0x0C},
}};

Glyph glyph_of(char c) {
  if (c >= 'a' && c <= 'z') return kLetters[static_cast<std::size_t>(c - 'a')];
  if (c >= 'A' && c <= 'Z') return kLetters[static_cast<std::size_t>(c - 'A')];
  if (c >= '0' && c <= '9') return kDigits[static_cast<std::size_t>(c - '0')];
  switch (c) {
    case ' ':
      return {};
    case '_':
      return {0, 0, 0, 0, 0, 0, 0x1F};
    case '-':
      return {0, 0, 0, 0x0E, 0, 0, 0};
    case '.':
      return {0, 0, 0, 0, 0, 0x0C, 0x0C};
    case '+':
      return {0, 0x04, 0x04, 0x1F, 0x04, 0x04, 0};
    case '/':
      return {0x01, 0x01, 0x02, 0x04, 0x08, 0x10, 0x10};
    default:
      return {0x1F, 0x11, 0x11, 0x11, 0x11, 0x11, 0x1F};
  }
}

/// A picture to draw on; what lies outside is left out.
struct Canvas {
  std::uint8_t* data;
  std::int64_t height, width;

  void set(std::int64_t y, std::int64_t x, Rgb colour) const {
    if (y < 0 || x < 0 || y >= height || x >= width) return;
    std::uint8_t* pixel = data + (y * width + x) * 3;
    pixel[0] = colour.r, pixel[1] = colour.g, pixel[2] = colour.b;
  }
  void box(std::int64_t y, std::int64_t x, Rgb colour) const {
    for (std::int64_t i = 0; i < kBox; ++i)
      for (std::int64_t j = 0; j < kBox; ++j) {
        const bool edge = i == 0 || j == 0 || i == kBox - 1 || j == kBox - 1;
        set(y + i, x + j, edge ? Rgb{90, 90, 90} : colour);
      }
  }
  void text(std::int64_t y, std::int64_t x, const std::string& words) const {
    for (const char c : words) {
      const Glyph glyph = glyph_of(c);
      for (std::int64_t i = 0; i < 7; ++i)
        for (std::int64_t j = 0; j < 5; ++j)
          if (glyph[static_cast<std::size_t>(i)] >> (4 - j) & 1) set(y + i, x + j, {20, 20, 20});
      x += kGlyph;
    }
  }
};

std::int64_t entry_width(const std::string& name) {
  return kBox + kGap + kGlyph * static_cast<std::int64_t>(name.size()) + 2 * kGap;
}

Tensor white(std::int64_t height, std::int64_t width) {
  return Tensor::full({height, width, 3}, 255, DType::kUInt8);
}

}  // namespace

Tensor legend_picture(const std::vector<std::string>& names, const std::vector<Rgb>& colours,
                      std::int64_t width) {
  check(width > 0, "legend", "width must be > 0, got ", width);
  check(names.size() == colours.size(), "legend", "one colour per name is needed: ", names.size(), " names, ",
        colours.size(), " colours");
  std::vector<std::pair<std::int64_t, std::int64_t>> places;  // row, x
  std::int64_t row = 0, x = kGap;
  for (const std::string& name : names) {
    if (x > kGap && x + entry_width(name) > width) ++row, x = kGap;
    places.emplace_back(row, x);
    x += entry_width(name);
  }
  Tensor picture = white((row + 1) * kRow, width);
  const Canvas canvas{picture.data<std::uint8_t>(), picture.dim(0), width};
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto [r, left] = places[i];
    canvas.box(r * kRow + 2, left, colours[i]);
    canvas.text(r * kRow + 3, left + kBox + kGap, names[i]);
  }
  return picture;
}

Tensor stack_pictures(const Tensor& above, const Tensor& below) {
  const std::int64_t width = std::max(above.dim(1), below.dim(1));
  Tensor y = white(above.dim(0) + below.dim(0), width);
  std::uint8_t* to = y.data<std::uint8_t>();
  for (const Tensor* part : {&above, &below}) {
    const std::uint8_t* from = part->data<const std::uint8_t>();
    for (std::int64_t h = 0; h < part->dim(0); ++h, to += width * 3)
      std::copy_n(from + h * part->dim(1) * 3, part->dim(1) * 3, to);
  }
  return y;
}

}  // namespace clearcut
