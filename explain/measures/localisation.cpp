#include "explain/measures/localisation.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "explain/consensus.h"
#include "explain/measures/measure_table.h"
#include "explain/order.h"
#include "explain/sweep.h"

namespace clearcut {

namespace {

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

void check_sizes(const Tensor& map, const Tensor& inside) {
  check(map.shape() == inside.shape() && map.numel() > 0, "localisation", "map ", map.shape(), " and mask ",
        inside.shape(), " must have one size");
}

// How many pixels are on the object, and off it.
std::pair<std::int64_t, std::int64_t> counts(const Tensor& inside) {
  const std::uint8_t* in = inside.data<const std::uint8_t>();
  return {std::count(in, in + inside.numel(), 1), std::count(in, in + inside.numel(), 0)};
}

}  // namespace

double average_precision(const Tensor& map, const Tensor& inside) {
  check_sizes(map, inside);
  const float* m = map.data<const float>();
  const std::uint8_t* in = inside.data<const std::uint8_t>();
  const double object = static_cast<double>(counts(inside).first);
  if (object == 0) return kNothing;
  const std::vector<std::int32_t> order = salient_order(map);
  double found = 0, called = 0, sum = 0;
  for (std::size_t i = 0, j = 0; i < order.size(); i = j) {
    const double before = found;
    do {
      found += in[order[j]] == 1;
      called += in[order[j]] <= 1;
      ++j;
    } while (j < order.size() && m[order[j]] == m[order[i]]);
    if (found > before) sum += (found - before) / object * found / called;
  }
  return sum;
}

double mask_iou(const Tensor& map, const Tensor& inside, double threshold) {
  check_sizes(map, inside);
  const float* m = map.data<const float>();
  const std::uint8_t* in = inside.data<const std::uint8_t>();
  double top = 0;  // of the pixels that count
  for (std::int64_t i = 0; i < map.numel(); ++i)
    if (in[i] <= 1) top = std::max(top, static_cast<double>(m[i]));
  double both = 0, called = 0, object = 0, all = 0;
  for (std::int64_t i = 0; i < map.numel(); ++i) {
    if (in[i] > 1) continue;
    const bool here = top > 0 && m[i] >= threshold * top;
    all += 1;
    called += here;
    object += in[i];
    both += here && in[i] == 1;
  }
  if (object == 0) return kNothing;
  const double either = called + object - both, neither = all - either;
  const double background = all - both;  // pixels that mask or map call background
  return (both / either + (background > 0 ? neither / background : 1)) / 2;
}

namespace {

// Needs an object in the picture; `rest` says whether it also needs pixels off it.
template <class Value>
Verdict on_object(Trial& trial, bool rest, const Value& value) {
  const Tensor& inside = trial.subject().evidence.inside;
  const auto [object, other] = counts(inside);
  if (object == 0 || (rest && other == 0)) return {.value = kNothing};
  return value(trial.picture_map(), inside);
}

bool says_nothing(const Trial& trial) { return !trial.said().empty.empty() && trial.said().empty[0]; }

Verdict pointing(Trial& trial, const MeasureSettings& settings) {
  return on_object(trial, false, [&](const Tensor& map, const Tensor& inside) -> Verdict {
    const bool hit = localise(map, inside, settings.at("tolerance")).hit;
    return {.value = hit && !says_nothing(trial) ? 1.0 : 0.0};
  });
}

Verdict energy_pointing(Trial& trial, const MeasureSettings&) {
  return on_object(trial, false, [](const Tensor& map, const Tensor& inside) -> Verdict {
    return {.value = localise(map, inside).energy};
  });
}

Verdict point_game(Trial& trial, const MeasureSettings&) {
  return on_object(trial, false, [](const Tensor& map, const Tensor& inside) -> Verdict {
    const Localisation found = localise(map, inside);
    return {.value = found.f1, .parts = {{"precision", found.precision}, {"recall", found.recall}}};
  });
}

Verdict roc_auc_measure(Trial& trial, const MeasureSettings&) {
  return on_object(trial, true, [](const Tensor& map, const Tensor& inside) -> Verdict {
    return {.value = localise(map, inside).auc};
  });
}

Verdict average_precision_measure(Trial& trial, const MeasureSettings&) {
  return on_object(trial, false, [](const Tensor& map, const Tensor& inside) -> Verdict {
    return {.value = average_precision(map, inside)};
  });
}

Verdict mask_iou_measure(Trial& trial, const MeasureSettings& settings) {
  return on_object(trial, false, [&](const Tensor& map, const Tensor& inside) -> Verdict {
    return {.value = mask_iou(map, inside, settings.at("threshold"))};
  });
}

Verdict consensus_score(Trial& trial, const MeasureSettings&) {
  const MemberMap member{.map = trial.picture_map(), .square = {}, .segments = {}, .coefficients = {}};
  return {.value = cosine(member_share(Variant::kMinMax, member), trial.subject().evidence.consensus)};
}

const char* const kLibrary = "InterpretDL";

const std::vector<MeasureRow> kRows = {
    {.name = "pointing",
     .formula = "1 if the largest value lies within tolerance of the object; its mean is over classes, and "
                "has an error if "
                "each has two pictures",
     .paper = "Zhang 2016 (1608.00507), TorchRay",
     .needs = Needs::kMask,
     .settings = {{"tolerance", 15, 0, 1e4, "pixels of the picture"}},
     .judge = pointing,
     .by_class = true},
    {.name = "energy_pointing",
     .formula = "share of the map's positive sum that lies on the object",
     .paper = "Wang 2020 (1910.01279)",
     .needs = Needs::kMask,
     .judge = energy_pointing,
     .deviates = "a mask in place of a box"},
    {.name = "pointgame",
     .formula = "F1 of the pixels above 0.25 of the maximum; parts: precision, recall",
     .paper = kLibrary,
     .needs = Needs::kMask,
     .judge = point_game,
     .deviates = "a mask in place of a box, and 1e-6 in every denominator"},
    {.name = "roc_auc",
     .formula = "area under the ROC curve of the map against the mask",
     .paper = kLibrary,
     .needs = Needs::kMask,
     .judge = roc_auc_measure},
    {.name = "average_precision",
     .formula = "sum over thresholds of (R - R before) P",
     .paper = kLibrary,
     .needs = Needs::kMask,
     .judge = average_precision_measure},
    {.name = "mask_iou",
     .formula = "mean of the IoU of object and background of {map >= threshold max}",
     .paper = "our choice; 0.2 of the maximum as CAM's boxes, Zhou 2015 (1512.04150)",
     .needs = Needs::kMask,
     .settings = {{"threshold", 0.2, 0, 1, "share of the map's maximum"}},
     .judge = mask_iou_measure},
    {.name = "consensus",
     .formula = "cosine of the min-max scaled map and the mean of all members' (classifiers x explainers)",
     .paper = "Li 2021 (2109.00707), M4",
     .needs = Needs::kConsensus,
     .judge = consensus_score,
     .deviates = "members of one explainer there, here all that the run has"},
};

}  // namespace

MeasureFamily localisation_measures() { return {"Pointing at the object", kRows}; }

}  // namespace clearcut
