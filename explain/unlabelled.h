// A measure and a threshold chosen without any mask: where the members agree, or by how much foreground there
// should be.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/jsonl.h"
#include "data/metrics.h"
#include "explain/ensemble.h"
#include "explain/pssl.h"

namespace clearcut {

/// How far the masks {strength >= t} of several members agree, for many thresholds t at once. Of m members n
/// mark a pixel; with f = sum of n / sum of m and a = sum of n (n - 1) / sum of n (m - 1),
///
///   kappa = (a - f) / (1 - f):   1: all masks are one, 0: as much as masks drawn by chance with this share
///
/// which is Fleiss' kappa of two categories where m is the same for all. NaN where nothing or everything is
/// marked. Source: Fleiss, "Measuring nominal scale agreement among many raters", 1971.
class AgreementSweep {
 public:
  /// thresholds ascending.
  explicit AgreementSweep(std::vector<double> thresholds);

  /// Strengths of the members on one question, float32 of one size. Fewer than two agree on nothing: they do
  /// not count.
  void add(const std::vector<Tensor>& strengths);
  void add(const AgreementSweep& other);

  const std::vector<double>& thresholds() const { return thresholds_; }
  double kappa(std::size_t threshold) const;

 private:
  std::vector<double> thresholds_;
  std::vector<double> marks_, pairs_, most_pairs_;  // [threshold]: sums of n, n (n - 1), n (m - 1)
  double members_ = 0;                              // sum of m
};

struct UnlabelledOptions {
  std::vector<Measure> measures = {Measure::kRank, Measure::kValue};
  std::vector<double> thresholds;
  /// The mean share of foreground to come nearest to; without one agreement decides.
  std::optional<double> share = {};
  bool snap = false;
  int bootstrap = 200;  // resamples of the intervals; 0: none, they are NaN
  std::uint64_t seed = 1;
  std::int64_t chunk = 8;  // pictures at a time
  PictureOptions picture = {};
  std::function<void(std::int64_t done, std::int64_t total)> progress = {};
};
struct UnlabelledCurve {
  Measure measure = Measure::kRank;
  std::vector<Interval> agreement;  // [threshold]: kappa, 95 % over pictures
  std::vector<double> share;        // [threshold]: mean over questions of the consensus' share at or above it
};
struct UnlabelledChoice {
  Measure measure = Measure::kRank;
  double threshold = 0;
  double agreement = 0, share = 0;  // there
  std::vector<double> thresholds;
  std::vector<UnlabelledCurve> curves;  // one for each measure
  std::int64_t pictures = 0;            // that counted
  std::vector<Failure> failures;
};

/// Members' maps are made by the ensemble's fusion, compared at 128 pixels on the longer side. Without a
/// share the measure and threshold of the largest kappa are chosen; with one the threshold whose share is
/// nearest (of several the lowest), of the measure whose kappa is largest there. A picture that cannot be
/// read, or whose kept maps are missing, is a failure; the rest goes on. Throws Error for Measure::kVotes, of
/// which a single member has none, for fewer than two members, if no picture could be used, and if no kappa
/// is known at these thresholds. Memory: 40 bytes for each picture, measure and threshold (8 KB a picture
/// with 2 measures and 101 thresholds), kept for the intervals.
UnlabelledChoice choose_without_labels(const Dataset& data, Members& members,
                                       const UnlabelledOptions& options);

}  // namespace clearcut
