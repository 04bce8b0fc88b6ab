#include "explain/explainer_table.h"

#include <algorithm>

namespace clearcut {

const std::vector<ExplainerFamily>& explainer_families() {
  static const std::vector<ExplainerFamily> families = {cam_explainers(), gradient_explainers(),
                                                        walk_explainers(), layer_explainers(),
                                                        perturbation_explainers()};
  return families;
}

const ExplainerRow& explainer_row(const std::string& name) {
  for (const ExplainerFamily& family : explainer_families())
    for (const ExplainerRow& row : family.rows)
      if (name == row.name) return row;
  fail("explainer", "there are ", explainer_names(), "; got '", name, "'");
}

std::string explainer_names() {
  std::vector<std::string> names;
  for (const ExplainerFamily& family : explainer_families())
    for (const ExplainerRow& row : family.rows) names.emplace_back(row.name);
  std::sort(names.begin(), names.end());
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace clearcut
