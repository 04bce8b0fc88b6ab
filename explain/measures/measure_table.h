// The table of measures: a measure is a function and a row here; nothing else is edited.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "explain/measures/measure.h"

namespace clearcut {

/// What a measure looks at besides the picture, the classifier and the map.
enum class Needs : std::uint8_t {
  kNothing,    ///< the map alone, or what the classifier says of changed pictures
  kMask,       ///< Evidence::inside
  kConsensus,  ///< Evidence::consensus
  kExplainer,  ///< the explainer is asked again
  kShuffled,   ///< Evidence::shuffled; the explainer is asked again
  kPatch,      ///< Evidence::patch; the explainer is asked again
};

struct MeasureSetting {
  const char* name;
  double value;      // the default
  double low, high;  // values that make sense, both included
  const char* meaning;
  bool whole = false;  // a number of things
};

struct MeasureRow {
  std::string name;
  const char* formula = "";  // one line
  const char* paper = "";
  Needs needs = Needs::kNothing;
  const char* better = "higher";  // or "lower"
  const char* cost = "0";         // in forward passes per explanation
  std::vector<MeasureSetting> settings = {};
  Judge* judge = nullptr;
  bool by_class = false;      // its mean is one over classes of means over pictures
  const char* deviates = "";  // from the paper or from libraries
};

struct MeasureFamily {
  const char* title;
  std::vector<MeasureRow> rows;
};

/// One function a family, at the end of its code.
MeasureFamily removal_measures(), fidelity_measures(), road_measures(), localisation_measures(),
    masking_measures(), randomisation_measures(), patch_measures();

const std::vector<MeasureFamily>& measure_families();
/// The rows of all families.
const std::vector<MeasureRow>& measure_rows();

/// A measure with its settings.
struct MeasureChoice {
  const MeasureRow* row = nullptr;
  MeasureSettings settings;

  Verdict judge(Trial& trial) const { return row->judge(trial, settings); }
};
/// "deletion:steps=28". Throws Error that lists the known words.
MeasureChoice parse_measure(const std::string& text);
/// The inverse, with every setting.
std::string describe(const MeasureChoice& choice);
std::string measure_names();

/// True if the subject has what the measure looks at.
bool can_judge(const MeasureRow& row, const Evidence& evidence);
const char* words_of(Needs needs);

/// The table as Markdown: the body of docs/measures.md.
std::string measure_document();

}  // namespace clearcut
