#include "explain/label_stats.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "data/metrics.h"
#include "explain/sweep.h"
#include "tensor/error.h"
#include "tensor/interrupt.h"
#include "tensor/parallel.h"

namespace clearcut {

LabelPieces label_pieces(const Tensor& labels, const LabelSpace& space) {
  const std::int64_t H = labels.dim(0), W = labels.dim(1);
  const std::int32_t* label = labels.data<const std::int32_t>();
  std::vector<char> seen(static_cast<std::size_t>(H * W), 0);
  std::vector<std::int64_t> open;
  LabelPieces pieces;
  std::int64_t largest = 0, all = 0;
  for (std::int64_t start = 0; start < H * W; ++start) {
    if (seen[static_cast<std::size_t>(start)] || label[start] == space.background ||
        label[start] == space.ignore)
      continue;
    std::int64_t size = 0;
    open.assign(1, start);
    seen[static_cast<std::size_t>(start)] = 1;
    while (!open.empty()) {
      const std::int64_t at = open.back(), y = at / W, x = at % W;
      open.pop_back();
      ++size;
      for (std::int64_t v = std::max<std::int64_t>(0, y - 1); v <= std::min(H - 1, y + 1); ++v)
        for (std::int64_t u = std::max<std::int64_t>(0, x - 1); u <= std::min(W - 1, x + 1); ++u) {
          const std::int64_t next = v * W + u;
          if (seen[static_cast<std::size_t>(next)] || label[next] != label[start]) continue;
          seen[static_cast<std::size_t>(next)] = 1;
          open.push_back(next);
        }
    }
    ++pieces.count;
    all += size;
    largest = std::max(largest, size);
  }
  pieces.largest = all > 0 ? static_cast<double>(largest) / static_cast<double>(all) : std::nan("");
  return pieces;
}

namespace {

// Length of Sobel's gradient of the luminance, float32 [H, W].
Tensor edges_of(const Tensor& picture) {
  const std::int64_t H = picture.dim(0), W = picture.dim(1);
  const std::uint8_t* p = picture.data<const std::uint8_t>();
  std::vector<double> gray(static_cast<std::size_t>(H * W));
  for (std::int64_t i = 0; i < H * W; ++i)
    gray[static_cast<std::size_t>(i)] = 0.2126 * p[3 * i] + 0.7152 * p[3 * i + 1] + 0.0722 * p[3 * i + 2];
  const auto at = [&](std::int64_t y, std::int64_t x) {
    const std::int64_t v = std::clamp<std::int64_t>(y, 0, H - 1), u = std::clamp<std::int64_t>(x, 0, W - 1);
    return gray[static_cast<std::size_t>(v * W + u)];
  };
  Tensor edges(Shape{H, W}, DType::kFloat32);
  float* out = edges.data<float>();
  for (std::int64_t y = 0; y < H; ++y)
    for (std::int64_t x = 0; x < W; ++x) {
      const double across = at(y - 1, x + 1) + 2 * at(y, x + 1) + at(y + 1, x + 1) - at(y - 1, x - 1) -
                            2 * at(y, x - 1) - at(y + 1, x - 1);
      const double down = at(y + 1, x - 1) + 2 * at(y + 1, x) + at(y + 1, x + 1) - at(y - 1, x - 1) -
                          2 * at(y - 1, x) - at(y - 1, x + 1);
      out[y * W + x] = static_cast<float>(std::hypot(across, down));
    }
  return edges;
}

// uint8 [H, W]: 1 on a border, 0 off it, 255 ignored.
Tensor borders_of(const Tensor& labels, int ignore) {
  const std::int64_t H = labels.dim(0), W = labels.dim(1);
  const std::int32_t* label = labels.data<const std::int32_t>();
  Tensor borders(labels.shape(), DType::kUInt8);
  std::uint8_t* out = borders.data<std::uint8_t>();
  for (std::int64_t y = 0; y < H; ++y)
    for (std::int64_t x = 0; x < W; ++x) {
      const std::int64_t i = y * W + x;
      const auto differs = [&](bool inside, std::int64_t other) {
        return inside && label[other] != label[i] && label[other] != ignore;
      };
      const bool border = differs(y > 0, i - W) || differs(y + 1 < H, i + W) || differs(x > 0, i - 1) ||
                          differs(x + 1 < W, i + 1);
      out[i] = label[i] == ignore ? 255 : static_cast<std::uint8_t>(border);
    }
  return borders;
}

// Of those that are known.
double mean_of(std::vector<double> values) {
  std::erase_if(values, [](double value) { return std::isnan(value); });
  return values.empty()
             ? std::nan("")
             : std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::vector<int> classes_in_label(const Tensor& labels, const LabelSpace& space) {
  std::set<int> classes;
  for (const std::int32_t value : labels.values<std::int32_t>())
    if (value != space.background && value != space.ignore) classes.insert(value);
  return {classes.begin(), classes.end()};
}

// Both name their classes in one way: the true masks those of the label folder.
double picture_iou(const Tensor& labels, const std::string& masks, const std::string& name,
                   const LabelFolder& folder) {
  const Tensor truth = mask_beside(masks, name);
  if (!truth.defined()) return std::nan("");
  ConfusionMatrix counts(static_cast<int>(folder.classes().names.size()));
  counts.add(labels, truth, folder.space().ignore, folder.space().ignore);
  return scores(counts, {.background = folder.space().background}).miou;
}

LabelFigures figures_of(const LabelFolder& folder, const JsonObject& line, std::int64_t number,
                        const LabelStatsOptions& options) {
  const Tensor labels = folder.label(line);
  const LabelShares shares = label_shares(labels, folder.space());
  const LabelPieces pieces = label_pieces(labels, folder.space());
  LabelFigures figures{.name = line.text("id"), .line = number};
  figures.classes = classes_in_label(labels, folder.space());
  figures.foreground = shares.foreground;
  figures.ignored = shares.ignored;
  figures.components = pieces.count;
  figures.largest = pieces.largest;
  figures.alignment = border_alignment(folder.picture(line, labels), labels, folder.space());
  const JsonObject made = line.has("made") ? line.object("made") : JsonObject();
  figures.agreement = made.has("agreement") ? mean_of(made.numbers("agreement")) : std::nan("");
  figures.iou = picture_iou(labels, options.masks, figures.name, folder);
  return figures;
}

}  // namespace

double border_alignment(const Tensor& picture, const Tensor& labels, const LabelSpace& space) {
  check(picture.rank() == 3 && picture.dim(0) == labels.dim(0) && picture.dim(1) == labels.dim(1), "stats",
        "the picture has the size ", picture.shape(), " but the label ", labels.shape());
  const Tensor borders = borders_of(labels, space.ignore);
  const std::vector<std::uint8_t> marks = borders.values<std::uint8_t>();
  if (std::count(marks.begin(), marks.end(), 1) == 0) return std::nan("");
  return localise(edges_of(picture), borders).auc;
}

LabelStats label_stats(const LabelFolder& folder, const LabelStatsOptions& options) {
  LabelStats stats;
  for (std::int64_t first = 0; first < folder.size(); first += options.chunk) {
    stop_if_interrupted("label stats", "run the same command again");
    const std::int64_t n = std::min(options.chunk, folder.size() - first);
    std::vector<LabelFigures> figures(static_cast<std::size_t>(n));
    std::vector<Failure> failures(static_cast<std::size_t>(n));
    std::vector<char> skipped(static_cast<std::size_t>(n), 0);
    parallel_for(n, 1, [&](std::int64_t begin, std::int64_t end) {
      for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) try {
          const std::int64_t number = first + static_cast<std::int64_t>(i);
          failures[i].id = cat("line ", number + 1);
          const JsonObject line = folder.line(number);
          failures[i].id = line.text("id");
          skipped[i] = line.has("label") ? 0 : 1;
          if (!skipped[i]) figures[i] = figures_of(folder, line, number, options);
        } catch (const Error& error) {
          failures[i].stage = "stats";
          failures[i].error = error.what();
        }
    });
    for (std::size_t i = 0; i < figures.size(); ++i) {
      stats.without += skipped[i];
      if (!failures[i].stage.empty())
        stats.failures.push_back(failures[i]);
      else if (!skipped[i])
        stats.labels.push_back(std::move(figures[i]));
    }
    if (options.progress) options.progress(first + n, folder.size());
  }
  return stats;
}

}  // namespace clearcut
