// Batches, decoded and augmented on background threads.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/jsonl.h"
#include "data/transforms.h"

namespace clearcut {

struct Batch {
  Tensor images;                     // float32 [N, 3, H, W]
  Tensor labels;                     // int32 [N, H, W]; undefined without masks
  Tensor weights;                    // float32 [N, H, W] in [0, 1]; undefined without pixel weights
  Tensor classes;                    // int32 [N]: the first image label; -1 where there is none
  std::vector<std::uint64_t> items;  // ids
  std::vector<std::string> names;
};

enum class OnFailure { kThrow, kSkip };

struct LoaderOptions {
  std::int64_t batch = 8;
  int threads = 2;         // decoding threads; 0 decodes in next()
  std::int64_t ahead = 0;  // samples decoded but not taken yet, at most; 0: two batches
  std::uint64_t seed = 0;
  bool shuffle = false;    // order of epoch e: permutation keyed by (seed, "epoch order", e)
  bool balanced = false;   // in place of that: data/sampler.h
  bool drop_last = false;  // leave out a last batch that is not full
  bool masks = true;       // read masks where the data set has them
  OnFailure on_failure = OnFailure::kThrow;
  PictureOptions picture = {};
  /// Of several processes that share each batch, this one reads its part: pictures rank * batch / ranks and
  /// on. Then the batch must be a multiple of the ranks, drop_last set and on_failure kThrow: a rank does not
  /// know what the others left out.
  int rank = 0, ranks = 1;
};

/// Where a loader stands; save it to resume exactly.
struct LoaderPosition {
  std::uint32_t epoch = 0;
  std::int64_t item = 0;  // items of this epoch that earlier batches used up
};

/// Reads items in a fixed order and hands out batches: the same batches, bit by bit, for any number of
/// threads, and after resuming at a saved position. Workers wait while `ahead` samples are ready.
class Loader {
 public:
  /// transforms run in order on each sample, keyed by (seed, item id, epoch); then normalize. All samples of
  /// a batch must end with one size.
  Loader(Dataset data, std::vector<Transform> transforms, Normalize normalize, LoaderOptions options);
  ~Loader();

  /// The next batch of this epoch, or this rank's part of it; nothing at its end, and the next call starts
  /// the next epoch. A file that fails: Error "loader: NAME: ..." (kThrow), or left out and listed in
  /// failures() (kSkip), the next items taking its place.
  std::optional<Batch> next();

  LoaderPosition position() const;
  void seek(LoaderPosition position);
  std::int64_t items() const;              // of the data set
  std::int64_t batches_per_epoch() const;  // if nothing fails
  const Dataset& dataset() const;
  /// Seconds that next() has waited for samples so far: what reading costs the training.
  double waited() const;
  /// Each failing file once, in the order met.
  std::vector<Failure> failures() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// One sample as the loader makes it: decode, mask, transforms.
LabelledPicture load_sample(const Dataset& data, const Item& item, const LoaderOptions& options);

}  // namespace clearcut
