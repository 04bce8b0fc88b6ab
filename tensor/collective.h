// Sums over the processes of one job: what data-parallel training needs beside its own steps.
#pragma once

#include <memory>
#include <string>

#include "tensor/tensor.h"

namespace clearcut {

/// Processes that add up numbers. Each has a rank, counted from 0.
class AllReduce {
 public:
  virtual ~AllReduce() = default;
  virtual int rank() const = 0;
  virtual int ranks() const = 0;
  /// x <- the sum of the x of all ranks: float32, on the device of this back end. All ranks call it equally
  /// often and with the same shapes in the same order. Throws Error if one of them is gone.
  virtual void sum(const Tensor& x) = 0;
};

/// A ticket for a job over GPUs: rank 0 draws it and hands it to the others by a file, MPI or the like. 128
/// bytes.
std::string new_nccl_ticket();
/// Joins the job as `rank` of `ranks`, each process with a GPU of its own; back when all have joined. Sums
/// run through NCCL, behind the kernels started before. Throws Error if NCCL or a GPU is missing
/// (cuda/vendor/nccl.h).
std::unique_ptr<AllReduce> join_nccl(const std::string& ticket, int rank, int ranks);

}  // namespace clearcut
