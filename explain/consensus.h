// Consensus: the mean of many explanations of one picture, kept as running sums.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/tensor.h"

namespace clearcut {

/// From a member's map G_k to its share e_k of the consensus E = sum of w_k e_k / sum of w_k.
enum class Variant : std::uint8_t {
  kAbs,     ///< e = sum over channels of |G|            (CS-abs, the authors' library)
  kSquare,  ///< e = mean over channels of G^2           (CS-sq, M4)
  kMinMax,  ///< e = (|G| - min) / (max - min)           (CS-minmax, default: no member dominates by scale)
  kPercentile,  ///< e = min(1, (|G| - min) / (P - min)), P the 99th percentile, between pixels as NumPy has
                ///< it (our choice: one bright pixel does not darken all others; kMinMax where P = min)
  kRank,        ///< e = share of the pixels with smaller |G|  (our choice: order alone counts)
  kLime,        ///< e = w_j^2 / ||w|| on superpixel j       (CS-LIME)
  kRegions,     ///< kMinMax of r_j on superpixel j, r_j = mean of |G| over it (our choice: gradients are
                ///< speckled, class maps coarse; on superpixels both have edges where the picture has them)
};
Variant variant_from_name(std::string_view name);  // "abs", "square", "minmax", ...
std::string_view name_of(Variant variant);
std::vector<std::string> variant_names();
bool needs_superpixels(Variant variant);  // kLime, kRegions

/// What a member brings besides its map.
struct MemberMap {
  Tensor map;                        // float32 [H, W] over the picture: |G| summed over channels, a CAM, ...
  Tensor square;                     // kSquare: mean over channels of G^2; undefined: map^2
  Tensor segments;                   // kLime, kRegions: int32 [H, W], the same for all members
  std::vector<double> coefficients;  // kLime: w of a LIME; empty: w_j is the mean of map over superpixel j
};

/// e_k, float32 [H, W]. A constant map gives zeros. Throws Error if superpixels are needed and not there.
Tensor member_share(Variant variant, const MemberMap& member);

/// Running sums over the members of one picture; no member's map is kept.
class Consensus {
 public:
  /// vote_at: a member votes for the pixels where its min-max scaled e_k reaches this value.
  Consensus(std::int64_t height, std::int64_t width, double vote_at = 0.5);

  /// Members are added in one order for the same bits. Weight 0, or a share of zeros, counts for nothing.
  void add(const Tensor& e, double weight);

  int members() const { return members_; }  // that counted
  bool empty() const;                       // no member counted, or E is constant
  Tensor mean() const;                      // E, float32 [H, W]
  Tensor votes() const;                     // weighted share of the members that vote for a pixel

  /// Mean cosine between the shares of two members, over all pairs. With u_k = e_k / ||e_k|| and m members it
  /// follows from the running sum of u_k alone:  (||sum of u_k||^2 - m) / (m (m - 1)).  1 for one member,
  /// NaN where none counted.
  double agreement() const;

  /// What one of the members that counted agrees with the others: the mean cosine between its share e and
  /// theirs, (u . sum of u_k - 1) / (m - 1), at least 0. 1 for one member, 0 for a share of zeros.
  double agreement_of(const Tensor& e) const;

 private:
  Shape shape_;
  double vote_at_;
  std::vector<double> sum_, directions_, votes_;
  double weight_ = 0;
  int members_ = 0;
};

/// Cosine of two maps as flat vectors: the consensus score of member k is cosine(e_k, E) (spec 9.7). It needs
/// E first, so scores take a second pass over the members. 0 if one of them is 0 everywhere.
double cosine(const Tensor& a, const Tensor& b);

/// What a member counts whose classifier misses the label.
enum class Wrong : std::uint8_t {
  kKeep,        ///< as much as the others
  kDownweight,  ///< every member counts by its probability of the label
  kDrop,        ///< nothing; if all miss, all count by their probability
};
Wrong wrong_from_name(std::string_view name);  // "keep", "downweight", "drop"
std::string_view name_of(Wrong wrong);

/// What a member counts besides (both factors are multiplied).
enum class MemberWeights : std::uint8_t {
  kUniform,    ///< as much as the others
  kAccuracy,   ///< its classifier's accuracy on image labels
  kAgreement,  ///< on each picture, Consensus::agreement_of(): needs a second look at all members
};
MemberWeights weights_from_name(std::string_view name);  // "uniform", "accuracy", "agreement"
std::string_view name_of(MemberWeights weights);

/// How members are fused: "minmax", "regions:downweight", "rank:drop:agreement".
struct Fusion {
  Variant variant = Variant::kMinMax;
  Wrong wrong = Wrong::kKeep;
  MemberWeights weights = MemberWeights::kUniform;
  bool operator==(const Fusion&) const = default;
};
Fusion parse_fusion(const std::string& text);
std::string describe(const Fusion& fusion);  // ":keep" and ":uniform" are left out
/// A classifier counts by its belief in the picture's label, which has to be known before its map is used.
bool needs_beliefs(const Fusion& fusion);

/// What a classifier thinks of one picture and label.
struct Belief {
  double probability = 0;  // of the label
  bool right = false;      // its first choice is a class of one of the picture's labels
};
/// Weights of all classifiers for one picture and label. If they would all be 0 they are all 1.
std::vector<double> belief_weights(Wrong wrong, const std::vector<Belief>& beliefs);
/// The same, times `accuracy` (one number per classifier) where the fusion asks for it.
std::vector<double> classifier_weights(const Fusion& fusion, const std::vector<Belief>& beliefs,
                                       const std::vector<double>& accuracy);

}  // namespace clearcut
