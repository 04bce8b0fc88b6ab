#include "train/confusion_page.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "train/evaluate.h"
#include "train/report.h"
#include "train/summary.h"
#include "train/svg.h"

namespace clearcut {

namespace {

constexpr std::size_t kMostClasses = 40, kMostMistakes = 15;

// One wrong cell of the matrix.
struct Mistake {
  int truth, predicted;
  std::int64_t pixels;
};

std::vector<Mistake> mistakes(const ConfusionMatrix& counts) {
  std::vector<Mistake> found;
  for (int t = 0; t < counts.classes(); ++t)
    for (int p = 0; p <= counts.classes(); ++p)
      if (t != p && counts.count(t, p) > 0) found.push_back({t, p, counts.count(t, p)});
  std::ranges::stable_sort(found, std::ranges::greater(), &Mistake::pixels);
  return found;
}

// The classes with the most wrong pixels, in their own order; all of them if there are few.
std::vector<int> shown_classes(const ConfusionMatrix& counts) {
  const auto C = static_cast<std::size_t>(counts.classes());
  std::vector<std::int64_t> wrong(C, 0);
  for (const Mistake& m : mistakes(counts)) {
    wrong[static_cast<std::size_t>(m.truth)] += m.pixels;
    if (m.predicted < counts.classes()) wrong[static_cast<std::size_t>(m.predicted)] += m.pixels;
  }
  std::vector<int> classes(C);
  std::iota(classes.begin(), classes.end(), 0);
  if (C <= kMostClasses) return classes;
  std::ranges::stable_sort(classes, std::ranges::greater(),
                           [&](int c) { return wrong[static_cast<std::size_t>(c)]; });
  classes.resize(kMostClasses);
  std::ranges::sort(classes);
  return classes;
}

std::string name_at(const std::vector<std::string>& names, int c) {
  return c == static_cast<int>(names.size()) ? "undecided" : names[static_cast<std::size_t>(c)];
}

std::int64_t row_sum(const ConfusionMatrix& counts, int truth) {
  std::int64_t sum = 0;
  for (int p = 0; p <= counts.classes(); ++p) sum += counts.count(truth, p);
  return sum;
}

std::string label(double x, double y, const char* more, const std::string& text) {
  return cat("<text x='", x, "' y='", y, "' ", more, ">", html_escape(text), "</text>");
}

// Right pixels are blue, wrong ones orange, the stronger the larger their share of the row.
std::string cell(double x, double y, double side, double share, bool right, const std::string& title) {
  std::string out =
      cat("<g><title>", html_escape(title), "</title><rect x='", x, "' y='", y, "' width='", side,
          "' height='", side, "' stroke='var(--line)' fill='", right ? "#0072b2" : "#d55e00",
          "' fill-opacity='", std::round(1000 * share) / 1000, "'/>");
  if (share >= 0.005)
    out += label(x + side / 2, y + side / 2 + 4, "text-anchor='middle'", cat(std::llround(100 * share)));
  return out + "</g>";
}

std::string heat_map(const ConfusionMatrix& counts, const std::vector<std::string>& names) {
  constexpr double kSide = 30, kNames = 150;
  const std::vector<int> rows = shown_classes(counts);
  std::vector<int> columns = rows;
  const std::vector<Mistake> wrong = mistakes(counts);
  if (std::ranges::any_of(wrong, [&](const Mistake& m) { return m.predicted == counts.classes(); }))
    columns.push_back(counts.classes());
  const double width = kNames + kSide * static_cast<double>(columns.size()) + 10,
               height = kNames + kSide * static_cast<double>(rows.size()) + 10;
  std::string svg = cat("<svg class='chart' xmlns='http://www.w3.org/2000/svg' width='", width, "' height='",
                        height, "' viewBox='0 0 ", width, " ", height, "'>");
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const double x = kNames + kSide * (static_cast<double>(c) + 0.5);
    svg += label(x, kNames - 8, cat("transform='rotate(-60 ", x, " ", kNames - 8, ")'").c_str(),
                 name_at(names, columns[c]));
  }
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const double y = kNames + kSide * static_cast<double>(r);
    svg += label(kNames - 8, y + kSide / 2 + 4, "text-anchor='end'", name_at(names, rows[r]));
    const auto all = static_cast<double>(row_sum(counts, rows[r]));
    for (std::size_t c = 0; c < columns.size(); ++c) {
      const std::int64_t n = counts.count(rows[r], columns[c]);
      svg += cell(kNames + kSide * static_cast<double>(c), y, kSide,
                  all == 0 ? 0 : static_cast<double>(n) / all, rows[r] == columns[c],
                  cat(name_at(names, rows[r]), " called ", name_at(names, columns[c]), ": ", n, " pixels"));
    }
  }
  return svg + "</svg>";
}

}  // namespace

void write_confusion_page(const std::string& path, const Evaluation& e,
                          const std::vector<std::string>& names) {
  Report page("Confusion", cat(e.pictures.size(), " pictures, ", e.total.total(), " counted pixels"));
  page.facts({{percent(e.scores.miou), "mIoU"},
              {percent(e.scores.pixel_accuracy), "pixel accuracy"},
              {percent(e.scores.kappa), "kappa"}});
  page.section("Matrix");
  page.text(
      "Rows: what the pixels are; columns: what they were called. Numbers are percent of the row; the pixels "
      "of a cell show under the mouse.");
  if (names.size() > kMostClasses)
    page.text(cat("The ", kMostClasses, " of ", names.size(),
                  " classes with the most wrong pixels; confusion.csv has all."));
  page.charts({heat_map(e.total, names)});
  page.section("Largest mistakes");
  ReportTable table{.head = {"is", "called", "pixels", "% of the class"}, .rows = {}};
  std::vector<Mistake> worst = mistakes(e.total);
  worst.resize(std::min(worst.size(), kMostMistakes));
  for (const Mistake& m : worst)
    table.rows.push_back(
        {name_at(names, m.truth), name_at(names, m.predicted), cat(m.pixels),
         percent(static_cast<double>(m.pixels) / static_cast<double>(row_sum(e.total, m.truth)))});
  page.table(table);
  page.write(path);
}

}  // namespace clearcut
