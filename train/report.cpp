#include "train/report.h"

#include "data/picture.h"
#include "tensor/error.h"
#include "tensor/file.h"
#include "train/svg.h"

namespace clearcut {
namespace {

constexpr const char* kStyle = R"(
:root { color-scheme: light dark; --ink: #1d2530; --soft: #5d6875; --line: #dfe4ea; --page: #ffffff;
        --band: #f5f7fa; --accent: #0072b2; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6eaf0; --soft: #9aa6b4; --line: #333c47; --page: #14181d; --band: #1c2229; --accent: #56b4e9; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1240px; padding: 32px 24px 80px; background: var(--page); color: var(--ink);
       font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 30px; line-height: 1.2; margin: 0; letter-spacing: -0.01em; }
h2 { font-size: 20px; margin: 44px 0 10px; padding-top: 12px; border-top: 1px solid var(--line); }
.subtitle { color: var(--soft); margin: 6px 0 18px; font-size: 17px; }
nav a { color: var(--accent); margin-right: 18px; text-decoration: none; }
p { max-width: 76ch; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: 12px 0; font-variant-numeric: tabular-nums; }
th { text-align: left; color: var(--soft); font-weight: 600; border-bottom: 2px solid var(--line); }
th, td { padding: 5px 14px 5px 0; vertical-align: top; }
td { border-bottom: 1px solid var(--line); }
td.number, th.number { text-align: right; }
tr.highlight td { background: var(--band); font-weight: 600; }
.facts { display: flex; flex-wrap: wrap; gap: 14px; margin: 14px 0; }
.fact { background: var(--band); border-radius: 8px; padding: 12px 18px; min-width: 130px; }
.fact b { display: block; font-size: 26px; line-height: 1.2; }
.fact span { color: var(--soft); font-size: 13px; }
.charts { display: flex; flex-wrap: wrap; gap: 20px 32px; margin: 14px 0; }
svg.chart { max-width: 100%; height: auto; }
svg.chart text { font-size: 12px; fill: var(--ink); }
svg.chart text.chart-title { font-size: 14px; font-weight: 600; }
svg.chart .grid { stroke: var(--line); } svg.chart .axis { stroke: var(--soft); }
svg.chart .whisker { stroke: var(--ink); stroke-width: 2; }
.legend span { display: inline-block; margin: 0 16px 6px 0; }
.legend i { display: inline-block; width: 13px; height: 13px; border-radius: 3px; margin-right: 6px;
            vertical-align: -1px; border: 1px solid var(--line); }
table.pictures th, table.pictures td { padding: 4px 6px 4px 0; border: 0; font-size: 12px; }
table.pictures img { display: block; min-width: 64px; image-rendering: pixelated; border-radius: 4px; }
table.pictures small { color: var(--soft); }
td.title { color: var(--soft); min-width: 96px; max-width: 140px; overflow-wrap: anywhere; }
)";

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789.,+-± %()") == std::string::npos;
}

std::string cell(const char* tag, const std::string& text, bool number) {
  return cat("<", tag, number ? " class='number'>" : ">", html_escape(text), "</", tag, ">");
}

/// A column is right-aligned if all of its cells are numbers.
std::vector<bool> number_columns(const ReportTable& table) {
  std::vector<bool> numeric(table.head.size(), !table.rows.empty());
  for (const auto& row : table.rows)
    for (std::size_t c = 0; c < row.size() && c < numeric.size(); ++c)
      if (!row[c].empty() && !is_number(row[c])) numeric[c] = false;
  return numeric;
}

std::string picture_cell(const ReportPicture& cell, int side) {
  if (!cell.picture.defined()) return "<td>&ndash;</td>";
  std::string out = cat("<td><img width='", side, "' alt='", html_escape(cell.caption), "' src='",
                        data_uri(cell.picture), "'>");
  if (!cell.caption.empty()) out += cat("<small>", html_escape(cell.caption), "</small>");
  return out + "</td>";
}

}  // namespace

Report::Report(const std::string& title, const std::string& subtitle) : title_(title), subtitle_(subtitle) {}

void Report::section(const std::string& title) {
  sections_.push_back(title);
  body_ += cat("<h2 id='s", sections_.size(), "'>", html_escape(title), "</h2>\n");
}

void Report::text(const std::string& paragraph) { body_ += cat("<p>", html_escape(paragraph), "</p>\n"); }

void Report::table(const ReportTable& table) {
  const std::vector<bool> numeric = number_columns(table);
  body_ += "<div class='scroll'><table><tr>";
  for (std::size_t c = 0; c < table.head.size(); ++c) body_ += cell("th", table.head[c], numeric[c]);
  body_ += "</tr>\n";
  for (std::size_t r = 0; r < table.rows.size(); ++r) {
    check(table.rows[r].size() == table.head.size(), "report", "row ", r, " has ", table.rows[r].size(),
          " cells, the table ", table.head.size(), " columns");
    body_ += static_cast<int>(r) == table.highlight ? "<tr class='highlight'>" : "<tr>";
    for (std::size_t c = 0; c < table.head.size(); ++c) body_ += cell("td", table.rows[r][c], numeric[c]);
    body_ += "</tr>\n";
  }
  body_ += "</table></div>\n";
}

void Report::facts(const std::vector<std::pair<std::string, std::string>>& facts) {
  body_ += "<div class='facts'>";
  for (const auto& [value, name] : facts)
    body_ +=
        cat("<div class='fact'><b>", html_escape(value), "</b><span>", html_escape(name), "</span></div>");
  body_ += "</div>\n";
}

void Report::charts(const std::vector<std::string>& svg) {
  body_ += "<div class='charts'>";
  for (const std::string& chart : svg) body_ += chart;
  body_ += "</div>\n";
}

void Report::legend(const std::vector<std::string>& names, const std::vector<Rgb>& colours) {
  check(names.size() <= colours.size(), "report", "legend has ", names.size(), " names but ", colours.size(),
        " colours");
  body_ += "<div class='legend'>";
  for (std::size_t i = 0; i < names.size(); ++i)
    body_ += cat("<span><i style='background:rgb(", int{colours[i].r}, ",", int{colours[i].g}, ",",
                 int{colours[i].b}, ")'></i>", html_escape(names[i]), "</span>");
  body_ += "</div>\n";
}

void Report::pictures(const std::vector<std::string>& columns, const std::vector<PictureRow>& rows,
                      int side) {
  body_ += "<div class='scroll'><table class='pictures'><tr><th></th>";
  for (const std::string& name : columns) body_ += cell("th", name, false);
  body_ += "</tr>\n";
  for (const PictureRow& row : rows) {
    check(row.cells.size() == columns.size(), "report", "row '", row.title, "' has ", row.cells.size(),
          " pictures, the grid ", columns.size(), " columns");
    body_ += cat("<tr><td class='title'>", html_escape(row.title), "</td>");
    for (const ReportPicture& picture : row.cells) body_ += picture_cell(picture, side);
    body_ += "</tr>\n";
  }
  body_ += "</table></div>\n";
}

std::string Report::html() const {
  std::string nav;
  for (std::size_t i = 0; i < sections_.size(); ++i)
    nav += cat("<a href='#s", i + 1, "'>", html_escape(sections_[i]), "</a>");
  return cat("<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>\n",
             "<meta name='viewport' content='width=device-width, initial-scale=1'>\n<title>",
             html_escape(title_), "</title><style>", kStyle, "</style></head>\n<body><h1>",
             html_escape(title_), "</h1><div class='subtitle'>", html_escape(subtitle_), "</div><nav>", nav,
             "</nav>\n", body_, "</body></html>\n");
}

void Report::write(const std::string& path) const { write_file(path, html()); }

std::string base64(const std::vector<std::uint8_t>& bytes) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = bytes.size() - i;
    const std::uint32_t word = (std::uint32_t{bytes[i]} << 16) |
                               (left > 1 ? std::uint32_t{bytes[i + 1]} << 8 : 0) |
                               (left > 2 ? std::uint32_t{bytes[i + 2]} : 0);
    out += kDigits[word >> 18];
    out += kDigits[(word >> 12) & 63];
    out += left > 1 ? kDigits[(word >> 6) & 63] : '=';
    out += left > 2 ? kDigits[word & 63] : '=';
  }
  return out;
}

std::string data_uri(const Tensor& picture) { return "data:image/png;base64," + base64(encode_png(picture)); }

}  // namespace clearcut
