// The dense CRF: every pixel is a neighbour of every other, near ones of like colour most of all.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace clearcut {

/// Weight of two pixels for each other: w exp(-|dx|^2 / (2 xy^2) - |dcolour|^2 / (2 rgb^2)).
struct CrfKernel {
  double xy = 3;   // deviation of place, pixels
  double rgb = 0;  // deviation of colour, in steps of 0 .. 255; 0: place alone
  double weight = 3;
};

enum class CrfFilter : std::uint8_t {
  kLattice,  ///< permutohedral lattice where colour counts, two passes along the sides where it does not:
             ///< float32 in host memory, time that grows with the number of pixels
  kExact,    ///< all pairs of pixels, in the dtype and on the device of the probabilities
};

struct CrfOptions {
  std::vector<CrfKernel> kernels = {{.xy = 3, .weight = 3}, {.xy = 80, .rgb = 13, .weight = 10}};
  int steps = 10;
  CrfFilter filter = CrfFilter::kLattice;
  /// float [C, C]: entry (a, b) is what a costs beside b. Undefined: Potts, 1 where a and b differ.
  Tensor compatibility = {};
};

/// Published settings: (xy, weight) of the kernel of place; (xy, rgb, weight) of that of colour.
///   rrm        (3, 3)   (83, 5, 4)     inference of RRM
///   rrm-mining (3, 3)   (80, 13, 10)   its mining of reliable labels; PSA
///   pmm        (3, 10)  (80, 13, 10)   pseudo masks of PMM
///   pmm-test   (1, 3)   (67, 3, 4)     its test
///   labels     (3, 3)   (50, 5, 10)    unary from labels: label_probabilities(..., 0.7)
/// Throws Error that lists them for another name.
CrfOptions crf_preset(const std::string& name);
std::vector<std::string> crf_preset_names();
/// Of gaussian_energy(), not normalised, at half of the picture's resolution (RRM).
inline constexpr CrfKernel kRrmEnergy = {.xy = 50, .rgb = 15, .weight = 1e-7};

/// Mean field: with U = -log(clip(p, 1e-5, 1)) and Q = softmax(-U) to begin with,
///
///   Q <- softmax(-U - mu sum over m of w_m K~_m Q),   K~_ij = n_i K_ij n_j,   n_i = 1 / sqrt((K 1)_i +
///   1e-20)
///
/// `steps` times; with Potts, mu = 1 - identity, that is softmax(-U + sum of w_m K~_m Q). The pixel itself is
/// among its neighbours.
///
/// p        float32 or float64 [C, H, W]: a probability for each label, summing to about 1
/// picture  uint8 [H, W, 3] RGB, of the size of p
/// returns  Q, like p
///
/// The same bits for any number of threads. Throws Error if shapes disagree, C is 0 or a deviation is not
/// positive.
/// Cost of a step: kLattice see explain/permutohedral.h; kExact (H W)^2 exponentials per kernel.
/// Source: Kraehenbuehl & Koltun, NIPS 2011, algorithm 1; normalisation, clipping and the self term as in
/// pydensecrf.
Tensor dense_crf(const Tensor& p, const Tensor& picture, const CrfOptions& options = {});

/// The parts, for features of another kind (depth as a sixth one).

/// One pairwise term: q [1, C, H, W] -> w K~ q.
using PairTerm = std::function<Tensor(const Tensor& q)>;
/// features [1, D, H, W], each divided by its deviation.
PairTerm exact_term(const Tensor& features, double weight);
PairTerm lattice_term(const Tensor& features, double weight);
/// unary [1, C, H, W] -> Q of that shape, on its device; compatibility [C, C] or undefined.
Tensor mean_field(const Tensor& unary, const std::vector<PairTerm>& terms, int steps,
                  const Tensor& compatibility = {});

/// Features of a kernel: x / xy, y / xy, and with colour r / rgb, g / rgb, b / rgb. dtype [1, 2 or 5, H, W].
Tensor pair_features(const Tensor& picture, const CrfKernel& kernel, DType dtype);

/// Probabilities from labels int32 [H, W]: `sure` for the label, the rest shared by the others; 1 / C each
/// where the label is `ignore`. float32 [C, H, W]. Throws Error on another label outside [0, C).
Tensor label_probabilities(const Tensor& labels, int C, double sure, int ignore = 255);

}  // namespace clearcut
