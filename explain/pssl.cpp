#include "explain/pssl.h"

#include <algorithm>
#include <charconv>
#include <sstream>
#include <utility>

#include "explain/order.h"

namespace clearcut {

namespace {

const std::vector<std::pair<std::string, Measure>> kMeasures = {
    {"rank", Measure::kRank}, {"value", Measure::kValue}, {"max", Measure::kMax}, {"votes", Measure::kVotes}};

double number(const std::string& word, const std::string& rule) {
  double value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  check(error == std::errc{} && end == word.data() + word.size(), "rule", "'", word, "' in '", rule,
        "' is not a number");
  return value;
}

}  // namespace

Measure measure_from_name(const std::string& name) {
  std::string known;
  for (const auto& [word, value] : kMeasures) {
    if (word == name) return value;
    known += (known.empty() ? "" : ", ") + word;
  }
  fail("rule", "a rule starts with ", known, ", level or share; got '", name, "'");
}

std::string name_of(Measure measure) {
  for (const auto& [word, value] : kMeasures)
    if (value == measure) return word;
  fail("rule", "a measure without a name");
}

LabelRule parse_rule(const std::string& text) {
  std::istringstream parts(text);
  std::string name, part;
  std::getline(parts, name, ':');
  LabelRule rule;
  rule.measure = measure_from_name(name == "level" || name == "share" ? "rank" : name);
  std::vector<double> thresholds;
  while (std::getline(parts, part, ':')) {
    if (part == "snap") {
      rule.snap = true;
      continue;
    }
    const double value = number(part, text);
    thresholds.push_back(name == "level" ? value / 10 : name == "share" ? 1 - value : value);
  }
  check(thresholds.size() == 1 || thresholds.size() == 2, "rule",
        "a rule is NAME:FG, NAME:FG:BG, with :snap for superpixels; got '", text, "'");
  rule.fg = thresholds.front();
  rule.bg = thresholds.back();
  check(rule.fg <= 1 && rule.bg >= 0 && rule.bg <= rule.fg, "rule",
        "thresholds must lie in [0, 1] with background <= foreground; got ", rule.fg, " and ", rule.bg,
        " from '", text, "'");
  return rule;
}

std::string describe(const LabelRule& rule) {
  std::string text = cat(name_of(rule.measure), ":", rule.fg);
  if (rule.bg != rule.fg) text += cat(":", rule.bg);
  return text + (rule.snap ? ":snap" : "");
}

Tensor strength(const Tensor& E, Measure measure) {
  check(E.defined() && E.dtype() == DType::kFloat32 && E.numel() > 0, "strength",
        "E must be float32 [H, W] and not empty");
  if (measure == Measure::kVotes) return E;
  if (measure == Measure::kRank) return rank_shares(E);
  Tensor y = zeros_like(E);
  const float* from = E.data<const float>();
  float* to = y.data<float>();
  const std::int64_t n = E.numel();
  const auto [low, high] = std::minmax_element(from, from + n);
  if (*low == *high) return y;
  const double bottom = measure == Measure::kMax ? 0.0 : *low, range = *high - bottom;
  if (!(range > 0)) return y;
  for (std::int64_t i = 0; i < n; ++i)
    to[i] = static_cast<float>(std::clamp((from[i] - bottom) / range, 0.0, 1.0));
  return y;
}

Tensor make_label(const std::vector<ClassStrength>& classes, const LabelRule& rule, const LabelSpace& space) {
  check(!classes.empty(), "label", "a picture needs at least one class");
  const Shape shape = classes[0].strength.shape();
  std::vector<const float*> maps;
  for (const ClassStrength& c : classes) {
    check(c.strength.shape() == shape, "label", "the strengths of two classes differ in size: ", shape,
          " and ", c.strength.shape());
    maps.push_back(c.strength.data<const float>());
  }
  Tensor label(shape, DType::kInt32);
  std::int32_t* y = label.data<std::int32_t>();
  const auto fg = static_cast<float>(rule.fg), bg = static_cast<float>(rule.bg);
  for (std::int64_t i = 0; i < label.numel(); ++i) {
    std::size_t best = 0;
    bool tie = false;
    for (std::size_t c = 1; c < maps.size(); ++c) {
      if (maps[c][i] > maps[best][i]) {
        best = c;
        tie = false;
      } else if (maps[c][i] == maps[best][i]) {
        tie = true;
      }
    }
    const float value = maps[best][i];
    y[i] = value >= fg ? (tie ? space.ignore : classes[best].label)
                       : (value < bg ? space.background : space.ignore);
  }
  return label;
}

Tensor pixel_weights(const Tensor& label, const std::vector<ClassStrength>& votes, const LabelSpace& space) {
  for (const ClassStrength& vote : votes)
    check(vote.strength.shape() == label.shape(), "label",
          "votes and label differ in size: ", vote.strength.shape(), " and ", label.shape());
  Tensor weights(label.shape());
  const std::int32_t* y = label.data<const std::int32_t>();
  float* w = weights.data<float>();
  for (std::int64_t i = 0; i < label.numel(); ++i) {
    float own = 0, most = 0;
    for (const ClassStrength& vote : votes) {
      const float share = vote.strength.data<const float>()[i];
      most = std::max(most, share);
      if (vote.label == y[i]) own = share;
    }
    w[i] = y[i] == space.ignore ? 0 : y[i] == space.background ? 1 - most : own;
  }
  return weights;
}

LabelShares label_shares(const Tensor& label, const LabelSpace& space) {
  std::int64_t ignored = 0, background = 0;
  const std::int32_t* p = label.data<const std::int32_t>();
  for (std::int64_t i = 0; i < label.numel(); ++i) {
    ignored += p[i] == space.ignore;
    background += p[i] == space.background;
  }
  const auto n = static_cast<double>(std::max<std::int64_t>(1, label.numel()));
  return {.foreground = static_cast<double>(label.numel() - ignored - background) / n,
          .ignored = static_cast<double>(ignored) / n};
}

Tensor pssl_levels(const Tensor& label, const ClassStrength& object) {
  check(label.shape() == object.strength.shape(), "labels", "the label is ", label.shape(),
        ", the strengths ", object.strength.shape());
  Tensor levels(label.shape(), DType::kInt32);
  const std::int32_t* l = label.data<const std::int32_t>();
  const float* s = object.strength.data<const float>();
  std::int32_t* y = levels.data<std::int32_t>();
  for (std::int64_t i = 0; i < label.numel(); ++i)
    y[i] = l[i] == object.label ? 9 : static_cast<std::int32_t>(std::clamp(10 * s[i], 0.0F, 8.0F));
  return levels;
}

}  // namespace clearcut
