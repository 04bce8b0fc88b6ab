#include "explain/measures/road.h"

#include <numeric>

#include "explain/measures/impute.h"
#include "explain/measures/measure_table.h"
#include "explain/order.h"
#include "tensor/random.h"

namespace clearcut {

namespace {

std::vector<char> removed_pixels(const Tensor& map, const std::vector<double>& ascending, double q,
                                 bool least) {
  const double limit = percentile(ascending, least ? 100 - q : q);
  const float* p = map.data<const float>();
  std::vector<char> removed(ascending.size());
  for (std::size_t i = 0; i < removed.size(); ++i)
    removed[i] = static_cast<char>(least ? p[i] <= limit : p[i] >= limit);
  return removed;
}

void add_noise(const Tensor& slot, const std::vector<char>& removed, double deviation, const Subject& subject,
               std::int64_t row) {
  const RandomStream noise(subject.seed(), "road", subject.item(), static_cast<std::uint32_t>(row));
  float* p = slot.data<float>();
  for (std::int64_t i = 0; i < slot.numel(); ++i)
    if (removed[static_cast<std::size_t>(i) % removed.size()])
      p[i] = static_cast<float>(p[i] + deviation * noise.normal(i));
}

}  // namespace

Verdict road(Trial& trial, const std::vector<double>& percentiles, double noise) {
  Subject& subject = trial.subject();
  const auto steps = static_cast<std::int64_t>(percentiles.size());
  const Tensor& map = trial.map();
  const std::vector<double> ascending = ascending_values(map);
  const Tensor x = subject.x();
  const std::vector<double> left = subject.scores(
      2 * steps,
      [&](std::int64_t r, const Tensor& slot) {
        const double q = percentiles[static_cast<std::size_t>(r % steps)];
        const std::vector<char> removed = removed_pixels(map, ascending, q, r >= steps);
        slot.copy_from(impute(x, removed));
        if (noise > 0) add_noise(slot, removed, noise, subject, r);
      },
      true);
  const auto mean = [&](std::int64_t first) {
    const auto begin = left.begin() + first;
    return std::accumulate(begin, begin + steps, 0.0) / static_cast<double>(steps) - subject.probability();
  };
  const double morf = mean(0), lerf = mean(steps);
  return {.value = (lerf - morf) / 2, .parts = {{"morf", morf}, {"lerf", lerf}}};
}

namespace {

Verdict road_combined(Trial& trial, const MeasureSettings& settings) {
  return road(trial, {10, 20, 30, 40, 50, 60, 70, 80, 90}, settings.at("noise"));
}

const std::vector<MeasureRow> kRows = {
    {.name = "road",
     .formula = "(LeRF - MoRF) / 2 of the change of p, pixels imputed from their neighbours, 10 to 90 %",
     .paper = "Rong 2022 (2202.00449), pytorch-grad-cam",
     .cost = "18",
     .settings = {{"noise", 0.01, 0, 10, "deviation on imputed pixels, normalised input"}},
     .judge = road_combined,
     .deviates = "if every pixel is removed they become 0; the library's system has no solution there"},
};

}  // namespace

MeasureFamily road_measures() { return {"Remove and debias", kRows}; }

}  // namespace clearcut
