// Settings of explainers as words: "samples=10". Each reads and writes one member of ExplainOptions.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "explain/explainer.h"

namespace clearcut {

struct Setting {
  std::string name;
  /// Throws Error that names the setting and what it takes.
  std::function<void(ExplainOptions&, const std::string& word)> read;
  /// "" leaves the setting out of describe().
  std::function<std::string(const ExplainOptions&)> write;
};

/// Words and what they mean.
template <class E>
using Words = std::vector<std::pair<const char*, E>>;

/// Reads a number in full, or throws Error.
int read_number(const std::string& name, const std::string& word, int low);
double read_number(const std::string& name, const std::string& word, double low);
/// Throws Error that lists the words.
[[noreturn]] void unknown_word(const std::string& name, const std::string& word,
                               const std::vector<std::string>& known);

template <class E>
E value_of(const std::string& name, const std::string& word, const Words<E>& words) {
  std::vector<std::string> known;
  for (const auto& [text, value] : words) {
    if (word == text) return value;
    known.emplace_back(text);
  }
  unknown_word(name, word, known);
}

template <class E>
std::string word_of(E value, const Words<E>& words) {
  for (const auto& [text, known] : words)
    if (known == value) return text;
  fail("explainer", "a setting has a value without a name");
}

/// A number >= low. member: &ExplainOptions::noise, or a function (auto& options) -> auto&.
template <class Member, class T>
Setting number_setting(const char* name, Member member, T low) {
  return {name,
          [=](ExplainOptions& o, const std::string& word) {
            std::invoke(member, o) = read_number(name, word, low);
          },
          [=](const ExplainOptions& o) { return cat(std::invoke(member, o)); }};
}

/// One of a few words. `words` must outlive the setting.
template <class E>
Setting word_setting(const char* name, E ExplainOptions::*member, const Words<E>& words) {
  return {
      name,
      [=, &words](ExplainOptions& o, const std::string& word) { o.*member = value_of(name, word, words); },
      [=, &words](const ExplainOptions& o) { return word_of(o.*member, words); }};
}

/// Those that several families have.
Setting samples_setting(), noise_setting(), baseline_setting(), reduction_setting(), score_setting(),
    layer_setting(), relu_setting(), scales_setting(), flip_setting(), segments_setting(),
    compactness_setting(), superpixels_setting(), off_setting();

}  // namespace clearcut
