#include "explain/measures/removal.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "explain/measures/measure_table.h"
#include "explain/methods.h"
#include "explain/order.h"
#include "explain/regions.h"

namespace clearcut {

std::vector<double> removal_curve(Subject& subject, const Removal& removal) {
  const std::int64_t n = subject.height() * subject.width();
  const float* from = removal.from.data<const float>();
  const float* to = removal.to.data<const float>();
  return subject.scores(
      removal.rows,
      [&](std::int64_t r, const Tensor& slot) {
        float* y = slot.data<float>();
        for (std::int64_t c = 0; c < 3; ++c)
          for (std::int64_t i = 0; i < n; ++i)
            y[c * n + i] = (removal.stage[static_cast<std::size_t>(i)] <= r ? to : from)[c * n + i];
      },
      true);
}

std::vector<std::int32_t> ordered_stages(const Tensor& map, std::int64_t steps) {
  check(steps >= 1, "deletion", "steps must be >= 1; got ", steps);
  const std::vector<std::int32_t> order = salient_order(map);
  const auto n = static_cast<std::int64_t>(order.size());
  std::vector<std::int32_t> stage(order.size());
  for (std::int64_t row = 1, next = 0; row <= steps; ++row)
    for (; next < row * n / steps; ++next)
      stage[static_cast<std::size_t>(order[static_cast<std::size_t>(next)])] = static_cast<std::int32_t>(row);
  return stage;
}

std::vector<std::int32_t> percentile_stages(const Tensor& map, std::int64_t steps, bool least) {
  check(steps >= 1, "deletion", "steps must be >= 1; got ", steps);
  const std::vector<double> values = ascending_values(map);
  const float* p = map.data<const float>();
  std::vector<std::int32_t> stage(values.size(), static_cast<std::int32_t>(steps + 1));
  for (std::int64_t row = steps; row >= 1; --row) {
    const double share = static_cast<double>(least ? row - 1 : steps - row) / static_cast<double>(steps);
    const double limit = percentile(values, 100 * share);
    for (std::size_t i = 0; i < values.size(); ++i)
      if (least ? p[i] < limit : p[i] > limit) stage[i] = static_cast<std::int32_t>(row);
  }
  return stage;
}

std::vector<std::int32_t> superpixel_stages(const Tensor& segments, const std::vector<double>& coefficients,
                                            bool least) {
  std::vector<std::size_t> order(coefficients.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::abs(coefficients[a]) > std::abs(coefficients[b]);
  });
  if (least) std::reverse(order.begin(), order.end());
  std::vector<std::int32_t> row(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) row[order[i]] = static_cast<std::int32_t>(i + 1);
  const std::int32_t* s = segments.data<const std::int32_t>();
  std::vector<std::int32_t> stage(static_cast<std::size_t>(segments.numel()));
  for (std::size_t i = 0; i < stage.size(); ++i) {
    check(s[i] >= 0 && static_cast<std::size_t>(s[i]) < row.size(), "deletion", "superpixel ", s[i],
          " has no coefficient; there are ", row.size());
    stage[i] = row[static_cast<std::size_t>(s[i])];
  }
  return stage;
}

double trapezoid(const std::vector<double>& y) {
  check(y.size() >= 2, "deletion", "a curve needs at least two points; got ", y.size());
  const double sum = std::accumulate(y.begin(), y.end(), 0.0);
  return (sum - (y.front() + y.back()) / 2) / static_cast<double>(y.size() - 1);
}

namespace {

std::vector<double> even_points(std::size_t n) {
  std::vector<double> x(n);
  for (std::size_t i = 0; i < n; ++i) x[i] = static_cast<double>(i) / static_cast<double>(n - 1);
  return x;
}

Verdict area(std::vector<double> y) {
  return {.value = trapezoid(y), .parts = {}, .x = even_points(y.size()), .y = y};
}

Verdict deletion(Trial& trial, const MeasureSettings& settings) {
  const auto steps = static_cast<std::int64_t>(settings.at("steps"));
  const Tensor x = trial.subject().x();
  return area(removal_curve(
      trial.subject(),
      {.from = x, .to = zeros_like(x), .stage = ordered_stages(trial.map(), steps), .rows = steps + 1}));
}

Verdict insertion(Trial& trial, const MeasureSettings& settings) {
  const auto steps = static_cast<std::int64_t>(settings.at("steps"));
  const Tensor x = trial.subject().x();
  return area(removal_curve(trial.subject(), {.from = baseline_of(x, PathStart::kBlur),
                                              .to = x,
                                              .stage = ordered_stages(trial.map(), steps),
                                              .rows = steps + 1}));
}

// Every pixel 127.
Tensor grey_like(const Subject& subject) {
  const std::vector<float> grey = subject.colour({127, 127, 127});
  Tensor y(subject.input().x.shape().without_leading());
  const std::int64_t n = y.numel() / 3;
  for (std::int64_t c = 0; c < 3; ++c)
    std::fill_n(y.data<float>() + c * n, n, grey[static_cast<std::size_t>(c)]);
  return y;
}

// The stages of the authors' library, and how many rows follow the first.
std::pair<std::vector<std::int32_t>, std::int64_t> library_stages(Trial& trial, std::int64_t steps,
                                                                  bool least) {
  const auto& coefficients = trial.said().coefficients;
  const Tensor& segments = trial.segments();
  if (coefficients.empty() || !segments.defined())
    return {percentile_stages(trial.map(), steps, least), steps};
  return {superpixel_stages(segments, coefficients[0], least),
          static_cast<std::int64_t>(coefficients[0].size())};
}

Verdict mean_of(std::vector<double> y) {
  return {.value = std::accumulate(y.begin(), y.end(), 0.0) / static_cast<double>(y.size()),
          .parts = {},
          .x = even_points(y.size()),
          .y = y};
}

Verdict library_removal(Trial& trial, const MeasureSettings& settings, bool least) {
  const auto steps = static_cast<std::int64_t>(settings.at("steps"));
  return trial.kept(cat(least ? "lerf" : "morf", steps), [&] {
    auto [stage, rows] = library_stages(trial, steps, least);
    return mean_of(removal_curve(trial.subject(), {.from = trial.subject().x(),
                                                   .to = grey_like(trial.subject()),
                                                   .stage = std::move(stage),
                                                   .rows = rows + 1}));
  });
}

Verdict most_relevant_first(Trial& trial, const MeasureSettings& settings) {
  return library_removal(trial, settings, false);
}
Verdict least_relevant_first(Trial& trial, const MeasureSettings& settings) {
  return library_removal(trial, settings, true);
}

Verdict area_between(Trial& trial, const MeasureSettings& settings) {
  const Verdict morf = library_removal(trial, settings, false), lerf = library_removal(trial, settings, true);
  return {.value = lerf.value - morf.value, .parts = {{"lerf", lerf.value}, {"morf", morf.value}}};
}

// Row r shows what deletion removes in row r + 1; the last one is the picture.
Verdict library_insertion(Trial& trial, const MeasureSettings& settings) {
  auto [stage, rows] = library_stages(trial, static_cast<std::int64_t>(settings.at("steps")), false);
  for (std::int32_t& row : stage) --row;
  return mean_of(removal_curve(trial.subject(), {.from = grey_like(trial.subject()),
                                                 .to = trial.subject().x(),
                                                 .stage = std::move(stage),
                                                 .rows = rows + 1}));
}

const char* const kRise = "Petsiuk 2018 (1806.07421)";
const char* const kSamek = "Samek 2017 (1509.06321), InterpretDL";
const MeasureSetting kSteps = {
    "steps", 224, 1, 1e6, "rows after the first; 224 are RISE's 224 pixels each at 224 x 224", true};
const MeasureSetting kLevels = {"steps", 20, 1, 1e6, "thresholds: percentiles 95, 90, .. 0 with 20", true};
const char* const kSuperpixels = "of superpixel explainers one superpixel a row, by magnitude";

const std::vector<MeasureRow> kRows = {
    {.name = "deletion",
     .formula = "area under p while the most salient pixels become 0 (normalised), by trapezoids",
     .paper = kRise,
     .better = "lower",
     .cost = "steps + 1",
     .settings = {kSteps},
     .judge = deletion,
     .deviates = "RISE follows the predicted class, here it is the target"},
    {.name = "insertion",
     .formula = "area under p while a blurred picture gets its most salient pixels back, by trapezoids",
     .paper = kRise,
     .cost = "steps + 1",
     .settings = {kSteps},
     .judge = insertion,
     .deviates = "11 x 11 Gaussian of deviation 5 as there, but its border is mirrored, not black"},
    {.name = "deletion_lib",
     .formula = "mean of p while the pixels above falling percentiles become 127 of 255",
     .paper = "InterpretDL",
     .better = "lower",
     .cost = "steps + 1, shared with morf and abpc",
     .settings = {kLevels},
     .judge = most_relevant_first,
     .deviates = kSuperpixels},
    {.name = "insertion_lib",
     .formula = "mean of p while a picture of 127s gets the pixels above falling percentiles",
     .paper = "InterpretDL",
     .cost = "steps + 1",
     .settings = {kLevels},
     .judge = library_insertion,
     .deviates = kSuperpixels},
    {.name = "morf",
     .formula = "most relevant first: deletion_lib under its other name",
     .paper = kSamek,
     .better = "lower",
     .cost = "steps + 1, shared with deletion_lib and abpc",
     .settings = {kLevels},
     .judge = most_relevant_first,
     .deviates = kSuperpixels},
    {.name = "lerf",
     .formula = "least relevant first: mean of p while the pixels below rising percentiles become 127",
     .paper = kSamek,
     .cost = "steps + 1, shared with abpc",
     .settings = {kLevels},
     .judge = least_relevant_first,
     .deviates = kSuperpixels},
    {.name = "abpc",
     .formula = "lerf - morf: the area between both curves",
     .paper = kSamek,
     .cost = "2 steps + 2, shared with morf and lerf",
     .settings = {kLevels},
     .judge = area_between},
};

}  // namespace

MeasureFamily removal_measures() { return {"Taking pixels away", kRows}; }

}  // namespace clearcut
