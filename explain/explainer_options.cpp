// Explainers by name: "smoothgrad:samples=10:noise=0.15" and back.
#include <sstream>

#include "explain/explainer_table.h"

namespace clearcut {

namespace {

const Setting& setting_of(const ExplainerRow& row, const std::string& name) {
  std::string known;
  for (const Setting& setting : row.settings) {
    if (setting.name == name) return setting;
    known += (known.empty() ? "" : ", ") + setting.name;
  }
  if (!row.presets.empty()) known += ", preset";
  fail("explainer", row.name, " has the settings ", known, "; got '", name, "'");
}

const char* preset_of(const ExplainerRow& row, const std::string& name) {
  std::string known;
  for (const Preset& preset : row.presets) {
    if (name == preset.name) return preset.settings;
    known += (known.empty() ? "" : ", ") + std::string(preset.name);
  }
  check(!known.empty(), "explainer", row.name, " has no presets; got '", name, "'");
  fail("explainer", row.name, " has the presets ", known, "; got '", name, "'");
}

// Settings in their order: a later one replaces an earlier one, also one of a preset.
void read_settings(const ExplainerRow& row, const std::string& text, ExplainOptions& options) {
  std::istringstream parts(text);
  std::string part, name;
  while (std::getline(parts, part, ':')) {
    const std::size_t equals = part.find('=');
    if (equals == std::string::npos && name == "layer") {  // names of ONNX values may have colons
      options.layer += ":" + part;
      continue;
    }
    check(equals != std::string::npos, "explainer", "settings of ", row.name, " read name=value; got '", part,
          "'");
    name = part.substr(0, equals);
    const std::string word = part.substr(equals + 1);
    if (name == "preset")
      read_settings(row, preset_of(row, word), options);
    else
      setting_of(row, name).read(options, word);
  }
}

// What an explainer has where its options say nothing.
ExplainOptions defaults_of(const ExplainerRow& row) {
  ExplainOptions options{.explainer = row.name};
  read_settings(row, row.defaults, options);
  return options;
}

}  // namespace

ExplainOptions parse_explainer(const std::string& text) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  const ExplainerRow& row = explainer_row(text.substr(0, colon));
  ExplainOptions options = defaults_of(row);
  if (colon < text.size()) read_settings(row, text.substr(colon + 1), options);
  return options;
}

std::string describe(const ExplainOptions& options) {
  std::string text = options.explainer;
  for (const Setting& setting : explainer_row(options.explainer).settings) {
    const std::string value = setting.write(options);
    if (!value.empty()) text += ":" + setting.name + "=" + value;
  }
  return text;
}

int samples_of(const ExplainOptions& options) {
  return options.samples > 0 ? options.samples : defaults_of(explainer_row(options.explainer)).samples;
}

Reduction reduction_of(const ExplainOptions& options) {
  if (!options.reduction.empty()) return reduction_from(options.reduction);
  const std::string word = defaults_of(explainer_row(options.explainer)).reduction;
  return word.empty() ? Reduction::kAbs : reduction_from(word);
}

bool explains_probability(const ExplainOptions& options, const Target& target) {
  return options.score.empty() ? target.probability : is_probability(options.score);
}

}  // namespace clearcut
