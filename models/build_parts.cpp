#include "models/build_parts.h"

#include <algorithm>

namespace clearcut::build {

namespace {

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

void check_spec(const ModelSpec& spec, const std::vector<std::string>& known) {
  check(std::find(known.begin(), known.end(), spec.name) != known.end(), "model", "no network is called '",
        spec.name, "'; known: ", joined(known));
  check(spec.classes >= 1, "model", spec.name, " needs at least 1 class; got ", spec.classes);
  check(spec.width > 0 && spec.width <= 8, "model", "width must lie in (0, 8]; got ", spec.width);
}

void check_plain(const ModelSpec& spec, int output_stride) {
  check(spec.output_stride == 0 || spec.output_stride == output_stride, "model", spec.name,
        " has output_stride ", output_stride, "; got ", spec.output_stride);
  check(!spec.recompute, "model", spec.name, " has no recompute; only resnets have it");
}

ResNetOptions resnet_options(const ModelSpec& spec, int output_stride, std::int64_t classes) {
  const std::string family = "resnet";
  return {.depth = std::stoi(spec.name.substr(spec.name.find(family) + family.size())),
          .classes = classes,
          .width = spec.width,
          .output_stride = spec.output_stride ? spec.output_stride : output_stride,
          .recompute = spec.recompute};
}

}  // namespace clearcut::build
