// Where networks come from, and where they differ from what others call by the same name: as data, beside
// their code.
#pragma once

namespace clearcut {

/// What docs/models.md says about a network besides numbers. Whole sentences, in Markdown.
struct Notes {
  const char* source;        // paper: "He et al. 2015, arXiv:1512.03385"
  const char* differs = "";  // from torchvision's and PaddleSeg's, and why
};

}  // namespace clearcut
