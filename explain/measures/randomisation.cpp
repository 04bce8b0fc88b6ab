#include "explain/measures/randomisation.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "explain/measures/measure_table.h"
#include "explain/measures/similarity.h"
#include "tensor/random.h"

namespace clearcut {

std::vector<std::string> modules_from_the_top(const Registry& registry) {
  std::vector<std::string> modules;
  for (const Param* param : registry.params()) {
    const std::string owner = registry.owner(param->name());
    if (std::find(modules.begin(), modules.end(), owner) == modules.end()) modules.push_back(owner);
  }
  std::reverse(modules.begin(), modules.end());
  return modules;
}

namespace {

Tensor drawn_like(const Tensor& w, const std::string& name, std::uint64_t seed) {
  const Tensor here = w.to(Device::kCpu).to(DType::kFloat32);
  const float* p = here.data<const float>();
  const auto n = static_cast<double>(here.numel());
  double mean = 0, squares = 0;
  for (std::int64_t i = 0; i < here.numel(); ++i) mean += p[i] / n;
  for (std::int64_t i = 0; i < here.numel(); ++i) squares += (p[i] - mean) * (p[i] - mean) / n;
  Tensor drawn(w.shape());
  RandomStream(seed, "randomise", hash_name(name)).fill_normal(drawn, mean, std::sqrt(squares));
  return drawn.to(w.dtype()).to(w.device());
}

}  // namespace

RandomParameters::RandomParameters(Registry& registry, const std::vector<std::string>& modules,
                                   std::uint64_t seed) {
  for (Param* param : registry.params()) {
    if (std::find(modules.begin(), modules.end(), registry.owner(param->name())) == modules.end()) continue;
    before_.emplace_back(param, drawn_like(param->value(), param->name(), seed));
  }
  // All are drawn by now: what throws leaves the network as it was.
  for (auto& [param, drawn] : before_) {
    const Tensor value = param->value();
    param->replace(drawn);
    drawn = value;
  }
}

RandomParameters::~RandomParameters() {
  for (auto& [param, value] : before_) param->replace(value);
}

namespace {

struct Likeness {
  double rank = 0, ssim = 0;
};

// A map that says nothing is like no other, which is no merit.
Likeness likeness(const Trial& trial, const Tensor& other) {
  constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();
  if (!trial.said().empty.empty() && trial.said().empty[0]) return {kNothing, kNothing};
  const Tensor map = map_over_input(other, trial.subject().height(), trial.subject().width());
  return {rank_correlation(trial.map(), map), structural_similarity(trial.map(), map)};
}

// Stage i of n has the first i / n of the modules drawn anew.
Verdict model_randomisation(Trial& trial, const MeasureSettings& settings) {
  Subject& subject = trial.subject();
  Registry& registry = subject.classifier().registry();
  const std::vector<std::string> modules = modules_from_the_top(registry);
  const auto stages = std::min(static_cast<std::size_t>(settings.at("stages")), modules.size());
  Verdict verdict{.value = 0, .parts = {{"ssim", 0}}, .x = {0}, .y = {1}};
  for (std::size_t i = 1; i <= stages; ++i) {
    const std::size_t count = (i * modules.size() + stages - 1) / stages;
    const RandomParameters drawn(
        registry, {modules.begin(), modules.begin() + static_cast<std::int64_t>(count)}, subject.seed());
    const Likeness found = likeness(trial, trial.explain_again(subject.input().x)[0]);
    verdict.value += found.rank / static_cast<double>(stages);
    verdict.parts[0].second += found.ssim / static_cast<double>(stages);
    verdict.x.push_back(static_cast<double>(i) / static_cast<double>(stages));
    verdict.y.push_back(found.rank);
  }
  return verdict;
}

Verdict compared(const Likeness& found) { return {.value = found.rank, .parts = {{"ssim", found.ssim}}}; }

// A class that is not in the target, drawn for this picture.
Verdict other_class(Trial& trial, const MeasureSettings&) {
  const Subject& subject = trial.subject();
  const std::vector<int>& own = subject.target().classes;
  std::vector<int> others;
  for (int c = 0; c < subject.classifier().classes(); ++c)
    if (std::find(own.begin(), own.end(), c) == own.end()) others.push_back(c);
  check(!others.empty(), "class_randomisation", "the target has all ", own.size(), " classes of ",
        subject.classifier().name());
  const RandomStream stream(subject.seed(), "other class", subject.item());
  const auto at = static_cast<std::size_t>(stream.below(0, static_cast<std::int64_t>(others.size())));
  const Target target{.classes = {others[at]}, .probability = subject.target().probability};
  return compared(likeness(trial, trial.explain_again(subject.classifier(), subject.input().x, target)[0]));
}

Verdict label_randomisation(Trial& trial, const MeasureSettings&) {
  const Subject& subject = trial.subject();
  Classifier& shuffled = *subject.evidence.shuffled;
  return compared(likeness(trial, trial.explain_again(shuffled, subject.input().x, subject.target())[0]));
}

const char* const kAdebayo = "Adebayo 2018 (1810.03292)";

const std::vector<MeasureRow> kRows = {
    {.name = "model_randomisation",
     .formula = "mean over stages of the rank correlation with the map of the network whose top layers are "
                "drawn anew, stage by stage down to the first; part `ssim`",
     .paper = kAdebayo,
     .needs = Needs::kExplainer,
     .better = "lower",
     .cost = "stages explanations",
     .settings = {{"stages", 5, 1, 1e4, "of as many layers each; at most one a layer", true}},
     .judge = model_randomisation,
     .deviates =
         "numbers are drawn with each tensor's own mean and deviation, and stages hold several layers"},
    {.name = "class_randomisation",
     .formula = "rank correlation with the map for a class drawn at random; part `ssim`",
     .paper = "Sixt 2020 (1912.09818)",
     .needs = Needs::kExplainer,
     .better = "lower",
     .cost = "1 explanation",
     .judge = other_class},
    {.name = "label_randomisation",
     .formula = "rank correlation with the map of the same network trained on shuffled labels; part `ssim`",
     .paper = kAdebayo,
     .needs = Needs::kShuffled,
     .better = "lower",
     .cost = "1 explanation",
     .judge = label_randomisation},
};

}  // namespace

MeasureFamily randomisation_measures() { return {"What the network learned is taken away", kRows}; }

}  // namespace clearcut
