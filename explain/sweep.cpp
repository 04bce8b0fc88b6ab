#include "explain/sweep.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "data/text_lines.h"
#include "explain/order.h"

namespace clearcut {

std::vector<double> parse_thresholds(const std::string& text) {
  std::vector<double> parts;
  for (const std::string& part : split_at(text, ":")) {
    double value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    check(error == std::errc{} && end == part.data() + part.size(), "sweep", "'", part, "' in '", text,
          "' is not a number");
    parts.push_back(value);
  }
  check(parts.size() == 3 && parts[0] >= 0 && parts[0] <= parts[1] && parts[1] <= 1 && parts[2] > 0, "sweep",
        "thresholds read LOW:HIGH:STEP within [0, 1], as 0:1:0.01; got '", text, "'");
  std::vector<double> thresholds;
  const auto n = static_cast<int>(std::floor((parts[1] - parts[0]) / parts[2] + 1e-9));
  for (int i = 0; i <= n; ++i) thresholds.push_back(std::min(1.0, parts[0] + i * parts[2]));
  return thresholds;
}

ThresholdSweep::ThresholdSweep(int classes, LabelSpace space, std::vector<double> thresholds,
                               std::size_t groups)
    : classes_(classes), space_(space), thresholds_(std::move(thresholds)), groups_(groups) {
  check(!thresholds_.empty() && std::is_sorted(thresholds_.begin(), thresholds_.end()), "sweep",
        "thresholds must ascend, and there must be one");
  check(space.background >= 0 && space.background < classes, "sweep", "background ", space.background,
        " is outside the ", classes, " classes of the truth");
  counts_.assign(groups * cell(thresholds_.size() + 1, 0, 0), 0);
}

std::size_t ThresholdSweep::cell(std::size_t bin, int truth, int predicted) const {
  const auto C = static_cast<std::size_t>(classes_);
  return (bin * C + static_cast<std::size_t>(truth)) * (C + 1) + static_cast<std::size_t>(predicted);
}

void ThresholdSweep::add(const std::vector<ClassStrength>& classes, const Tensor& truth) {
  std::vector<const float*> maps;
  for (const ClassStrength& c : classes) {
    check(c.strength.shape() == truth.shape(), "sweep", "the map has the size ", c.strength.shape(),
          " but the true mask ", truth.shape());
    maps.push_back(c.strength.data<const float>());
  }
  std::vector<float> bars(thresholds_.begin(), thresholds_.end());
  const std::int32_t* t = truth.data<const std::int32_t>();
  for (std::int64_t i = 0; i < truth.numel(); ++i) {
    if (t[i] == space_.ignore) continue;
    check(t[i] >= 0 && t[i] < classes_, "sweep", "the true mask has the value ", t[i], " at pixel ", i,
          "; classes are 0 to ", classes_ - 1, " and ", space_.ignore, " is ignored");
    if (maps.empty()) {
      ++counts_[cell(0, t[i], space_.background)];
      continue;
    }
    std::size_t best = 0;
    bool tie = false;
    for (std::size_t c = 1; c < maps.size(); ++c) {
      if (maps[c][i] == maps[best][i]) tie = true;
      if (maps[c][i] > maps[best][i]) best = c, tie = false;
    }
    const auto bin =
        static_cast<std::size_t>(std::upper_bound(bars.begin(), bars.end(), maps[best][i]) - bars.begin());
    ++counts_[cell(bin, t[i], tie ? classes_ : classes[best].label)];
  }
}

void ThresholdSweep::add(const ThresholdSweep& other, std::size_t group) {
  check(other.groups_ == 1 && group < groups_ && counts_.size() == groups_ * other.counts_.size(), "sweep",
        "the two sweeps differ in classes or thresholds, or there is no group ", group);
  const std::size_t first = group * other.counts_.size();
  for (std::size_t i = 0; i < other.counts_.size(); ++i) counts_[first + i] += other.counts_[i];
}

void ThresholdSweep::set_counts(std::vector<std::int64_t> counts) {
  check(counts.size() == counts_.size(), "sweep", "there are ", counts_.size(), " counts; got ",
        counts.size());
  counts_ = std::move(counts);
}

ConfusionMatrix ThresholdSweep::at(std::size_t threshold) const {
  ConfusionMatrix matrix(classes_);
  for (std::size_t group = 0; group < groups_; ++group)
    for (std::size_t bin = 0; bin <= thresholds_.size(); ++bin)
      for (int truth = 0; truth < classes_; ++truth)
        for (int predicted = 0; predicted <= classes_; ++predicted)
          matrix.add_count(truth, bin > threshold ? predicted : space_.background,
                           counts_[group * (counts_.size() / groups_) + cell(bin, truth, predicted)]);
  return matrix;
}

std::vector<std::vector<ConfusionMatrix>> ThresholdSweep::all() const {
  std::vector<std::vector<ConfusionMatrix>> matrices(
      thresholds_.size(), std::vector<ConfusionMatrix>(groups_, ConfusionMatrix(classes_)));
  for (std::size_t group = 0; group < groups_; ++group) {
    const std::int64_t* counts = counts_.data() + group * (counts_.size() / groups_);
    ConfusionMatrix above(classes_);  // what lies above the threshold, from the highest one down
    std::vector<std::int64_t> below(static_cast<std::size_t>(classes_));  // the others, by their truth
    for (std::size_t bin = 0; bin <= thresholds_.size(); ++bin)
      for (int truth = 0; truth < classes_; ++truth)
        for (int p = 0; p <= classes_; ++p)
          below[static_cast<std::size_t>(truth)] += counts[cell(bin, truth, p)];
    for (std::size_t t = thresholds_.size(); t-- > 0;) {
      for (int truth = 0; truth < classes_; ++truth)
        for (int predicted = 0; predicted <= classes_; ++predicted) {
          const std::int64_t n = counts[cell(t + 1, truth, predicted)];
          above.add_count(truth, predicted, n);
          below[static_cast<std::size_t>(truth)] -= n;
        }
      matrices[t][group] = above;
      for (int truth = 0; truth < classes_; ++truth)
        matrices[t][group].add_count(truth, space_.background, below[static_cast<std::size_t>(truth)]);
    }
  }
  return matrices;
}

std::size_t ThresholdSweep::best(const ScoreOptions& options) const {
  std::size_t best = 0;
  double top = -1;
  const auto matrices = all();
  for (std::size_t i = 0; i < matrices.size(); ++i) {
    const double miou = scores(sum_of(matrices[i]), options).miou;
    if (miou > top) best = i, top = miou;
  }
  return best;
}

namespace {

// Share of (inside, outside) pairs in which the inside pixel is larger.
double roc_auc(const Tensor& map, const std::uint8_t* inside) {
  const float* m = map.data<const float>();
  const std::vector<std::int32_t> order = ascending_order(map);
  double below = 0, wins = 0, objects = 0;
  for (std::size_t i = 0; i < order.size();) {
    double in = 0, out = 0;
    std::size_t j = i;
    do {
      if (inside[order[j]] <= 1) ++(inside[order[j]] == 1 ? in : out);
      ++j;
    } while (j < order.size() && m[order[j]] == m[order[i]]);
    wins += in * (below + out / 2);
    below += out;
    objects += in;
    i = j;
  }
  return objects > 0 && below > 0 ? wins / (objects * below) : 0.5;
}

bool near_object(const std::uint8_t* inside, std::int64_t H, std::int64_t W, std::int64_t at, double reach) {
  const std::int64_t y = at / W, x = at % W;
  const auto r = static_cast<std::int64_t>(reach);
  for (std::int64_t v = std::max<std::int64_t>(0, y - r); v <= std::min(H - 1, y + r); ++v)
    for (std::int64_t u = std::max<std::int64_t>(0, x - r); u <= std::min(W - 1, x + r); ++u)
      if (inside[v * W + u] == 1 &&
          static_cast<double>((v - y) * (v - y) + (u - x) * (u - x)) <= reach * reach)
        return true;
  return false;
}

}  // namespace

Localisation localise(const Tensor& map, const Tensor& inside, double tolerance) {
  check(map.shape() == inside.shape() && map.numel() > 0, "localise", "map ", map.shape(), " and mask ",
        inside.shape(), " must have one size");
  const float* m = map.data<const float>();
  const std::uint8_t* in = inside.data<const std::uint8_t>();
  const std::int64_t n = map.numel();
  std::int64_t top = -1;  // the first maximum of what counts
  bool flat = true;
  for (std::int64_t i = 0; i < n; ++i) {
    if (in[i] > 1) continue;
    flat = flat && (top < 0 || m[i] == m[top]);
    if (top < 0 || m[i] > m[top]) top = i;
  }
  Localisation result;
  result.hit = !flat && near_object(in, map.dim(0), map.dim(1), top, tolerance);
  double on = 0, all = 0, called = 0, right = 0, object = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    if (in[i] > 1) continue;
    const double value = std::max(0.0F, m[i]);
    const bool above = m[i] > 0.25F * m[top];
    on += in[i] * value;
    all += value;
    called += above;
    right += above && in[i];
    object += in[i];
  }
  constexpr double kEps = 1e-6;
  result.energy = all > 0 ? on / all : 0;
  result.precision = right / (called + kEps);
  result.recall = right / (object + kEps);
  result.f1 = 2 * result.precision * result.recall / (result.precision + result.recall + kEps);
  result.auc = roc_auc(map, in);
  return result;
}

}  // namespace clearcut
