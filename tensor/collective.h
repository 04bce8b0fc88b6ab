// Sums over the processes of one job: what data-parallel training needs beside its own steps.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace clearcut {

/// Another rank does not answer any more: it ended, or was ended.
class RankLost : public Error {
 public:
  using Error::Error;
};

/// Bytes between the processes of a job, over MPI (train/mpi.h) or within one process (tests). Each process
/// has a rank, counted from 0. All ranks call the same functions in the same order, each rank from one thread
/// at a time; several lanes of one job are independent of each other. Throws RankLost if a rank is gone.
class Lane {
 public:
  virtual ~Lane() = default;
  virtual int rank() const = 0;
  virtual int ranks() const = 0;
  /// Part r of `to` <- the part of rank r's `from` that is meant for this rank. Each part has `bytes` bytes,
  /// both buffers have one part per rank.
  virtual void swap(const void* from, void* to, std::size_t bytes) = 0;
  /// Part r of `to` <- the `bytes` bytes at rank r's `from`.
  virtual void gather(const void* from, void* to, std::size_t bytes) = 0;
};

/// The lane of a job of one process.
std::unique_ptr<Lane> lane_of_one();

/// What each rank says, in their order.
std::vector<std::string> gather(Lane& lane, const std::string& mine);

/// In place of an error that several ranks have: another rank reports it, this one ends as with `error`.
struct SaidByAnotherRank {
  std::exception_ptr error;
};

/// Runs `prepare`, which talks to no other rank. If it throws on any rank, all throw: of those with the same
/// text the first throws its own error and the others SaidByAnotherRank, as do those where all went well.
void all_or_none(Lane& lane, const std::function<void()>& prepare);

/// Ranks that add up numbers; the same rules as for a lane.
class AllReduce {
 public:
  virtual ~AllReduce() = default;
  virtual int rank() const = 0;
  virtual int ranks() const = 0;
  /// Each rank gives as many rows as the others, all of one shape, float32 or float64, on one device.
  /// rows[0] <- the sum of all rows of all ranks; what the others hold afterwards is not said.
  virtual void sum(const std::vector<Tensor>& rows) = 0;
  void sum(const Tensor& x) { sum(std::vector<Tensor>{x}); }
  /// Sums x while the caller goes on; nobody touches x before finish(). Started sums run in their order.
  virtual void start_sum(const Tensor& x) { sum(x); }
  /// Back when all started sums are done. Throws what one of them threw.
  virtual void finish() {}
};

/// Sums through host memory. Rows have one order, first all of rank 0, and are added in pairs, then the pairs
/// in pairs, ...: (r0 + r1) + (r2 + r3). So the bits of a sum depend on the rows and their order alone, not
/// on how many ranks hold them, nor on the lane. Each rank adds up one part of the numbers and hands it to
/// all: every number travels twice, as in a ring. start_sum() works on a thread of its own over `behind`.
std::unique_ptr<AllReduce> sums_in_pairs(Lane& lane, Lane& behind);

/// While one lives on this thread, what is computed here is a part of one batch that lies on all ranks: batch
/// norm in training takes mean and variance over the pictures of all of them (synchronised batch norm,
/// forward and backward), and a loss that is a mean over pixels becomes this rank's share of it, so that the
/// shares of all ranks add up to the loss, and their gradients to its gradient.
class OneOfRanks {
 public:
  /// How the mean over pixels, sum of q l / sum of q, is taken:
  ///   kGlobal  both sums over all ranks: the loss that one process would have
  ///   kRank    for each rank, then the mean over ranks (PaddleSeg's trainers)
  enum class Mean { kGlobal, kRank };
  OneOfRanks(AllReduce& sums, Mean mean);
  ~OneOfRanks();
  OneOfRanks(const OneOfRanks&) = delete;
  OneOfRanks& operator=(const OneOfRanks&) = delete;

  /// Null where none lives.
  static const OneOfRanks* active();
  /// How many ranks share the batch; 1 where none lives.
  static int count();
  AllReduce& sums() const { return sums_; }
  /// By what this rank's sum of q l is divided, if its own sum of q is `denominator`.
  double share_denominator(double denominator) const;

 private:
  AllReduce& sums_;
  Mean mean_;
  const OneOfRanks* outer_;
};

/// A ticket for a job over GPUs: rank 0 draws it and hands it to the others by a file, MPI or the like. 128
/// bytes.
std::string new_nccl_ticket();
/// Joins the job as `rank` of `ranks`, each process with a GPU of its own; back when all have joined. Sums
/// run through NCCL, each behind the kernels that were started before it; kernels started after start_sum()
/// run beside the sum, those after sum() and finish() behind it, and the host waits for none. Throws Error if
/// NCCL or a GPU is missing (cuda/vendor/nccl.h).
std::unique_ptr<AllReduce> join_nccl(const std::string& ticket, int rank, int ranks);

}  // namespace clearcut
