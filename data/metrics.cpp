#include "data/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tensor/error.h"
#include "tensor/random.h"

namespace clearcut {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

double share(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? kNaN : static_cast<double>(part) / static_cast<double>(whole);
}

// Mean of the values that are numbers.
struct Mean {
  double sum = 0;
  int n = 0;
  void add(double v) {
    if (std::isnan(v)) return;
    sum += v;
    ++n;
  }
  double value() const { return n == 0 ? kNaN : sum / n; }
};

[[noreturn]] void wrong_value(const char* whose, std::int32_t value, std::int64_t pixel, int classes,
                              int ignore) {
  fail("confusion", whose, " has the value ", value, " at pixel ", pixel, "; classes are 0 to ", classes - 1,
       " and ", ignore, " is ignored; wrong ignore value, or labels of another class list?");
}

double absent_iou(Absent absent) {
  switch (absent) {
    case Absent::kZero:
      return 0;
    case Absent::kOne:
      return 1;
    case Absent::kExclude:
      break;
  }
  return kNaN;
}

Interval percentile_interval(double estimate, std::vector<double> values, double level) {
  std::erase_if(values, [](double v) { return std::isnan(v); });
  if (values.empty()) return {estimate, kNaN, kNaN};
  std::sort(values.begin(), values.end());
  const auto at = [&](double q) {  // linear between order statistics
    const double place = q * static_cast<double>(values.size() - 1);
    const auto i = static_cast<std::size_t>(place);
    const double next = values[std::min(i + 1, values.size() - 1)];
    return values[i] + (place - static_cast<double>(i)) * (next - values[i]);
  };
  return {estimate, at((1 - level) / 2), at((1 + level) / 2)};
}

void check_bootstrap(std::size_t pictures, const BootstrapOptions& options) {
  check(pictures > 0 && options.samples > 0 && options.level > 0 && options.level < 1, "bootstrap",
        "needs pictures, samples and a level in (0, 1); got ", pictures, " pictures, ", options.samples,
        " samples, level ", options.level);
}

ConfusionMatrix sum_of(const std::vector<ConfusionMatrix>& pictures) {
  ConfusionMatrix sum(pictures.front().classes());
  for (const ConfusionMatrix& picture : pictures) sum.add(picture);
  return sum;
}

// Sample `step`: as many pictures as there are, drawn with replacement.
ConfusionMatrix resample(const std::vector<ConfusionMatrix>& pictures, const RandomStream& stream) {
  ConfusionMatrix sum(pictures.front().classes());
  const auto n = static_cast<std::int64_t>(pictures.size());
  for (std::int64_t i = 0; i < n; ++i) sum.add(pictures[static_cast<std::size_t>(stream.below(i, n))]);
  return sum;
}

}  // namespace

ConfusionMatrix::ConfusionMatrix(int classes) : classes_(classes) {
  check(classes > 0, "confusion", "needs at least one class, got ", classes);
  counts_.assign(static_cast<std::size_t>(classes) * static_cast<std::size_t>(classes + 1), 0);
}

std::size_t ConfusionMatrix::at(int truth, int predicted) const {
  return static_cast<std::size_t>(truth) * static_cast<std::size_t>(classes_ + 1) +
         static_cast<std::size_t>(predicted);
}

void ConfusionMatrix::add(const Tensor& prediction, const Tensor& truth, int truth_ignore, int undecided) {
  check(prediction.shape() == truth.shape(), "confusion", "prediction ", prediction.shape(), " and truth ",
        truth.shape(), " must have one size");
  const auto* p = prediction.data<const std::int32_t>();
  const auto* t = truth.data<const std::int32_t>();
  for (std::int64_t i = 0; i < truth.numel(); ++i) {
    if (t[i] == truth_ignore) continue;
    if (t[i] < 0 || t[i] >= classes_) wrong_value("the truth", t[i], i, classes_, truth_ignore);
    const bool decided = p[i] != undecided || (undecided >= 0 && undecided < classes_);
    if (decided && (p[i] < 0 || p[i] >= classes_))
      wrong_value("the prediction", p[i], i, classes_, undecided);
    ++counts_[at(t[i], decided ? p[i] : classes_)];
  }
}

void ConfusionMatrix::add(const ConfusionMatrix& other) {
  check(classes_ == other.classes_, "confusion", "matrices of ", classes_, " and ", other.classes_,
        " classes cannot be added");
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
}

void ConfusionMatrix::add_count(int truth, int predicted, std::int64_t n) {
  check(n >= 0 && count(truth, predicted) >= 0, "confusion", "a number of pixels must be >= 0; got ", n);
  counts_[at(truth, predicted)] += n;
}

std::int64_t ConfusionMatrix::count(int truth, int predicted) const {
  check(truth >= 0 && truth < classes_ && predicted >= 0 && predicted <= classes_, "confusion", "no cell [",
        truth, ", ", predicted, "] in a matrix of ", classes_, " classes");
  return counts_[at(truth, predicted)];
}

std::int64_t ConfusionMatrix::total() const {
  std::int64_t sum = 0;
  for (const std::int64_t n : counts_) sum += n;
  return sum;
}

Absent absent_from_name(std::string_view name) {
  if (name == "exclude") return Absent::kExclude;
  if (name == "zero") return Absent::kZero;
  check(name == "one", "metrics", "absent classes: exclude, zero or one; got '", name, "'");
  return Absent::kOne;
}

std::string_view name_of(Absent absent) {
  constexpr std::string_view kNames[] = {"exclude", "zero", "one"};
  return kNames[static_cast<std::size_t>(absent)];
}

SegmentationScores scores(const ConfusionMatrix& counts, const ScoreOptions& options) {
  const int C = counts.classes();
  SegmentationScores s;
  Mean iou, recall;
  std::int64_t right = 0, undecided = 0, foreground = 0, foreground_right = 0;
  for (int c = 0; c < C; ++c) {
    std::int64_t in_truth = 0, in_prediction = 0;
    for (int k = 0; k <= C; ++k) in_truth += counts.count(c, k);
    for (int k = 0; k < C; ++k) in_prediction += counts.count(k, c);
    const std::int64_t hit = counts.count(c, c), either = in_truth + in_prediction - hit;
    s.iou.push_back(either == 0 ? absent_iou(options.absent) : share(hit, either));
    s.class_precision.push_back(share(hit, in_prediction));
    s.class_recall.push_back(share(hit, in_truth));
    if (c != options.background || options.background_in_mean) iou.add(s.iou.back());
    recall.add(s.class_recall.back());
    right += hit;
    undecided += counts.count(c, C);
    if (c == options.background) continue;
    foreground += in_prediction;
    foreground_right += hit;
  }
  s.miou = iou.value();
  s.classes_in_mean = iou.n;
  s.mean_accuracy = recall.value();
  s.pixel_accuracy = share(right, counts.total());
  s.precision = share(foreground_right, foreground);
  s.coverage = share(counts.total() - undecided, counts.total());
  return s;
}

Interval bootstrap_miou(const std::vector<ConfusionMatrix>& pictures, const ScoreOptions& options,
                        const BootstrapOptions& bootstrap) {
  check_bootstrap(pictures.size(), bootstrap);
  std::vector<double> values;
  for (int k = 0; k < bootstrap.samples; ++k) {
    const RandomStream stream(bootstrap.seed, "bootstrap", 0, static_cast<std::uint32_t>(k));
    values.push_back(scores(resample(pictures, stream), options).miou);
  }
  return percentile_interval(scores(sum_of(pictures), options).miou, values, bootstrap.level);
}

Interval bootstrap_miou_difference(const std::vector<ConfusionMatrix>& a,
                                   const std::vector<ConfusionMatrix>& b, const ScoreOptions& options,
                                   const BootstrapOptions& bootstrap) {
  check_bootstrap(a.size(), bootstrap);
  check(a.size() == b.size(), "bootstrap", "paired methods need the same pictures; got ", a.size(), " and ",
        b.size());
  std::vector<double> values;
  for (int k = 0; k < bootstrap.samples; ++k) {
    const RandomStream stream(bootstrap.seed, "bootstrap", 0, static_cast<std::uint32_t>(k));
    values.push_back(scores(resample(a, stream), options).miou - scores(resample(b, stream), options).miou);
  }
  const double estimate = scores(sum_of(a), options).miou - scores(sum_of(b), options).miou;
  return percentile_interval(estimate, values, bootstrap.level);
}

}  // namespace clearcut
