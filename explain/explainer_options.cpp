// Explainers by name: "smoothgrad:samples=10:noise=0.15" and back.
#include <charconv>
#include <functional>
#include <map>
#include <sstream>
#include <utility>

#include "explain/cam_rules.h"
#include "explain/explainer.h"
#include "explain/methods.h"

namespace clearcut {

namespace {

template <class E>
using Words = std::vector<std::pair<const char*, E>>;

const Words<PathStart> kBaselines = {
    {"zero", PathStart::kZero}, {"blur", PathStart::kBlur}, {"mean", PathStart::kMean}};
const Words<PathRule> kPaths = {
    {"gauss", PathRule::kGauss}, {"midpoint", PathRule::kMidpoint}, {"ends", PathRule::kEnds}};
const Words<Off> kOffs = {{"mean", Off::kMeanColour}, {"zero", Off::kZero}};
const Words<Reduction> kReductions = {{"abs", Reduction::kAbs},
                                      {"square", Reduction::kSquare},
                                      {"positive", Reduction::kPositive},
                                      {"signed", Reduction::kSigned}};
const Words<bool> kScores = {{"probability", true}, {"logit", false}};
const Words<bool> kSwitch = {{"1", true}, {"0", false}};

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

template <class E>
E value_of(const std::string& key, const std::string& word, const Words<E>& words) {
  std::vector<std::string> known;
  for (const auto& [name, value] : words) {
    if (word == name) return value;
    known.emplace_back(name);
  }
  fail("explainer", key, " must be one of ", joined(known), "; got '", word, "'");
}

template <class E>
std::string word_of(E value, const Words<E>& words) {
  for (const auto& [name, known] : words)
    if (known == value) return name;
  fail("explainer", "a setting has a value without a name");
}

template <class T>
T number_of(const std::string& key, const std::string& word, T low) {
  T value{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  check(error == std::errc{} && end == word.data() + word.size() && value >= low, "explainer", key,
        " must be a number >= ", low, "; got '", word, "'");
  return value;
}

// One setting: how it is read and written.
struct Setting {
  std::function<void(ExplainOptions&, const std::string& key, const std::string& word)> read;
  std::function<std::string(const ExplainOptions&)> write;
};

template <class T>
Setting number(T ExplainOptions::*member, T low) {
  return {[=](ExplainOptions& o, const std::string& key, const std::string& word) {
            o.*member = number_of<T>(key, word, low);
          },
          [=](const ExplainOptions& o) { return cat(o.*member); }};
}
template <class T>
Setting slic_number(T SlicOptions::*member, T low) {
  return {[=](ExplainOptions& o, const std::string& key, const std::string& word) {
            o.superpixels.*member = number_of<T>(key, word, low);
          },
          [=](const ExplainOptions& o) { return cat(o.superpixels.*member); }};
}
template <class E>
Setting word(E ExplainOptions::*member, const Words<E>& words) {
  return {[=, &words](ExplainOptions& o, const std::string& key, const std::string& text) {
            o.*member = value_of(key, text, words);
          },
          [=, &words](const ExplainOptions& o) { return word_of(o.*member, words); }};
}

// A setting that is kept as its word.
template <class E>
Setting checked_word(std::string ExplainOptions::*member, const Words<E>& words,
                     std::function<std::string(const ExplainOptions&)> write) {
  return {[=, &words](ExplainOptions& o, const std::string& key, const std::string& text) {
            value_of(key, text, words);
            o.*member = text;
          },
          std::move(write)};
}

using Settings = std::vector<std::pair<std::string, Setting>>;

const Setting kSamples = {number(&ExplainOptions::samples, 1).read,
                          [](const ExplainOptions& o) { return cat(samples_of(o)); }};
const Setting kReduction = checked_word(&ExplainOptions::reduction, kReductions,
                                        [](const auto& o) { return word_of(reduction_of(o), kReductions); });
const Setting kScore = checked_word(&ExplainOptions::score, kScores, [](const auto& o) { return o.score; });
const Setting kRelu = word(&ExplainOptions::relu, kSwitch);
const Setting kLayer = {
    [](ExplainOptions& o, const std::string&, const std::string& text) { o.layer = text; },
    [](const ExplainOptions& o) { return o.layer; }};
const Setting kNoise = number(&ExplainOptions::noise, 0.0);
const Setting kBaseline = word(&ExplainOptions::baseline, kBaselines);

// The settings that each explainer looks at.
const std::map<std::string, Settings>& settings() {
  static const std::map<std::string, Settings> all = [] {
    const Settings of_noise = {{"samples", kSamples}, {"noise", kNoise}, {"score", kScore}};
    std::map<std::string, Settings> result = {
        {"cam", {{"relu", kRelu}}},
        {"saliency", {{"reduction", kReduction}, {"score", kScore}}},
        {"gradxinput", {{"reduction", kReduction}, {"score", kScore}}},
        {"smoothgrad",
         {{"samples", kSamples}, {"noise", kNoise}, {"reduction", kReduction}, {"score", kScore}}},
        {"smoothgrad_sq", of_noise},
        {"vargrad", of_noise},
        {"gradshap",
         {{"samples", kSamples},
          {"noise", kNoise},
          {"baseline", kBaseline},
          {"reduction", kReduction},
          {"score", kScore}}},
        {"ig",
         {{"steps", number(&ExplainOptions::steps, 1)},
          {"baseline", kBaseline},
          {"path", word(&ExplainOptions::path, kPaths)},
          {"reduction", kReduction},
          {"score", kScore}}},
        {"lime",
         {{"samples", kSamples},
          {"segments", slic_number(&SlicOptions::segments, 1)},
          {"compactness", slic_number(&SlicOptions::compactness, 1e-6)},
          {"off", word(&ExplainOptions::off, kOffs)},
          {"reduction", kReduction},
          {"score", kScore}}}};
    for (const CamRule& rule : cam_rules()) {
      result[rule.name] = {{"layer", kLayer}, {"relu", kRelu}};
      if (rule.gradient) result[rule.name].push_back({"score", kScore});
    }
    return result;
  }();
  return all;
}

const Settings& settings_of(const std::string& explainer) {
  const auto found = settings().find(explainer);
  check(found != settings().end(), "explainer", "there are ", explainer_names(), "; got '", explainer, "'");
  return found->second;
}

const Setting& setting_of(const std::string& explainer, const std::string& key) {
  std::vector<std::string> known;
  for (const auto& [name, setting] : settings_of(explainer)) {
    if (name == key) return setting;
    known.push_back(name);
  }
  fail("explainer", explainer, " has the settings ", joined(known), "; got '", key, "'");
}

}  // namespace

std::string explainer_names() {
  std::vector<std::string> names;
  for (const auto& [name, list] : settings()) names.push_back(name);
  return joined(names);
}

Reduction reduction_of(const ExplainOptions& options) {
  if (!options.reduction.empty()) return value_of("reduction", options.reduction, kReductions);
  return options.explainer == "lime" ? Reduction::kPositive : Reduction::kAbs;
}

bool explains_probability(const ExplainOptions& options, const Target& target) {
  return options.score.empty() ? target.probability : value_of("score", options.score, kScores);
}

int samples_of(const ExplainOptions& options) {
  if (options.samples > 0) return options.samples;
  return options.explainer == "lime" ? 1000 : options.explainer == "gradshap" ? 5 : 50;
}

ExplainOptions parse_explainer(const std::string& text) {
  ExplainOptions options;
  std::istringstream parts(text);
  std::string part;
  std::getline(parts, options.explainer, ':');
  settings_of(options.explainer);
  const CamRule* rule = cam_rule(options.explainer);
  if (rule != nullptr && rule->gradient) options.score = "logit";
  for (std::string key; std::getline(parts, part, ':');) {
    const std::size_t equals = part.find('=');
    if (equals == std::string::npos && key == "layer") {  // names of ONNX values may have colons
      options.layer += ":" + part;
      continue;
    }
    check(equals != std::string::npos, "explainer", "settings read name=value; got '", part, "' in '", text,
          "'");
    key = part.substr(0, equals);
    setting_of(options.explainer, key).read(options, key, part.substr(equals + 1));
  }
  return options;
}

std::string describe(const ExplainOptions& options) {
  std::string text = options.explainer;
  for (const auto& [name, setting] : settings_of(options.explainer)) {
    const std::string value = setting.write(options);
    if (!value.empty()) text += ":" + name + "=" + value;
  }
  return text;
}

}  // namespace clearcut
