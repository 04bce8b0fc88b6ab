#include "data/labels/shapes.h"

#include <algorithm>
#include <cmath>

#include "tensor/error.h"

namespace clearcut {

namespace {

constexpr std::size_t kMostCorners = 1'000'000, kMostCuts = 4'000'000;

// at(i) of 0 <= i < n: is the i-th pixel of the walk inside?
template <class At>
Runs runs_of(std::int64_t n, const At& at) {
  Runs runs;
  bool inside = false;
  std::int64_t length = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    if (at(i) != inside) {
      runs.push_back(length);
      inside = !inside;
      length = 0;
    }
    ++length;
  }
  runs.push_back(length);
  return runs;
}

// paint(i) for every pixel of the walk that is inside.
template <class Paint>
void walk_runs(const Runs& runs, std::int64_t n, const std::string& where, const Paint& paint) {
  std::int64_t at = 0;
  for (std::size_t r = 0; r < runs.size(); ++r) {
    check(runs[r] >= 0 && runs[r] <= n - at, "labels", where, ": run ", r, " of ", runs[r],
          " pixels does not fit into ", n, " pixels, of which ", at, " are used");
    if (r % 2 == 1)
      for (std::int64_t i = at; i < at + runs[r]; ++i) paint(i);
    at += runs[r];
  }
  check(at == n, "labels", where, ": the runs cover ", at, " pixels, the picture has ", n);
}

}  // namespace

RegionBox box_of(const Tensor& labels, std::int32_t value) {
  const std::int64_t H = labels.dim(0), W = labels.dim(1);
  const auto* p = labels.data<const std::int32_t>();
  std::int64_t top = H, bottom = -1, left = W, right = -1;
  for (std::int64_t y = 0; y < H; ++y)
    for (std::int64_t x = 0; x < W; ++x)
      if (p[y * W + x] == value) {
        top = std::min(top, y), bottom = y;
        left = std::min(left, x), right = std::max(right, x);
      }
  if (bottom < 0) return {};
  return {left, top, right - left + 1, bottom - top + 1};
}

std::int64_t area_of(const Tensor& labels, std::int32_t value) {
  const auto* p = labels.data<const std::int32_t>();
  return std::count(p, p + labels.numel(), value);
}

Runs column_runs(const Tensor& labels, std::int32_t value) {
  const std::int64_t H = labels.dim(0), W = labels.dim(1);
  const auto* p = labels.data<const std::int32_t>();
  return runs_of(H * W, [&](std::int64_t i) { return p[i % H * W + i / H] == value; });
}

Runs row_runs(const Tensor& labels, std::int32_t value, const RegionBox& box) {
  const std::int64_t W = labels.dim(1);
  const auto* p = labels.data<const std::int32_t>();
  return runs_of(box.width * box.height, [&](std::int64_t i) {
    return p[(box.top + i / box.width) * W + box.left + i % box.width] == value;
  });
}

void paint_columns(const Runs& runs, std::int32_t value, Tensor& labels, const std::string& where) {
  const std::int64_t H = labels.dim(0), W = labels.dim(1);
  auto* p = labels.data<std::int32_t>();
  walk_runs(runs, H * W, where, [&](std::int64_t i) { p[i % H * W + i / H] = value; });
}

void paint_rows(const Runs& runs, const RegionBox& box, std::int32_t value, Tensor& labels,
                const std::string& where) {
  const std::int64_t H = labels.dim(0), W = labels.dim(1);
  check(box.left >= 0 && box.top >= 0 && box.width >= 1 && box.height >= 1 && box.width <= W &&
            box.height <= H && box.left <= W - box.width && box.top <= H - box.height,
        "labels", where, ": a mask of ", box.height, " x ", box.width, " at row ", box.top, ", column ",
        box.left, " leaves the picture of ", H, " x ", W);
  auto* p = labels.data<std::int32_t>();
  walk_runs(runs, box.width * box.height, where,
            [&](std::int64_t i) { p[(box.top + i / box.width) * W + box.left + i % box.width] = value; });
}

std::string pack_runs(const Runs& runs) {
  std::string text;
  for (std::size_t r = 0; r < runs.size(); ++r) {
    std::int64_t number = r > 2 ? runs[r] - runs[r - 2] : runs[r];
    for (bool more = true; more;) {
      std::int64_t group = number & 31;
      number >>= 5;
      more = group & 16 ? number != -1 : number != 0;
      if (more) group |= 32;
      text += static_cast<char>(group + 48);
    }
  }
  return text;
}

Runs unpack_runs(const std::string& text, const std::string& where) {
  Runs runs;
  std::int64_t number = 0;
  int shift = 0;
  for (const char letter : text) {
    const int group = letter - 48;
    check(group >= 0 && group < 64 && shift <= 50, "labels", where, ": the packed runs are damaged at '",
          letter, "'");
    number |= std::int64_t{group & 31} << shift;
    shift += 5;
    if (group & 32) continue;
    if (group & 16) number -= std::int64_t{1} << shift;
    const std::int64_t run = runs.size() > 2 ? number + runs[runs.size() - 2] : number;
    check(run >= 0 && run < std::int64_t{1} << 52, "labels", where, ": the packed runs hold a run of ", run);
    runs.push_back(run);
    number = 0;
    shift = 0;
  }
  check(shift == 0, "labels", where, ": the packed runs end early");
  return runs;
}

// Row y is cut by the edges that cross the height of its centres; the pixels between the first and the second
// cut, the third and the fourth, ... are inside.
void paint_outline(const Outline& outline, std::int32_t value, Tensor& labels, const std::string& where) {
  check(outline.size() >= 3 && outline.size() <= kMostCorners, "labels", where, ": an outline has 3 to ",
        kMostCorners, " corners, got ", outline.size());
  const std::int64_t H = labels.dim(0), W = labels.dim(1);
  auto* p = labels.data<std::int32_t>();
  std::vector<std::vector<double>> cuts(static_cast<std::size_t>(H));
  std::size_t number = 0;
  for (std::size_t i = 0; i < outline.size(); ++i) {
    Corner a = outline[i], b = outline[(i + 1) % outline.size()];
    check(std::isfinite(a.x) && std::isfinite(a.y), "labels", where, ": corner ", i, " is (", a.x, ", ", a.y,
          ")");
    if (a.y > b.y) std::swap(a, b);
    // Rows with a.y <= y + 0.5 < b.y.
    const double first = std::ceil(std::clamp(a.y - 0.5, 0.0, static_cast<double>(H)));
    const double last = std::ceil(std::clamp(b.y - 0.5, 0.0, static_cast<double>(H)));
    if (last > first) number += static_cast<std::size_t>(last - first);
    check(number <= kMostCuts, "labels", where, ": the outline crosses rows more than ", kMostCuts, " times");
    for (auto y = static_cast<std::int64_t>(first); y < static_cast<std::int64_t>(last); ++y) {
      const double share = (static_cast<double>(y) + 0.5 - a.y) / (b.y - a.y);
      cuts[static_cast<std::size_t>(y)].push_back(a.x + share * (b.x - a.x));
    }
  }
  for (std::int64_t y = 0; y < H; ++y) {
    std::vector<double>& row = cuts[static_cast<std::size_t>(y)];
    std::sort(row.begin(), row.end());
    for (std::size_t k = 0; k + 1 < row.size(); k += 2) {
      // Pixels with row[k] <= x + 0.5 < row[k + 1].
      const double begin = std::ceil(std::clamp(row[k] - 0.5, 0.0, static_cast<double>(W)));
      const double end = std::ceil(std::clamp(row[k + 1] - 0.5, 0.0, static_cast<double>(W)));
      for (auto x = static_cast<std::int64_t>(begin); x < static_cast<std::int64_t>(end); ++x)
        p[y * W + x] = value;
    }
  }
}

double twice_area(const Outline& outline) {
  double sum = 0;
  for (std::size_t i = 0; i < outline.size(); ++i) {
    const Corner &a = outline[i], &b = outline[(i + 1) % outline.size()];
    sum += a.x * b.y - b.x * a.y;
  }
  return sum;
}

}  // namespace clearcut
