// The rows of the explainers by perturbation.
#include "explain/explainer_table.h"

namespace clearcut {

ExplainerFamily perturbation_explainers() {
  return {.title = "Perturbations",
          .about = "Forward passes only: what the score loses when parts of the picture are hidden.",
          .rows = {{.name = "lime",
                    .formula = "weighted least squares of the score on which superpixels are shown",
                    .paper = "Ribeiro 2016 (1602.04938)",
                    .needs = "forward passes; superpixels",
                    .cost = "samples",
                    .settings = {samples_setting(), segments_setting(), compactness_setting(),
                                 superpixels_setting(), off_setting(), reduction_setting(), score_setting()},
                    .defaults = "samples=1000:reduction=positive",
                    .work =
                        [](const ExplainOptions& o) {
                          return ExplainerWork{1.0 * samples_of(o), samples_of(o)};
                        },
                    .run = lime,
                    .deviates = "InterpretDL's form with SLIC superpixels in place of quickshift."}}};
}

}  // namespace clearcut
