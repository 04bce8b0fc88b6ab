// Test-time views: maps of an explainer averaged over sizes of the picture and its mirror image.
#pragma once

#include "explain/explainer.h"

namespace clearcut {

bool has_views(const ExplainOptions& options);

/// The mean over s in options.scales (0.5+1+1.5+2) and, with options.flip, over the picture and its mirror
/// image, of the explainer's maps, each resized bilinearly (half-pixel) to the input: float32 [N, H, W].
/// Inputs of scale s are the normalised input resized bilinearly to round(s H) x round(s W). Maps are
/// averaged as they are, not normalised before, as weakly supervised segmentation does with CAM. Throws Error
/// if the network cannot take such a size. Cost: that of the explainer times the sum of s^2, twice with flip.
Explanation explain_views(Classifier& classifier, const ExplainInput& input, const ExplainOptions& options);

}  // namespace clearcut
