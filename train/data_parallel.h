// One training step on several ranks: each holds the whole network and a part of the batch.
#pragma once

#include <memory>
#include <vector>

#include "data/loader.h"
#include "tensor/collective.h"

namespace clearcut {

class Registry;
class TrainTask;

/// Makes the gradients of a batch that lies on several ranks. Within it batch norm is synchronised and losses
/// are shares (OneOfRanks in tensor/collective.h); outside, all ranks hold the same numbers and do the same.
class DataParallel {
 public:
  virtual ~DataParallel() = default;

  struct Loss {
    double total = 0;
    std::vector<double> parts;
  };
  /// Adds the gradients of this rank's part of a batch to those of the task's parameters; with `last` they
  /// end as the sums over all ranks. Returns the loss of the whole batch: the same on all ranks. The task's
  /// mode is set by the caller. Throws Error if pictures of other ranks have another size, RankLost if one is
  /// gone.
  virtual Loss add_gradients(const Batch& part, bool last) = 0;
};

/// The part goes through the network at once. Gradients are summed in buckets of 4 MiB, from the last layer
/// to the first, each as soon as it is complete, while the backward pass goes on. The order of all sums
/// depends on the number of ranks alone.
std::unique_ptr<DataParallel> parallel_in_buckets(TrainTask& task, AllReduce& sums, OneOfRanks::Mean mean);

/// Each picture goes through the network as a rank of its own, on a thread of its own, so that the gradients
/// of weights, the sums of batch norm and the terms of the loss are there per picture, and are added in pairs
/// over the number of the picture in the whole batch: the same bits for any number of ranks that divides it.
/// `others` are tasks like the first one; their networks take over its weights, and with it they are one for
/// each picture of the part. Memory: activations as for the whole part, gradients once per picture.
std::unique_ptr<DataParallel> parallel_by_picture(TrainTask& task, std::vector<TrainTask*> others,
                                                  AllReduce& sums);

}  // namespace clearcut
