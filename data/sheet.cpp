#include "data/sheet.h"

#include <algorithm>

#include "data/resize.h"
#include "data/text_picture.h"
#include "data/visual.h"

namespace clearcut {

namespace {

constexpr std::int64_t kGap = 8, kRampHeight = 6;

std::string short_number(double value) {
  std::string text = cat(value);
  if (text.size() > 9) {  // 6 digits, and the exponent if there is one
    const std::size_t e = text.find('e');
    text = text.substr(0, e == std::string::npos ? 9 : 5) + (e == std::string::npos ? "" : text.substr(e));
  }
  return text;
}

struct DrawnCell {
  Tensor picture;
  std::vector<std::string> lines = {};
  std::int64_t height = 0;
};

DrawnCell shaped(const SheetCell& cell, std::int64_t width) {
  const Tensor& p = cell.picture;
  const std::int64_t height = std::max<std::int64_t>(1, (p.dim(0) * width + p.dim(1) / 2) / p.dim(1));
  const Filter filter = p.dim(1) < width ? Filter::kNearest : Filter::kTriangle;
  DrawnCell drawn{.picture = resize_picture(p, height, width, filter)};
  drawn.lines = wrap_text(cell.text, static_cast<std::size_t>(width / kLetterWidth));
  drawn.height = height + kLetterHeight * static_cast<std::int64_t>(1 + drawn.lines.size()) +
                 (cell.ramp ? kRampHeight + kLetterHeight : 0) + kGap;
  return drawn;
}

void paste(const Tensor& sheet, const Tensor& picture, std::int64_t row, std::int64_t col) {
  const std::int64_t W = sheet.dim(1), h = picture.dim(0), w = picture.dim(1);
  const auto* from = picture.data<const std::uint8_t>();
  auto* to = sheet.data<std::uint8_t>();
  for (std::int64_t y = 0; y < h; ++y)
    std::copy(from + y * w * 3, from + (y + 1) * w * 3, to + ((row + y) * W + col) * 3);
}

void draw_ramp(const Tensor& sheet, const SheetCell& cell, std::int64_t row, std::int64_t col,
               std::int64_t width) {
  Tensor ramp({kRampHeight, width, 3}, DType::kUInt8);
  auto* p = ramp.data<std::uint8_t>();
  for (std::int64_t i = 0; i < kRampHeight * width; ++i) {
    const Rgb c = heat_colour(static_cast<double>(i % width) / static_cast<double>(width - 1));
    p[i * 3] = c.r;
    p[i * 3 + 1] = c.g;
    p[i * 3 + 2] = c.b;
  }
  paste(sheet, ramp, row, col);
  const std::string high = short_number(cell.high);
  draw_text(sheet, short_number(cell.low), row + kRampHeight + 1, col);
  draw_text(sheet, high, row + kRampHeight + 1,
            col + width - static_cast<std::int64_t>(high.size()) * kLetterWidth);
}

void draw_cell(const Tensor& sheet, const SheetCell& cell, const DrawnCell& drawn, std::int64_t row,
               std::int64_t col, std::int64_t width) {
  paste(sheet, drawn.picture, row, col);
  row += drawn.picture.dim(0) + 2;
  draw_text(sheet, cell.title, row, col, {0, 0, 0});
  row += kLetterHeight;
  if (cell.ramp) {
    draw_ramp(sheet, cell, row, col, width);
    row += kRampHeight + kLetterHeight;
  }
  for (const std::string& line : drawn.lines) {
    draw_text(sheet, line, row, col, {90, 90, 90});
    row += kLetterHeight;
  }
}

}  // namespace

Tensor draw_sheet(const std::vector<SheetCell>& cells, std::int64_t columns, std::int64_t width) {
  check(!cells.empty() && columns >= 1 && width >= kLetterWidth, "sheet",
        "needs cells, a column and a width of at least ", kLetterWidth, "; got ", cells.size(), ", ", columns,
        ", ", width);
  std::vector<DrawnCell> drawn;
  for (const SheetCell& cell : cells) drawn.push_back(shaped(cell, width));
  const auto step = static_cast<std::size_t>(columns);
  std::int64_t height = kGap;
  std::vector<std::int64_t> tops;
  for (std::size_t i = 0; i < cells.size(); i += step) {
    tops.push_back(height);
    std::int64_t highest = 0;
    for (std::size_t j = i; j < std::min(i + step, cells.size()); ++j)
      highest = std::max(highest, drawn[j].height);
    height += highest + kGap;
  }
  Tensor sheet = Tensor::full({height, kGap + columns * (width + kGap), 3}, 255, DType::kUInt8);
  for (std::size_t i = 0; i < cells.size(); ++i)
    draw_cell(sheet, cells[i], drawn[i], tops[i / step],
              kGap + static_cast<std::int64_t>(i % step) * (width + kGap), width);
  return sheet;
}

}  // namespace clearcut
