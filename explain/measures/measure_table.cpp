#include "explain/measures/measure_table.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>

namespace clearcut {

const std::vector<MeasureFamily>& measure_families() {
  static const std::vector<MeasureFamily> all = {
      removal_measures(), fidelity_measures(),      road_measures(), localisation_measures(),
      masking_measures(), randomisation_measures(), patch_measures()};
  return all;
}

const std::vector<MeasureRow>& measure_rows() {
  static const std::vector<MeasureRow> all = [] {
    std::vector<MeasureRow> rows;
    for (const MeasureFamily& family : measure_families())
      rows.insert(rows.end(), family.rows.begin(), family.rows.end());
    return rows;
  }();
  return all;
}

std::string measure_names() {
  std::string names;
  for (const MeasureRow& row : measure_rows()) names += (names.empty() ? "" : ", ") + row.name;
  return names;
}

namespace {

const MeasureRow& row_of(const std::string& name) {
  for (const MeasureRow& row : measure_rows())
    if (row.name == name) return row;
  fail("measure", "there are ", measure_names(), "; got '", name, "'");
}

const MeasureSetting& setting_of(const MeasureRow& row, const std::string& name) {
  std::string known;
  for (const MeasureSetting& setting : row.settings) {
    if (setting.name == name) return setting;
    known += cat(known.empty() ? "" : ", ", setting.name);
  }
  fail("measure", row.name, " has ", known.empty() ? "no settings" : "the settings " + known, "; got '", name,
       "'");
}

double read_setting(const MeasureSetting& setting, const std::string& word) {
  double value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  check(error == std::errc{} && end == word.data() + word.size() && value >= setting.low &&
            value <= setting.high,
        "measure", setting.name, " must be a number from ", setting.low, " to ", setting.high, "; got '",
        word, "'");
  check(!setting.whole || value == std::floor(value), "measure", setting.name,
        " must be a whole number; got '", word, "'");
  return value;
}

}  // namespace

MeasureChoice parse_measure(const std::string& text) {
  std::istringstream parts(text);
  std::string part;
  std::getline(parts, part, ':');
  MeasureChoice choice{.row = &row_of(part), .settings = {}};
  for (const MeasureSetting& setting : choice.row->settings) choice.settings[setting.name] = setting.value;
  while (std::getline(parts, part, ':')) {
    const std::size_t equals = part.find('=');
    check(equals != std::string::npos, "measure", "settings read name=value; got '", part, "' in '", text,
          "'");
    const MeasureSetting& setting = setting_of(*choice.row, part.substr(0, equals));
    choice.settings[setting.name] = read_setting(setting, part.substr(equals + 1));
  }
  return choice;
}

std::string describe(const MeasureChoice& choice) {
  std::string text = choice.row->name;
  for (const MeasureSetting& setting : choice.row->settings)
    text += cat(":", setting.name, "=", choice.settings.at(setting.name));
  return text;
}

bool can_judge(const MeasureRow& row, const Evidence& evidence) {
  switch (row.needs) {
    case Needs::kMask:
      return evidence.inside.defined();
    case Needs::kConsensus:
      return evidence.consensus.defined();
    case Needs::kShuffled:
      return evidence.shuffled != nullptr;
    case Needs::kPatch:
      return evidence.patch.has_value();
    case Needs::kNothing:
    case Needs::kExplainer:
      return true;
  }
  return false;
}

const char* words_of(Needs needs) {
  switch (needs) {
    case Needs::kNothing:
      return "classifier";
    case Needs::kMask:
      return "true mask";
    case Needs::kConsensus:
      return "all members' maps";
    case Needs::kExplainer:
      return "classifier, explainer";
    case Needs::kShuffled:
      return "a network trained on shuffled labels";
    case Needs::kPatch:
      return "a network that knows the patch";
  }
  return "";
}

namespace {

std::string line_of(const MeasureRow& row) {
  std::string settings;
  for (const MeasureSetting& s : row.settings)
    settings += cat(settings.empty() ? "" : "; ", "`", s.name, "=", s.value, "`: ", s.meaning);
  return cat("| `", row.name, "` | ", row.formula, *row.deviates != 0 ? "; " : "", row.deviates, " | ",
             words_of(row.needs), " | ", row.better, " | ", row.cost, " | ", settings, " | ", row.paper,
             " |\n");
}

}  // namespace

std::string measure_document() {
  std::string text;
  for (const MeasureFamily& family : measure_families()) {
    text += cat("\n### ", family.title,
                "\n\n| measure | formula | needs | better | forward passes | settings | source |\n"
                "|---|---|---|---|---|---|---|\n");
    for (const MeasureRow& row : family.rows) text += line_of(row);
  }
  return text;
}

}  // namespace clearcut
