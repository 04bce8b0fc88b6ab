// docs/explainers.md: the table of explainers in Markdown.
#include "explain/explainer_table.h"

namespace clearcut {

namespace {

// The row's settings with their values as parse_explainer() sets them; those that may be left out as "name=".
std::string settings_text(const ExplainerRow& row) {
  const ExplainOptions options = parse_explainer(row.name);
  std::string text;
  for (const Setting& setting : row.settings)
    text += cat(text.empty() ? "" : " ", "`", setting.name, "=", setting.write(options), "`");
  return text;
}

std::string line(const char* title, const std::string& text) {
  return text.empty() ? "" : cat("- ", title, ": ", text, "\n");
}

std::string row_text(const ExplainerRow& row) {
  std::string text = cat("### ", row.name, "\n\n", row.formula, "\n\n");
  text += line("source", row.paper) + line("needs", row.needs);
  text += line("cost in forward passes per picture", row.cost) + line("settings", settings_text(row));
  for (const Preset& preset : row.presets)
    text += line("preset", cat("`preset=", preset.name, "` = `", preset.settings, "`"));
  return text + line("differs", row.deviates) + "\n";
}

}  // namespace

std::string explainers_page() {
  std::string text =
      "# Explainers\n\n"
      "Written by `clearcut explainers --page`; a test keeps it true. `clearcut explain -x "
      "NAME:setting=value:setting=value` uses them; with `-x all` every one of them draws the picture, and "
      "NAME.sheet.png shows them side by side with their settings, the superpixels and the consensus.\n\n"
      "The score s of a picture is the probability of its target or the logit (`score=`; where the list says "
      "`score=` without a word it is the probability). A backward pass counts two forward passes. Empty or "
      "constant maps are flagged, and maps are never normalised before they are written.\n\n";
  for (const ExplainerFamily& family : explainer_families()) {
    text += cat("## ", family.title, "\n\n", family.about, "\n\n");
    for (const ExplainerRow& row : family.rows) text += row_text(row);
  }
  text.pop_back();
  return text;
}

}  // namespace clearcut
