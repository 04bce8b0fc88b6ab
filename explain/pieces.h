// Pictures in pieces that can be switched off one by one: what LIME, Kernel SHAP, Shapley values and feature
// ablation ask a classifier about.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "explain/passes.h"

namespace clearcut {

/// One picture [3, H, W] and its pieces 0 .. K-1.
struct Pieces {
  Tensor labels;  // int32 [H, W]
  std::int64_t K = 0;
  std::vector<float> off;  // [3, K]: the colour of a piece that is off, as the network sees it
};

/// grid x grid cells of (nearly) one size if options.grid is not 0; else the label maps that the input
/// brings; else options.superpixels of each picture. options.off says what pieces show that are off.
std::vector<Pieces> cut_pictures(Passes& passes, const ExplainInput& input, const ExplainOptions& options);

/// label[y, x] = (y * grid / H) * grid + x * grid / W, with grid at most H and W: int32 [H, W].
Tensor grid_labels(std::int64_t H, std::int64_t W, std::int64_t grid);

/// Which of K pieces show the picture: 1 on, 0 off.
using Bits = std::vector<std::uint8_t>;

/// Versions of each picture with pieces off, put together on the classifier's device; see Versions.
struct PieceVersions {
  std::vector<std::int64_t> count = {};
  std::vector<std::int64_t> first = {};
  /// The pieces of version i of picture n. Called twice for each version, on several threads.
  std::function<Bits(std::int64_t n, std::int64_t i)> draw = {};
  std::function<void(std::int64_t n, std::int64_t i, const Bits& on, double score)> use = {};
};
void score_pieces(Passes& passes, const ExplainInput& input, const std::vector<Pieces>& pieces,
                  const PieceVersions& versions);

/// What an explainer of pieces gives: the coefficients, and maps of them reduced as options say and painted
/// on the pieces.
Explanation painted(const std::vector<Pieces>& pieces, std::vector<std::vector<double>> coefficients,
                    const ExplainOptions& options);

}  // namespace clearcut
