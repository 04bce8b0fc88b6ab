// Class weights of the loss, from a short text.
#pragma once

#include <string>
#include <vector>

namespace clearcut {

/// "default=1,1000=0.1" -> one weight per class. The left side is `default` (1 if absent), `background`, a
/// class index or a class name; later entries win. Weights are >= 0. Throws ConfigError that names the entry.
/// background: index of the background class, -1 if there is none.
std::vector<double> parse_class_weights(const std::string& text, const std::vector<std::string>& class_names,
                                        int background);

}  // namespace clearcut
