// Classifier: what explainers need from any network that maps pictures to class logits.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/preprocess.h"
#include "nn/module.h"

namespace clearcut {

/// The linear head of a network that ends in global average pooling:
///   logits[n, c] = b[c] + sum over k of weights[c, k] * mean over y, x of features[n, k, y, x].
/// Where the pooled maps are the class maps themselves (SqueezeNet), weights is the identity.
struct CamWeights {
  Tensor weights;           // float32 [C, K]
  std::string path;         // tap of features [N, K, h, w]
  std::int64_t margin = 0;  // rows and columns at each edge of the map that lie outside the picture: a
                            // padded 1x1 convolution makes maps larger than the features they come from
};

/// The head where the pooled maps at `path` are the class maps themselves.
CamWeights cam_of_class_maps(std::int64_t classes, const std::string& path);

/// A network for classification: pictures in, logits (before softmax) out. Its parameters are frozen unless
/// someone asks for their gradients (registry().require_grad(true)), so explanations cost no weight
/// gradients.
class Classifier {
 public:
  virtual ~Classifier() = default;

  /// Short name for reports and manifests: "mobilenet_v2".
  virtual const std::string& name() const = 0;
  /// x [N, 3, H, W] normalised as preprocess() says, on the device of registry() -> logits [N, C]. In
  /// evaluation it is called on several threads at once.
  virtual Var logits(const Var& x) const = 0;
  /// Parameters, taps and mode. `clearcut model layers` prints the paths that taps can take.
  virtual Registry& registry() = 0;
  virtual const Preprocess& preprocess() const = 0;

  /// One name per class; "class 17" where the model says none.
  virtual const std::vector<std::string>& class_names() const = 0;
  /// One identifier per class (ImageNet: the WordNet id "n01440764"; our own: the folder's name).
  virtual const std::vector<std::string>& class_ids() const = 0;
  std::int64_t classes() const { return static_cast<std::int64_t>(class_names().size()); }

  /// Default tap of Grad-CAM: the last feature map [N, K, h, w].
  virtual std::string feature_path() const = 0;
  /// The head of CAM, or none when the logits are not linear in the channel means of one feature map.
  virtual std::optional<CamWeights> cam_weights() const = 0;

 protected:
  Classifier() = default;
  Classifier(const Classifier&) = delete;
  Classifier& operator=(const Classifier&) = delete;
};

/// path: NAME.onnx (with NAME.json beside it: input size, normalisation, last feature map), or a checkpoint
/// folder that `clearcut train` wrote. Throws Error that names what is missing or not supported.
std::unique_ptr<Classifier> load_classifier(const std::string& path, Device device = Device::kCpu);

}  // namespace clearcut
