#pragma once

#include <string>

namespace clearcut::apps {

/// "clearcut 0.1.0", the commit, the build's flavour, compiler and picture decoders, one a line.
std::string version_text();

}  // namespace clearcut::apps
