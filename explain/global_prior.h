// What pieces of many pictures say about a class: NormLIME's global weights, and the prior of G-LIME.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "explain/perturbation.h"

namespace clearcut {

/// Pieces that look alike form a cluster; each cluster has a weight for each target.
struct GlobalPrior {
  std::string layer;                                        // tap whose features describe pieces
  Tensor centres;                                           // float64 [Q, D]
  std::map<std::vector<int>, std::vector<double>> weights;  // classes of the target, sorted -> [Q]

  /// The weight of each piece of one picture: that of the cluster nearest to its descriptor; 0 for all pieces
  /// if the prior does not know the target. descriptors [K, D].
  std::vector<double> of_pieces(const Tensor& descriptors, const Target& target) const;
};

/// Descriptors of the pieces of a picture, float32 [K, 2 C]: the features A [C, h, w] (brought to the
/// picture's size bilinearly, half-pixel centres) at the centroid of the piece, and their means over it;
/// divided by their length.
Tensor piece_descriptors(const Tensor& A, const Tensor& labels);

/// The same for each picture of the input, from one pass each; features of the tap `layer`.
std::vector<Tensor> describe_pieces(Passes& passes, const ExplainInput& input,
                                    const std::vector<Pieces>& pieces, const std::string& layer);
/// The tap of early features if the options name none: of the paths with maps [N, C, h, w] of more than 3
/// channels the last one with h >= H / 2; if there is none, the first. Needs one pass.
std::string early_layer(Passes& passes, const ExplainInput& input, const ExplainOptions& options);

/// Learns a prior from the pictures of any number of calls.
class PriorLearner {
 public:
  /// Reads samples, layer, clusters and the settings of pieces.
  explicit PriorLearner(const ExplainOptions& options) : options_(options) {}
  /// LIME of each picture, its own cost; keeps a descriptor and a coefficient per piece.
  void add(Passes& passes, const ExplainInput& input);
  /// K-means over all descriptors, then per target and cluster the mean of w^2 / |w|_1 over the cluster's
  /// pieces in pictures with that target, |w|_1 over the pieces of one picture; 0 where there are none.
  /// Source: Ahern 2019 (1909.04200), as in InterpretDL.
  GlobalPrior learn(std::uint64_t seed) const;

 private:
  struct Picture {
    Tensor descriptors;
    std::vector<double> coefficients;
    std::vector<int> classes;
  };
  ExplainOptions options_;
  std::string layer_;
  std::vector<Picture> pictures_;
};

/// A safetensors file: "centres", "weights.3,17" per target, and the layer as metadata.
void write_prior(const std::string& path, const GlobalPrior& prior);
/// Throws Error that names the file if it is not a prior.
GlobalPrior read_prior(const std::string& path);

}  // namespace clearcut
