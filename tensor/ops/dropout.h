// Dropout with masks that depend on a key only.
#pragma once

#include <string>
#include <vector>

#include "tensor/random.h"
#include "tensor/views.h"

namespace clearcut {

struct DropoutOptions {
  double p = 0.5;               // probability of zero, in [0, 1)
  bool whole_channels = false;  // one decision per [n, c] (dropout2d) in place of one per element
  std::uint64_t seed = 1;
  std::string purpose = "dropout";        // the module path, so that layers draw different masks
  std::vector<std::uint64_t> items = {};  // id of each picture of the batch; empty: 0, 1, 2, ...
  std::uint32_t step = 0;                 // training step
};

}  // namespace clearcut

namespace clearcut::ops {

/// y = x / (1 - p) where kept, 0 where dropped (inverted scaling: nothing to do when testing).
///
/// x        [N, ...] float32 or float64; with whole_channels [N, C, ...]
/// returns  the shape of x
///
/// Element i of picture n is dropped when number i of RandomStream(seed, purpose, items[n], step) is below
/// p (with whole_channels: number c), so a picture's mask never depends on its neighbours in the batch.
/// The operator is linear: its gradient is the same call on dy, and no mask is stored.
/// Throws Error if p is outside [0, 1) or the number of items is not N.
/// Source: Srivastava et al., "Dropout", JMLR 15, 2014; channels: Tompson et al. 2015, arXiv:1411.4280.
Tensor dropout(const Tensor& x, const DropoutOptions& options);

}  // namespace clearcut::ops

namespace clearcut::kernels {

/// y[n, i] = x[n, i] * scale where uniform number i / per_decision of streams[n] is at least p, else 0.
template <class T>
void dropout(Reference, Rows<const T> x, const std::vector<RandomStream>& streams, double p,
             std::int64_t per_decision, Rows<T> y);
void dropout(Cpu, Rows<const float> x, const std::vector<RandomStream>& streams, double p,
             std::int64_t per_decision, Rows<float> y);
template <class T>
void dropout(Cuda, Rows<const T> x, const std::vector<RandomStream>& streams, double p,
             std::int64_t per_decision, Rows<T> y);

}  // namespace clearcut::kernels
