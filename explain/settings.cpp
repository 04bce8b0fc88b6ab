#include "explain/settings.h"

#include <charconv>
#include <cmath>

#include "data/text_lines.h"
#include "explain/methods.h"

namespace clearcut {

namespace {

const Words<PathStart> kBaselines = {
    {"zero", PathStart::kZero}, {"blur", PathStart::kBlur}, {"mean", PathStart::kMean}};
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

template <class T>
T number_of(const std::string& name, const std::string& word, T low) {
  T value{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  check(error == std::errc{} && end == word.data() + word.size() && value >= low &&
            std::isfinite(static_cast<double>(value)),
        "explainer", name, " must be a number >= ", low, "; got '", word, "'");
  return value;
}

// A setting that is kept as its word, because "" stands for the explainer's default.
template <class E>
Setting kept_word(const char* name, std::string ExplainOptions::*member, const Words<E>& words,
                  std::function<std::string(const ExplainOptions&)> write) {
  return {name,
          [=, &words](ExplainOptions& o, const std::string& word) {
            value_of(name, word, words);
            o.*member = word;
          },
          std::move(write)};
}

// Plain SLIC: `segments` and `compactness` say all of it. Other superpixels are written whole.
bool by_two_numbers(const ExplainOptions& o) {
  SuperpixelOptions plain;
  plain.slic.segments = o.superpixels.slic.segments;
  plain.slic.compactness = o.superpixels.slic.compactness;
  return describe(o.superpixels) == describe(plain);
}
Setting of_slic(Setting setting) {
  setting.write = [write = setting.write](const ExplainOptions& o) {
    return by_two_numbers(o) ? write(o) : "";
  };
  return setting;
}

}  // namespace

int read_number(const std::string& name, const std::string& word, int low) {
  return number_of(name, word, low);
}
double read_number(const std::string& name, const std::string& word, double low) {
  return number_of(name, word, low);
}

void unknown_word(const std::string& name, const std::string& word, const std::vector<std::string>& known) {
  fail("explainer", name, " must be one of ", joined(known), "; got '", word, "'");
}

Setting samples_setting() {
  Setting setting = number_setting("samples", &ExplainOptions::samples, 1);
  setting.write = [](const ExplainOptions& o) { return cat(samples_of(o)); };
  return setting;
}
Setting noise_setting() { return number_setting("noise", &ExplainOptions::noise, 0.0); }
Setting baseline_setting() { return word_setting("baseline", &ExplainOptions::baseline, kBaselines); }
Setting reduction_setting() {
  return kept_word("reduction", &ExplainOptions::reduction, kReductions,
                   [](const ExplainOptions& o) { return word_of(reduction_of(o), kReductions); });
}
Setting score_setting() {
  return kept_word("score", &ExplainOptions::score, kScores, [](const auto& o) { return o.score; });
}
Setting layer_setting() {
  return {"layer", [](ExplainOptions& o, const std::string& word) { o.layer = word; },
          [](const ExplainOptions& o) { return o.layer; }};
}
Setting relu_setting() { return word_setting("relu", &ExplainOptions::relu, kSwitch); }
Setting scales_setting() {
  return {"scales",
          [](ExplainOptions& o, const std::string& word) {
            for (const std::string& number : split_at(word, "+")) read_number("scales", number, 0.05);
            o.scales = word;
          },
          [](const ExplainOptions& o) { return o.scales; }};
}
Setting flip_setting() {
  return {"flip",
          [](ExplainOptions& o, const std::string& word) { o.flip = value_of("flip", word, kSwitch); },
          [](const ExplainOptions& o) { return o.flip ? "1" : ""; }};
}
Setting segments_setting() {
  return of_slic(number_setting(
      "segments", [](auto& o) -> auto& { return o.superpixels.slic.segments; }, 1));
}
Setting compactness_setting() {
  return of_slic(number_setting(
      "compactness", [](auto& o) -> auto& { return o.superpixels.slic.compactness; }, 1e-6));
}
Setting superpixels_setting() {
  return {"superpixels",
          [](ExplainOptions& o, const std::string& word) { o.superpixels = parse_superpixels(word); },
          [](const ExplainOptions& o) { return by_two_numbers(o) ? "" : describe(o.superpixels); }};
}
Setting off_setting() { return word_setting("off", &ExplainOptions::off, kOffs); }

Reduction reduction_from(const std::string& word) { return value_of("reduction", word, kReductions); }
bool is_probability(const std::string& word) { return value_of("score", word, kScores); }

}  // namespace clearcut
