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

Tally sum_of(const std::vector<Tally>& pictures) {
  Tally sum = pictures.front();
  for (std::size_t i = 1; i < pictures.size(); ++i) sum.add(pictures[i]);
  return sum;
}

std::vector<Tally> tallies_of(const std::vector<ConfusionMatrix>& pictures) {
  std::vector<Tally> tallies;
  for (const ConfusionMatrix& picture : pictures) tallies.push_back(tally_of(picture));
  return tallies;
}

// Sample `step`: as many pictures as there are, drawn with replacement.
Tally resample(const std::vector<Tally>& pictures, const RandomStream& stream) {
  const auto n = static_cast<std::int64_t>(pictures.size());
  const auto drawn = [&](std::int64_t i) { return static_cast<std::size_t>(stream.below(i, n)); };
  Tally sum = pictures[drawn(0)];
  for (std::int64_t i = 1; i < n; ++i) sum.add(pictures[drawn(i)]);
  return sum;
}

void add_counts(std::vector<ClassCounts>& sum, const std::vector<ClassCounts>& more) {
  check(sum.size() == more.size(), "tally", "counts of ", sum.size(), " and ", more.size(),
        " classes cannot be added");
  for (std::size_t c = 0; c < sum.size(); ++c) {
    sum[c].hit += more[c].hit;
    sum[c].truth += more[c].truth;
    sum[c].predicted += more[c].predicted;
  }
}

// Intersection over union, or `absent` where the union is empty.
double iou_of(const ClassCounts& n, double absent) {
  const std::int64_t either = n.truth + n.predicted - n.hit;
  return either == 0 ? absent : share(n.hit, either);
}

double kappa_of(const std::vector<ClassCounts>& classes, double agreement, double pixels) {
  double by_chance = 0;
  for (const ClassCounts& n : classes)
    by_chance += static_cast<double>(n.truth) / pixels * (static_cast<double>(n.predicted) / pixels);
  return by_chance == 1 ? kNaN : (agreement - by_chance) / (1 - by_chance);
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

ConfusionMatrix sum_of(const std::vector<ConfusionMatrix>& matrices) {
  check(!matrices.empty(), "confusion", "a sum needs at least one matrix");
  ConfusionMatrix sum(matrices.front().classes());
  for (const ConfusionMatrix& one : matrices) sum.add(one);
  return sum;
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

void Tally::add(const Tally& other) {
  add_counts(area, other.area);
  add_counts(boundary, other.boundary);
}

Tally tally_of(const ConfusionMatrix& counts) {
  const int C = counts.classes();
  Tally tally{.area = std::vector<ClassCounts>(static_cast<std::size_t>(C)), .boundary = {}};
  for (int t = 0; t < C; ++t)
    for (int p = 0; p <= C; ++p) {
      const std::int64_t n = counts.count(t, p);
      tally.area[static_cast<std::size_t>(t)].truth += n;
      if (p < C) tally.area[static_cast<std::size_t>(p)].predicted += n;
      if (p == t) tally.area[static_cast<std::size_t>(t)].hit = n;
    }
  return tally;
}

SegmentationScores scores(const Tally& counts, const ScoreOptions& options) {
  const double absent = absent_iou(options.absent);
  SegmentationScores s;
  Mean iou, dice, boundary, recall;
  ClassCounts all, foreground;
  const auto add = [](ClassCounts& sum, const ClassCounts& n) {
    sum = {sum.hit + n.hit, sum.truth + n.truth, sum.predicted + n.predicted};
  };
  for (std::size_t c = 0; c < counts.area.size(); ++c) {
    const ClassCounts& n = counts.area[c];
    s.iou.push_back(iou_of(n, absent));
    s.dice.push_back(n.truth + n.predicted == 0 ? absent : share(2 * n.hit, n.truth + n.predicted));
    s.boundary_iou.push_back(counts.boundary.empty() ? kNaN : iou_of(counts.boundary[c], absent));
    s.class_precision.push_back(share(n.hit, n.predicted));
    s.class_recall.push_back(share(n.hit, n.truth));
    const bool background = static_cast<int>(c) == options.background;
    recall.add(s.class_recall.back());
    add(all, n);
    if (!background) add(foreground, n);
    if (background && !options.background_in_mean) continue;
    iou.add(s.iou.back());
    dice.add(s.dice.back());
    boundary.add(s.boundary_iou.back());
  }
  s.miou = iou.value();
  s.mean_dice = dice.value();
  s.mean_boundary_iou = boundary.value();
  s.classes_in_mean = iou.n;
  s.mean_accuracy = recall.value();
  s.pixel_accuracy = share(all.hit, all.truth);
  s.kappa = kappa_of(counts.area, s.pixel_accuracy, static_cast<double>(all.truth));
  s.precision = share(foreground.hit, foreground.predicted);
  s.coverage = share(all.predicted, all.truth);
  return s;
}

SegmentationScores scores(const ConfusionMatrix& counts, const ScoreOptions& options) {
  return scores(tally_of(counts), options);
}

ScoreIntervals bootstrap_scores(const std::vector<Tally>& pictures, const ScoreOptions& options,
                                const BootstrapOptions& bootstrap) {
  check_bootstrap(pictures.size(), bootstrap);
  std::vector<SegmentationScores> drawn;
  for (int k = 0; k < bootstrap.samples; ++k) {
    const RandomStream stream(bootstrap.seed, "bootstrap", 0, static_cast<std::uint32_t>(k));
    drawn.push_back(scores(resample(pictures, stream), options));
  }
  const SegmentationScores estimate = scores(sum_of(pictures), options);
  const auto interval = [&](double SegmentationScores::*score) {
    std::vector<double> values;
    for (const SegmentationScores& one : drawn) values.push_back(one.*score);
    return percentile_interval(estimate.*score, std::move(values), bootstrap.level);
  };
  return {interval(&SegmentationScores::miou), interval(&SegmentationScores::pixel_accuracy),
          interval(&SegmentationScores::kappa), interval(&SegmentationScores::mean_dice),
          interval(&SegmentationScores::mean_boundary_iou)};
}

Interval bootstrap_miou(const std::vector<ConfusionMatrix>& pictures, const ScoreOptions& options,
                        const BootstrapOptions& bootstrap) {
  return bootstrap_scores(tallies_of(pictures), options, bootstrap).miou;
}

Interval bootstrap_miou_difference(const std::vector<Tally>& a, const std::vector<Tally>& b,
                                   const ScoreOptions& options, const BootstrapOptions& bootstrap) {
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

Interval bootstrap_miou_difference(const std::vector<ConfusionMatrix>& a,
                                   const std::vector<ConfusionMatrix>& b, const ScoreOptions& options,
                                   const BootstrapOptions& bootstrap) {
  return bootstrap_miou_difference(tallies_of(a), tallies_of(b), options, bootstrap);
}

}  // namespace clearcut
