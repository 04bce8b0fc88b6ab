// Names of weights in other frameworks, and what they are called here: rules, kept as data.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "nn/module.h"

namespace clearcut {

/// One rule: names that match `from` become `to`.
struct KeyRule {
  std::string from;   // `*` stands for any text, `#` for digits; the rest stands for itself
  std::string to;     // $1 is what the first of them stood for; $2-1, $2+1 are that number less or more one
  bool drop = false;  // such tensors are left out
  bool transpose = false;  // [in, out] becomes [out, in]
};

/// Rules in their order; each is tried once on what the rules before it made of a name.
struct KeyMap {
  std::string name;
  std::vector<KeyRule> rules;
};

/// Reads rules, one per line: "FROM -> TO", "FROM -> TO transpose", "FROM -> drop". Empty lines and lines
/// that start with ';' are comments. Throws Error that names the line.
KeyMap parse_key_map(std::string_view text, const std::string& name);

/// A map by name: "none", "paddleseg" (PaddleSeg's ResNet_vd, HRNet and heads), "paddleclas_" with
/// resnet50, resnet101, resnet50_vd or hrnet (PaddleClas's classifiers), "trunk" (a
/// classifier's weights become those of a segmenter's backbone, its last layer is left out); or a file of
/// rules. Throws Error that lists the names.
KeyMap key_map(const std::string& name_or_path);
std::vector<std::string> key_map_names();

/// PaddleClas's maps by names that only they have, "paddleseg" if names end as Paddle's batch norms do, else
/// "none".
std::string guess_key_map(const StateDict& tensors);

/// The tensors under their new names. Throws Error if two get the same name, or a tensor to be transposed is
/// no matrix.
StateDict rename_keys(const StateDict& tensors, const KeyMap& map);

}  // namespace clearcut
