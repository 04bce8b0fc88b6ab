// What the classifier says of the picture times its own map.
#include <algorithm>
#include <cmath>

#include "explain/measures/measure_table.h"
#include "explain/measures/road.h"
#include "explain/measures/similarity.h"

namespace clearcut {

namespace {

// x times the map scaled to [0, 1], the same for each channel.
void fill_masked(Trial& trial, const Tensor& slot) {
  slot.copy_from(trial.subject().x());
  const Tensor& map = trial.unit_map();
  const float* m = map.data<const float>();
  float* p = slot.data<float>();
  for (std::int64_t i = 0; i < slot.numel(); ++i) p[i] *= m[i % map.numel()];
}

double masked_probability(Trial& trial) {
  trial.unit_map();  // rows are filled on several threads
  return trial
      .kept("masked",
            [&]() -> Verdict {
              return {.value = trial.subject().scores(
                          1, [&](std::int64_t, const Tensor& slot) { fill_masked(trial, slot); }, true)[0]};
            })
      .value;
}

Verdict average_drop(Trial& trial, const MeasureSettings&) {
  const double before = trial.subject().probability();
  const double drop = std::max(0.0, before - masked_probability(trial));
  return {.value = drop, .parts = {{"relative", drop / before}}};
}

Verdict increase(Trial& trial, const MeasureSettings&) {
  return {.value = masked_probability(trial) > trial.subject().probability() ? 1.0 : 0.0};
}

double complexity_of(const Tensor& unit_map) {
  const float* m = unit_map.data<const float>();
  double sum = 0;
  for (std::int64_t i = 0; i < unit_map.numel(); ++i) sum += std::abs(static_cast<double>(m[i]));
  return sum / static_cast<double>(unit_map.numel());
}

// Pearson's correlation of the map and that of the masked picture, both scaled, moved to [0, 1].
double coherency_of(Trial& trial) {
  Tensor masked({1, 3, trial.subject().height(), trial.subject().width()});
  fill_masked(trial, masked[0]);
  const Tensor again = trial.explain_again(masked)[0];
  const Tensor map = map_over_input(again, trial.subject().height(), trial.subject().width());
  return (pearson(unit_scaled(map), trial.unit_map()) + 1) / 2;
}

Verdict arcc(Trial& trial, const MeasureSettings& settings) {
  constexpr double kEps = 1e-8;
  const double coherency = coherency_of(trial), complexity = complexity_of(trial.unit_map());
  const double gain = road(trial, {20, 40, 60, 80}, settings.at("noise")).value;
  const double fair = std::clamp(2 * gain, 0.0, 1.0);
  return {.value = 3 / (1 / (coherency + kEps) + 1 / (1 - complexity + kEps) + 1 / (fair + kEps)),
          .parts = {{"coherency", coherency}, {"complexity", complexity}, {"road", gain}}};
}

const char* const kDrop = "Chattopadhay 2018 (1710.11063), pytorch-grad-cam";

const std::vector<MeasureRow> kRows = {
    {.name = "average_drop",
     .formula = "max(0, p(x) - p(x m)), m the map scaled to [0, 1]",
     .paper = kDrop,
     .better = "lower",
     .cost = "1, shared with increase",
     .judge = average_drop,
     .deviates = "not divided by p(x), as in the library; part `relative` is, as in the paper"},
    {.name = "increase",
     .formula = "1 if p(x m) > p(x)",
     .paper = kDrop,
     .cost = "1, shared with average_drop",
     .judge = increase},
    {.name = "arcc",
     .formula = "harmonic mean of coherency, 1 - complexity and clamp(2 ROAD, 0, 1), the last of 20 to 80 %",
     .paper = "Poppi 2021 (2104.10252), pytorch-grad-cam",
     .needs = Needs::kExplainer,
     .cost = "8, and one explanation",
     .settings = {{"noise", 0.01, 0, 10, "of ROAD"}},
     .judge = arcc,
     .deviates = "the paper has 1 - average drop in place of ROAD"},
};

}  // namespace

MeasureFamily masking_measures() { return {"The picture times its map", kRows}; }

}  // namespace clearcut
