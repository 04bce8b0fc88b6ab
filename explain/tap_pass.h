// Feature maps of one tap and the gradient of any score with respect to them: for methods of the CAM family
// that the shared plain pass does not serve.
#pragma once

#include <functional>
#include <string>

#include "explain/cam_rules.h"
#include "explain/passes.h"

namespace clearcut {

/// The path that `layer=` names, or the classifier's feature_path().
std::string tap_path(const Classifier& classifier, const ExplainOptions& options);

/// Rows and columns at each edge of that path's maps that lie outside the picture (CamWeights::margin).
std::int64_t tap_margin(const Classifier& classifier, const std::string& path);

/// Writes values [h, w] less `margin` rows and columns at each edge. With relu negative values become 0.
void write_cam(const CamMap& values, std::int64_t h, std::int64_t w, std::int64_t margin, bool relu,
               float* map);

/// The last tap of each of the three coarsest resolutions that network has up to feature_path(), coarse to
/// fine: seen in one forward pass of x [1, 3, H, W].
std::vector<std::string> stage_paths(Classifier& classifier, const Tensor& x);

struct TapPass {
  std::string path;
  /// Writes ds/dz of picture n, [C] values, from its logits z.
  std::function<void(std::size_t n, const float* z, float* dz)> seed;
  /// What the network goes on with in place of the tap's own result; empty: the result itself.
  std::function<Tensor(const Tensor& y)> replacement = {};
};

/// One forward pass of every picture, backward to the tap; use(n, A and g [K, n] of picture n, h, w) in
/// order. Throws Error unless the tap gives maps [N, K, h, w].
void run_tap_pass(
    Passes& passes, const ExplainInput& input, const TapPass& pass, const char* method,
    const std::function<void(std::size_t n, const CamInput& in, std::int64_t h, std::int64_t w)>& use);

}  // namespace clearcut
