// The processes that mpirun started together, over Open MPI.
#pragma once

#include <memory>

#include "tensor/collective.h"
#include "tensor/device.h"
#include "train/share.h"

namespace clearcut {

/// This process as one rank of an MPI job. Open MPI (libmpi.so.40) is opened when the job is joined; nothing
/// of it is needed to build or start the program.
///
/// While a rank waits for the others it gives its core to whoever can use it. It waits as long as it takes,
/// but after SIGINT or SIGTERM for a third of a second only; then RankLost: mpirun sends SIGTERM to all ranks
/// when one of them died.
class MpiJob {
 public:
  virtual ~MpiJob() = default;
  virtual Lane& lane() = 0;
  virtual Lane& behind() = 0;
  /// Which GPU of its machine this rank takes: ranks of a machine are counted.
  virtual int local_rank() const = 0;
  /// All is done. A process that ends without it counts as lost, and the launcher ends the others.
  virtual void leave() = 0;
};

/// Joins the ranks that a launcher started with this process, as its variables say (train/share.h); null if
/// there is only this one. Throws Error if Open MPI is not here, or does not see as many processes as were
/// started.
std::unique_ptr<MpiJob> join_mpi(const Environment& environment);

/// Sums over the ranks of a job: NCCL for tensors on a GPU, over a ticket that rank 0 draws; through host
/// memory for all others (sums_in_pairs). Throws Error if NCCL is missing.
std::unique_ptr<AllReduce> sums_of(MpiJob& job, Device device);

}  // namespace clearcut
