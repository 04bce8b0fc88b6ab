// Consensus maps that `label fuse` kept, against true masks.
#include <algorithm>
#include <cmath>

#include "explain/fuse.h"
#include "explain/score_parts.h"
#include "tensor/interrupt.h"

namespace clearcut {

void ClassMeans::add(int label, const Localisation& l, double agreement) {
  auto& s = sums[label];
  const bool known = !std::isnan(agreement);
  const std::array<double, 7> one = {l.hit ? 1.0 : 0.0, l.energy, l.f1, l.auc, known ? agreement : 0, 1,
                                     known ? 1.0 : 0.0};
  for (std::size_t i = 0; i < one.size(); ++i) s[i] += one[i];
}

LocalisationMeans ClassMeans::means() const {
  const auto mean = [&](std::size_t which) {
    double total = 0;
    for (const auto& [label, s] : sums) total += s[which] / s[5];
    return sums.empty() ? 0 : total / static_cast<double>(sums.size());
  };
  double agreement = 0, known = 0;
  for (const auto& [label, s] : sums)
    if (s[6] > 0) agreement += s[4] / s[6], ++known;
  return {.pointing = mean(0),
          .energy = mean(1),
          .f1 = mean(2),
          .auc = mean(3),
          .agreement = known > 0 ? agreement / known : std::nan("")};
}

Tensor object_of(const Tensor& truth, int label, int ignore) {
  Tensor inside(truth.shape(), DType::kUInt8);
  const std::int32_t* t = truth.data<const std::int32_t>();
  std::uint8_t* y = inside.data<std::uint8_t>();
  for (std::int64_t i = 0; i < truth.numel(); ++i)
    y[i] = t[i] == ignore ? 255 : static_cast<std::uint8_t>(t[i] == label);
  return inside;
}

Tensor enlarged(const Tensor& map, std::int64_t H, std::int64_t W) {
  if (map.dim(0) == H && map.dim(1) == W) return map;
  return resize_picture(map.reshape(Shape{map.dim(0), map.dim(1), 1}), H, W, Filter::kBilinear)
      .reshape(Shape{H, W});
}

namespace {

// The kept maps of one item, one for each label.
std::vector<ClassStrength> read_kept(const std::string& folder, int shift, const Item& item,
                                     const Tensor& truth) {
  std::vector<ClassStrength> maps;
  for (const int label : item.classes) {
    const Tensor E = read_label_png(consensus_path(folder, item, label + shift)).labels.to(DType::kFloat32);
    float* p = E.data<float>();
    for (std::int64_t i = 0; i < E.numel(); ++i) p[i] /= 65535;
    maps.push_back({.label = label, .strength = enlarged(E, truth.dim(0), truth.dim(1))});
  }
  return maps;
}

ThresholdSweep new_sweep(const Dataset& data, const std::vector<double>& thresholds, std::size_t groups) {
  return {static_cast<int>(data.class_names.size()),
          {.background = data.background, .ignore = data.ignore},
          thresholds,
          groups};
}

}  // namespace

void check_for_kept(const MemberScoreOptions& options, const std::vector<Choice>& choices) {
  check(!options.snap, "sweep",
        "kept maps were snapped to superpixels or not when they were made, but --snap ",
        "(or a rule with :snap) asks for it now; leave the snapping out");
  std::vector<Measure> measures = choices.empty() ? options.measures : std::vector<Measure>{};
  for (const Choice& choice : choices) measures.push_back(choice.measure);
  check(
      std::count(measures.begin(), measures.end(), Measure::kMax) == 0, "sweep",
      "kept maps are scaled to 0..1, so max is value there, but the measures name max; name rank, value or ",
      "(maps of a votes rule) votes");
}

MemberScores score_kept(const Dataset& data, const std::string& folder, const MemberScoreOptions& options,
                        const std::vector<Choice>& choices) {
  check(data.masks != MaskFormat::kNone && data.background >= 0, "sweep", "the data set ", data.root,
        " must have true masks (name their folder: masks) and a background class");
  check_for_kept(options, choices);
  const int shift = value_shift(folder, data.class_names);
  const bool fixed = !choices.empty();
  const std::vector<Measure> measures = fixed ? std::vector<Measure>{choices[0].measure} : options.measures;
  const std::vector<double> thresholds =
      fixed ? std::vector<double>{choices[0].threshold} : options.thresholds;
  MemberScores result;
  result.subsets.push_back({.fusions = {options.fusions.empty() ? Fusion{} : options.fusions[0]}});
  result.subsets[0].sweeps.assign(measures.size(), new_sweep(data, thresholds, kScoreGroups));
  ClassMeans means;
  for (std::size_t i = 0; i < data.items.size(); ++i) {
    try {
      stop_if_interrupted("label sweep", "run the same command again");
      const Tensor truth = read_mask(data, data.items[i]);
      read_picture(data.items[i].image, options.picture);  // baselines answer on the same pictures
      const std::vector<ClassStrength> maps = read_kept(folder, shift, data.items[i], truth);
      for (std::size_t m = 0; m < measures.size(); ++m) {
        std::vector<ClassStrength> strengths;
        for (const ClassStrength& map : maps)
          strengths.push_back({.label = map.label, .strength = strength(map.strength, measures[m])});
        ThresholdSweep one = new_sweep(data, thresholds, 1);
        one.add(strengths, truth);
        result.subsets[0].sweeps[m].add(one, result.scored.size() % kScoreGroups);
        if (fixed) result.subsets[0].pictures.push_back(one.at(0));
      }
      for (const ClassStrength& map : maps)
        means.add(map.label, localise(map.strength, object_of(truth, map.label, data.ignore)), std::nan(""));
      result.scored.push_back(data.items[i].name);
    } catch (const Error& error) {
      result.failures.push_back({.id = data.items[i].name, .stage = "score", .error = error.what()});
    }
    if (options.progress) options.progress(static_cast<std::int64_t>(i) + 1, std::ssize(data.items));
  }
  result.subsets[0].finding = means.means();
  return result;
}

}  // namespace clearcut
