// The table of explainers: how each runs, what it takes, and what the manual says of it. A new explainer is
// its code and its row in its family's table; names, settings, errors, docs/explainers.md, benchmarks and the
// test that asks for outside goldens all read this table.
//
// A golden of explainer NAME is a tensor "NAME.WHAT" in a .safetensors file of tests/golden/explain (of a
// small network of ours), and "onnx.NAME.WHAT" (of a small ONNX network).
#pragma once

#include <string>
#include <vector>

#include "explain/methods.h"
#include "explain/settings.h"

namespace clearcut {

/// Settings under a name: the defaults of a library, "lime:preset=captum".
struct Preset {
  const char* name;
  const char* settings;  // "samples=25:off=zero"
};

/// Arithmetic of one explanation in forward passes (one backward pass to the input counts one), and how many
/// perturbed or noisy pictures are in it. {0, 0}: depends on the network.
struct ExplainerWork {
  double passes;
  std::int64_t samples;
};

struct ExplainerRow {
  const char* name;
  const char* formula;  // plain text; s the score, A_k feature maps, g_k = ds/dA_k
  const char* paper;
  const char* needs = "";  // "forward", "forward and backward to the tap", ...
  const char* cost = "";   // in forward passes per picture
  std::vector<Setting> settings = {};
  /// Settings that are not those of ExplainOptions: "samples=5:score=logit".
  const char* defaults = "";
  ExplainerWork (*work)(const ExplainOptions&) = [](const ExplainOptions&) { return ExplainerWork{}; };
  Method* run = nullptr;  // null: the plain pass makes the map (CAM and explain/cam_rules.h)
  std::vector<Preset> presets = {};
  const char* deviates = "";  // from the paper or from libraries, and why
};

struct ExplainerFamily {
  const char* title;
  const char* about;  // what its members have in common
  std::vector<ExplainerRow> rows;
};

/// One function a family, beside its code.
ExplainerFamily cam_explainers(), gradient_explainers(), walk_explainers(), layer_explainers(),
    perturbation_explainers();

const std::vector<ExplainerFamily>& explainer_families();
/// Throws Error that lists the names.
const ExplainerRow& explainer_row(const std::string& name);
/// The whole table in Markdown: docs/explainers.md.
std::string explainers_page();

}  // namespace clearcut
