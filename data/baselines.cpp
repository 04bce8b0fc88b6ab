#include "data/baselines.h"

#include <cmath>
#include <functional>

#include "tensor/error.h"
#include "tensor/parallel.h"

namespace clearcut {
namespace {

using Predict = std::function<Tensor(const Item& item, const Tensor& picture)>;

std::vector<ConfusionMatrix> score_pictures(const Dataset& data, const PictureOptions& options,
                                            const Predict& predict) {
  const auto classes = static_cast<int>(data.class_names.size());
  std::vector<ConfusionMatrix> counts(data.items.size(), ConfusionMatrix(classes));
  parallel_for(static_cast<std::int64_t>(data.items.size()), 8, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      const Item& item = data.items[i];
      counts[i].add(predict(item, read_picture(item.image, options)), read_mask(data, item), data.ignore);
    }
  });
  return counts;
}

double miou(const std::vector<ConfusionMatrix>& pictures, const Dataset& data) {
  ConfusionMatrix sum(static_cast<int>(data.class_names.size()));
  for (const ConfusionMatrix& picture : pictures) sum.add(picture);
  return scores(sum, {.background = data.background}).miou;
}

/// The items whose picture and mask can be read and fit; the others are listed.
Dataset readable(const Dataset& data, const PictureOptions& options, std::vector<Failure>& failures) {
  std::vector<std::string> errors(data.items.size());
  parallel_for(static_cast<std::int64_t>(data.items.size()), 8, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) try {
        const Tensor picture = read_picture(data.items[i].image, options);
        const Tensor blank = centred_box(picture.dim(0), picture.dim(1), 0, 0);
        ConfusionMatrix(static_cast<int>(data.class_names.size()))
            .add(blank, read_mask(data, data.items[i]), data.ignore);
      } catch (const Error& error) {
        errors[i] = error.what();
      }
  });
  Dataset good = data;
  good.items.clear();
  for (std::size_t i = 0; i < errors.size(); ++i)
    if (errors[i].empty())
      good.items.push_back(data.items[i]);
    else
      failures.push_back({.id = data.items[i].name, .stage = "baseline", .error = errors[i]});
  check(!good.items.empty(), "baseline", "there is no picture to choose by among the ", data.items.size(),
        " of ", data.root, failures.empty() ? "" : "; the first failure: " + failures.front().error);
  return good;
}

/// Scores `score` under the setting that does best on `choose`.
Baseline best_of(const Dataset& choose, const Dataset& score, const PictureOptions& options,
                 const std::vector<double>& settings, const std::function<Predict(double setting)>& make) {
  double best = settings.front(), best_miou = -1;
  for (const double setting : settings) {
    const double here = miou(score_pictures(choose, options, make(setting)), choose);
    if (here > best_miou) best_miou = here, best = setting;
  }
  return {best, score_pictures(score, options, make(best))};
}

}  // namespace

ColourClassifier::ColourClassifier(int classes, int bins)
    : classes_(classes),
      bins_(bins),
      counts_(static_cast<std::size_t>(bins) * static_cast<std::size_t>(bins) *
              static_cast<std::size_t>(bins) * static_cast<std::size_t>(classes)),
      totals_(static_cast<std::size_t>(classes)) {
  check(classes > 0 && bins > 0 && bins <= 256, "colour classifier",
        "needs classes > 0 and 1 to 256 bins, got ", classes, " and ", bins);
}

std::size_t ColourClassifier::cell(const std::uint8_t* pixel) const {
  std::size_t index = 0;
  for (int c = 0; c < 3; ++c)
    index = index * static_cast<std::size_t>(bins_) + static_cast<std::size_t>(pixel[c] * bins_ / 256);
  return index * static_cast<std::size_t>(classes_);
}

void ColourClassifier::add(const Tensor& picture, const Tensor& mask, int ignore) {
  check(picture.rank() == 3 && picture.dim(2) == 3 && mask.numel() * 3 == picture.numel(),
        "colour classifier", "picture must be [H, W, 3] and mask [H, W], got ", picture.shape(), " and ",
        mask.shape());
  const auto* pixel = picture.data<const std::uint8_t>();
  const auto* label = mask.data<const std::int32_t>();
  for (std::int64_t i = 0; i < mask.numel(); ++i, pixel += 3) {
    if (label[i] == ignore) continue;
    check(label[i] >= 0 && label[i] < classes_, "colour classifier", "label must lie in 0..", classes_ - 1,
          ", got ", label[i]);
    ++counts_[cell(pixel) + static_cast<std::size_t>(label[i])];
    ++totals_[static_cast<std::size_t>(label[i])];
  }
}

Tensor ColourClassifier::predict(const Tensor& picture, double prior) const {
  Tensor y(Shape{picture.dim(0), picture.dim(1)}, DType::kInt32);
  const auto* pixel = picture.data<const std::uint8_t>();
  auto* out = y.data<std::int32_t>();
  const double cells = std::pow(bins_, 3);
  for (std::int64_t i = 0; i < y.numel(); ++i, pixel += 3) {
    double best = -INFINITY;
    for (int c = 0; c < classes_; ++c) {
      const auto total = static_cast<double>(totals_[static_cast<std::size_t>(c)]);
      const auto count = static_cast<double>(counts_[cell(pixel) + static_cast<std::size_t>(c)]);
      const double score = std::log((count + 1) / (total + cells)) + prior * std::log(total + 1);
      if (score > best) best = score, out[i] = c;
    }
  }
  return y;
}

Tensor centred_box(std::int64_t height, std::int64_t width, double share, int label, int background) {
  check(share >= 0 && share <= 1, "centred box", "share must lie in 0..1, got ", share);
  Tensor y = Tensor::full(Shape{height, width}, background, DType::kInt32);
  const auto margin = [&](std::int64_t side) {
    return std::llround(static_cast<double>(side) * (1 - std::sqrt(share)) / 2);
  };
  const std::int64_t top = margin(height), left = margin(width);
  auto* out = y.data<std::int32_t>();
  for (std::int64_t i = top; i < height - top; ++i)
    for (std::int64_t j = left; j < width - left; ++j) out[i * width + j] = label;
  return y;
}

Baseline colour_baseline(const Dataset& choose, const Dataset& score, const PictureOptions& options) {
  std::vector<Failure> failures;
  const Dataset good = readable(choose, options, failures);
  ColourClassifier colours(static_cast<int>(choose.class_names.size()));
  for (const Item& item : good.items)
    colours.add(read_picture(item.image, options), read_mask(good, item), good.ignore);
  Baseline baseline = best_of(good, score, options, {0, 0.5, 1}, [&](double prior) -> Predict {
    return [&colours, prior](const Item&, const Tensor& picture) { return colours.predict(picture, prior); };
  });
  baseline.failures = std::move(failures);
  return baseline;
}

Baseline box_baseline(const Dataset& choose, const Dataset& score, const PictureOptions& options) {
  std::vector<Failure> failures;
  const Dataset good = readable(choose, options, failures);
  const int background = choose.background;
  const std::vector<double> shares = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1};
  Baseline baseline = best_of(good, score, options, shares, [&](double share) -> Predict {
    return [background, share](const Item& item, const Tensor& picture) {
      const int label = item.classes.empty() ? background : item.classes.front();
      return centred_box(picture.dim(0), picture.dim(1), share, label, background);
    };
  });
  baseline.failures = std::move(failures);
  return baseline;
}

Baseline background_baseline(const Dataset& score, const PictureOptions& options) {
  return {0, score_pictures(score, options, [&](const Item&, const Tensor& picture) {
            return centred_box(picture.dim(0), picture.dim(1), 0, score.background, score.background);
          })};
}

}  // namespace clearcut
