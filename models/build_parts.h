// What the makers of classifiers and of segmenters share; not for others.
#pragma once

#include <string>
#include <vector>

#include "models/build.h"
#include "models/resnet.h"

namespace clearcut::build {

/// Throws Error unless spec.name is known, and classes, width and output stride are in range.
void check_spec(const ModelSpec& spec, const std::vector<std::string>& known);
/// Throws Error if the spec asks for another output stride than the network's only one, or for recompute.
void check_plain(const ModelSpec& spec, int output_stride);
/// On the classifier of that name; null if there is none.
const Notes* classifier_notes(const std::string& name);
/// Depth: the number behind "resnet" in the name. output_stride: where the spec leaves it open.
ResNetOptions resnet_options(const ModelSpec& spec, int output_stride, std::int64_t classes);

}  // namespace clearcut::build
