#include "explain/measures/fidelity.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

#include "explain/explainer_table.h"
#include "explain/measures/measure_table.h"
#include "explain/methods.h"
#include "tensor/random.h"

namespace clearcut {

double infidelity(const std::vector<double>& promised, const std::vector<double>& lost, bool scaled) {
  check(promised.size() == lost.size() && !lost.empty(), "infidelity", promised.size(), " promises for ",
        lost.size(), " changes");
  double products = 0, squares = 0, sum = 0;
  for (std::size_t i = 0; i < lost.size(); ++i) {
    products += promised[i] * lost[i];
    squares += promised[i] * promised[i];
  }
  const double beta = !scaled ? 1 : squares > 0 ? products / squares : 0;
  for (std::size_t i = 0; i < lost.size(); ++i) {
    const double error = beta * promised[i] - lost[i];
    sum += error * error;
  }
  return sum / static_cast<double>(lost.size());
}

std::vector<Square> infidelity_squares(std::int64_t height, std::int64_t width) {
  const std::int64_t shorter = std::min(height, width);
  const std::int64_t stride = std::max<std::int64_t>(1, shorter / 28);
  std::vector<Square> squares;
  for (const std::int64_t part : {1, 2, 4}) {
    const std::int64_t side = std::max<std::int64_t>(1, part * shorter / 7);
    for (std::int64_t top = 0; top + side <= height; top += stride)
      for (std::int64_t left = 0; left + side <= width; left += stride) squares.push_back({top, left, side});
  }
  return squares;
}

namespace {

template <class Body>
void each_pixel(const Square& s, std::int64_t width, const Body& body) {
  for (std::int64_t y = s.top; y < s.top + s.side; ++y)
    for (std::int64_t x = s.left; x < s.left + s.side; ++x) body(y * width + x);
}

// f(x) - f(x with square i grey).
std::vector<double> lost_to_squares(Subject& subject, const std::vector<Square>& squares,
                                    const std::vector<float>& grey) {
  const std::int64_t n = subject.height() * subject.width();
  std::vector<double> lost = subject.scores(
      static_cast<std::int64_t>(squares.size()),
      [&](std::int64_t r, const Tensor& slot) {
        slot.copy_from(subject.x());
        float* p = slot.data<float>();
        for (std::size_t c = 0; c < 3; ++c)
          each_pixel(squares[static_cast<std::size_t>(r)], subject.width(),
                     [&](std::int64_t i) { p[static_cast<std::int64_t>(c) * n + i] = grey[c]; });
      },
      false);
  const double whole = subject.score(false);
  for (double& value : lost) value = whole - value;
  return lost;
}

Verdict infidelity_of_squares(Trial& trial, const MeasureSettings&) {
  Subject& subject = trial.subject();
  const std::vector<float> grey = subject.colour({127, 127, 127});
  const std::vector<Square> squares = infidelity_squares(subject.height(), subject.width());
  const std::vector<double>& lost =
      subject.kept("squares", [&] { return lost_to_squares(subject, squares, grey); });
  const Tensor x = subject.x();
  const std::int64_t n = subject.height() * subject.width();
  const float* p = x.data<const float>();
  const float* map = trial.map().data<const float>();
  std::vector<double> promised;
  for (const Square& square : squares) {
    double sum = 0;
    each_pixel(square, subject.width(), [&](std::int64_t i) {
      int changed = 0;  // channels that are not 127 already
      for (std::size_t c = 0; c < 3; ++c) changed += p[static_cast<std::int64_t>(c) * n + i] != grey[c];
      sum += changed * static_cast<double>(map[i]);
    });
    promised.push_back(sum);
  }
  return {.value = infidelity(promised, lost, true)};
}

// I of change i: one number a pixel, the same for its three channels.
Tensor drawn_noise(const Subject& subject, double deviation, std::int64_t i) {
  Tensor noise({subject.height(), subject.width()});
  RandomStream(subject.seed(), "infidelity", subject.item(), static_cast<std::uint32_t>(i))
      .fill_normal(noise, 0, deviation);
  return noise;
}

Verdict infidelity_of_noise(Trial& trial, const MeasureSettings& settings) {
  Subject& subject = trial.subject();
  const auto samples = static_cast<std::int64_t>(settings.at("samples"));
  const double deviation = settings.at("noise");
  const std::int64_t n = subject.height() * subject.width();
  const std::vector<double>& left = subject.kept(cat("noise ", samples, " ", deviation), [&] {
    return subject.scores(
        samples,
        [&](std::int64_t r, const Tensor& slot) {
          slot.copy_from(subject.x());
          const Tensor noise = drawn_noise(subject, deviation, r);
          const float* from = noise.data<const float>();
          float* p = slot.data<float>();
          for (std::int64_t i = 0; i < 3 * n; ++i) p[i] -= from[i % n];
        },
        false);
  });
  std::vector<double> promised, lost;
  const float* map = trial.signed_map().data<const float>();
  for (std::int64_t r = 0; r < samples; ++r) {
    const Tensor noise = drawn_noise(subject, deviation, r);
    const float* from = noise.data<const float>();
    double sum = 0;
    for (std::int64_t i = 0; i < n; ++i) sum += static_cast<double>(from[i]) * map[i];
    promised.push_back(sum);
    lost.push_back(subject.score(false) - left[static_cast<std::size_t>(r)]);
  }
  return {.value = infidelity(promised, lost, settings.at("beta") != 0)};
}

double norm_of_difference(const Tensor& a, const Tensor* b) {
  const float* p = a.data<const float>();
  const float* q = b == nullptr ? nullptr : b->data<const float>();
  double sum = 0;
  for (std::int64_t i = 0; i < a.numel(); ++i) {
    const double d = static_cast<double>(p[i]) - (q == nullptr ? 0.0F : q[i]);
    sum += d * d;
  }
  return std::sqrt(sum);
}

Verdict sensitivity_max(Trial& trial, const MeasureSettings& settings) {
  Subject& subject = trial.subject();
  const auto samples = static_cast<std::int64_t>(settings.at("samples"));
  const double radius = settings.at("radius");
  const Tensor x = subject.x();
  Tensor moved({samples, 3, subject.height(), subject.width()});
  for (std::int64_t r = 0; r < samples; ++r) {
    const Tensor row = moved[r];
    RandomStream(subject.seed(), "sensitivity", subject.item(), static_cast<std::uint32_t>(r))
        .fill_uniform(row, -radius, radius);
    const float* from = x.data<const float>();
    float* p = row.data<float>();
    for (std::int64_t i = 0; i < row.numel(); ++i) p[i] += from[i];
  }
  const Tensor maps = trial.explain_again(moved), own = trial.said().maps[0];
  const double size = norm_of_difference(own, nullptr);
  double most = 0;
  for (std::int64_t r = 0; r < samples; ++r) {
    const Tensor map = maps[r];
    most = std::max(most, norm_of_difference(map, &own));
  }
  return {.value = size > 0 ? most / size : std::numeric_limits<double>::quiet_NaN()};
}

// Rows without a score= explain the logit.
bool explains_logit(const ExplainOptions& explainer) {
  const std::vector<Setting>& settings = explainer_row(explainer.explainer).settings;
  return std::none_of(settings.begin(), settings.end(),
                      [](const Setting& s) { return std::string_view(s.name) == "score"; });
}

Verdict completeness(Trial& trial, const MeasureSettings&) {
  Subject& subject = trial.subject();
  const ExplainOptions& explainer = trial.explainer();
  if (!trial.said().coefficients.empty() || explainer.explainer == "deeplift_shap")
    return {.value = std::numeric_limits<double>::quiet_NaN()};
  const bool probability = !explains_logit(explainer) && explains_probability(explainer, subject.target());
  const Tensor start = baseline_of(subject.x(), explainer.baseline);
  const double before = subject.kept(cat("start ", static_cast<int>(explainer.baseline), probability), [&] {
    return subject.scores(
        1, [&](std::int64_t, const Tensor& slot) { slot.copy_from(start); }, probability);
  })[0];
  // In its own resolution: enlarging a map changes its sum.
  const Tensor map = trial.signed_native();
  const float* p = map.data<const float>();
  double sum = 0;
  for (std::int64_t i = 0; i < map.numel(); ++i) sum += p[i];
  const double difference = subject.score(probability) - before;
  return {.value = std::abs(sum - difference) / std::abs(difference),
          .parts = {{"sum", sum}, {"difference", difference}}};
}

const char* const kSensitivity = "Yeh 2019 (1901.09392), Captum";

const std::vector<MeasureRow> kRows = {
    {.name = "infidelity",
     .formula = "mean over squares I of (b sum of I map - (z(x) - z(x with I at 127)))^2, z the logit, b the "
                "best factor",
     .paper = "Yeh 2019 (1901.09392), InterpretDL",
     .better = "lower",
     .cost = "1235 at 224 x 224, shared by all explainers",
     .judge = infidelity_of_squares,
     .deviates = "sides of 1/7, 2/7, 4/7 of the shorter side where that is not 224"},
    {.name = "infidelity_captum",
     .formula = "mean over noise I of (sum of I map - (z(x) - z(x - I)))^2, of the signed map",
     .paper = kSensitivity,
     .needs = Needs::kExplainer,
     .better = "lower",
     .cost = "samples, shared by all explainers, and one explanation unless it is signed",
     .settings = {{"samples", 10, 1, 1e5, "draws of I", true},
                  {"noise", 0.003, 1e-9, 1e3, "their deviation, normalised input"},
                  {"beta", 0, 0, 1, "1: scaled by the best factor (normalize of the library)", true}},
     .judge = infidelity_of_noise,
     .deviates = "the user's I of the library is normal noise here, one number a pixel"},
    {.name = "sensitivity_max",
     .formula = "largest norm(map(x + e) - map(x)) / norm(map(x)), e uniform in [-radius, radius]",
     .paper = kSensitivity,
     .needs = Needs::kExplainer,
     .better = "lower",
     .cost = "samples explanations",
     .settings = {{"samples", 10, 1, 1e5, "moved pictures", true},
                  {"radius", 0.02, 1e-9, 1e3, "normalised input"}},
     .judge = sensitivity_max,
     .deviates = "explainers that draw keep their draws, so only the picture moves"},
    {.name = "completeness",
     .formula =
         "abs(sum of map - d) / abs(d), d = s(x) - s(x'), of the signed map; x' = 0, or what baseline= says",
     .paper = "Sundararajan 2017 (1703.01365)",
     .needs = Needs::kExplainer,
     .better = "lower",
     .cost = "1, and one explanation unless it is signed",
     .judge = completeness,
     .deviates = "not for explainers of superpixels, whose coefficients stand on each pixel, nor for "
                 "deeplift_shap, which has three x'"},
};

}  // namespace

MeasureFamily fidelity_measures() { return {"What the numbers promise", kRows}; }

}  // namespace clearcut
