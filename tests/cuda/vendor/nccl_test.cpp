// Sums over GPUs through NCCL, with a stand-in whose other ranks all have this rank's numbers.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <vector>

#include "autograd/arithmetic.h"
#include "autograd/reduce.h"
#include "cuda/emulator/stream.h"
#include "cuda/vendor/nccl.h"
#include "nn/module.h"
#include "tensor/collective.h"
#include "tensor/cuda_device.h"
#include "tensor/ops/arithmetic.h"
#include "tests/cuda/device.h"
#include "tests/errors.h"
#include "train/gradient_buckets.h"

namespace clearcut {
namespace {

struct Job {
  int ranks = 0, rank = -1, left = 0, sums = 0, sums_when_left = 0;
  std::string ticket;
  bool peer_gone = false;
};
Job* job = nullptr;

int all_reduce(const void* from, void* to, std::size_t n, int type, int operation, void* communicator,
               void* stream) {
  if (type != 7 || operation != 0 || stream == nullptr) return 4;  // ncclFloat32, ncclSum
  Job& work = *static_cast<Job*>(communicator);
  if (work.peer_gone) return 6;
  emulator::enqueue(static_cast<cudaStream_t>(stream), [from, to, n, &work] {
    for (std::size_t i = 0; i < n; ++i)
      static_cast<float*>(to)[i] = static_cast<const float*>(from)[i] * static_cast<float>(work.ranks);
    ++work.sums;
  });
  return 0;
}

int all_gather(const void* from, void* to, std::size_t n, int type, void* communicator, void* stream) {
  const std::size_t bytes = n * (type == 7 ? 4 : 8);
  const auto ranks = static_cast<std::size_t>(static_cast<Job*>(communicator)->ranks);
  emulator::enqueue(static_cast<cudaStream_t>(stream), [=] {
    for (std::size_t r = 0; r < ranks; ++r) std::memcpy(static_cast<char*>(to) + r * bytes, from, bytes);
  });
  return 0;
}

const cuda::Nccl& stand_in() {
  static const cuda::Nccl functions = {
      .version =
          [](int* number) {
            *number = 22809;
            return 0;
          },
      .error_text = [](int status) { return status == 6 ? "remote process exited" : "invalid argument"; },
      .last_error = [](void* communicator) { return communicator == nullptr ? "" : "rank 1 is gone"; },
      .draw_ticket =
          [](cuda::nccl::Ticket* ticket) {
            std::fill_n(ticket->bytes, sizeof ticket->bytes, 'x');
            return 0;
          },
      .join =
          [](void** communicator, int ranks, cuda::nccl::Ticket ticket, int rank) {
            if (ranks == 7) return 4;
            *job = {.ranks = ranks, .rank = rank, .ticket = {ticket.bytes, sizeof ticket.bytes}};
            *communicator = job;
            return 0;
          },
      .leave =
          [](void* communicator) {
            Job& work = *static_cast<Job*>(communicator);
            work.sums_when_left = work.sums;
            ++work.left;
            return 0;
          },
      .all_reduce = all_reduce,
      .all_gather = all_gather,
      .place = "a stand-in"};
  return functions;
}

class VendorNccl : public testing::Test {
 protected:
  VendorNccl() {
    job = &job_;
    cuda::replace_nccl(&stand_in());
  }
  ~VendorNccl() override { cuda::replace_nccl(nullptr); }
  Job job_;
};

TEST_F(VendorNccl, SumsOverAllRanks) {
  const std::string ticket = new_nccl_ticket();
  EXPECT_EQ(ticket, std::string(128, 'x'));
  {
    const auto ranks = join_nccl(ticket, 2, 3);
    EXPECT_EQ(ranks->rank(), 2);
    EXPECT_EQ(ranks->ranks(), 3);
    EXPECT_EQ(job_.ticket, ticket);
    EXPECT_EQ(job_.rank, 2);
    const Tensor x = Tensor::from<float>({2, 2}, {1, 2, -3, 0.5}).to(Device::kCuda);
    ranks->sum(x);
    EXPECT_EQ(x.values<float>(), (std::vector<float>{3, 6, -9, 1.5}));
    ranks->sum(Tensor::zeros({0}, DType::kFloat32, Device::kCuda));
  }
  EXPECT_EQ(job_.left, 1);
}

// Three ranks with the rows 2^24 and 1: ((2^24 + 1) + (2^24 + 1)) + (2^24 + 1), each bracket rounded to even.
// Blocks that go back to the device at once wait for all streams, the sums' first; those that stay idle for
// none.
TEST_F(VendorNccl, SeveralRowsOfEachRankAreAddedInPairs) {
  const test::WithSettings lazy({.lazy = true});
  for (const std::size_t idle : {0U, 1U << 20}) {
    set_idle_cuda_memory_cap(idle);
    const auto ranks = join_nccl(new_nccl_ticket(), 0, 3);
    const Tensor a = Tensor::full({2}, 16777216).to(Device::kCuda),
                 b = Tensor::full({2}, 1).to(Device::kCuda);
    ranks->sum({a, b});
    EXPECT_EQ(a.values<float>(), std::vector<float>(2, 3 * 16777216.0F)) << idle;
    const Tensor c = Tensor::full({2}, 16777216, DType::kFloat64).to(Device::kCuda);
    ranks->sum({c, b.to(DType::kFloat64)});
    EXPECT_EQ(c.values<double>(), std::vector<double>(2, 3 * 16777217.0)) << idle;
  }
  set_idle_cuda_memory_cap(0);
}

// Streams do nothing before something waits for them: a kernel and a copy behind a started sum do not.
TEST_F(VendorNccl, KernelsRunBesideStartedSumsAndBehindFinish) {
  const test::WithSettings lazy({.lazy = true});
  const auto ranks = join_nccl(new_nccl_ticket(), 0, 3);
  const Tensor x = Tensor::full({2}, 1).to(Device::kCuda), y = Tensor::full({2}, 5).to(Device::kCuda);
  ops::add_in_place(x, y);  // 6, which the sum must see
  ranks->start_sum(x);
  ops::add_in_place(y, y);
  EXPECT_EQ(y.values<float>(), std::vector<float>(2, 10));
  EXPECT_EQ(job_.sums, 0);
  ranks->finish();
  ops::add_in_place(x, y);
  EXPECT_EQ(x.values<float>(), std::vector<float>(2, 28));
  EXPECT_EQ(job_.sums, 1);
  ranks->sum(x);  // waits by itself
  EXPECT_EQ(x.values<float>(), std::vector<float>(2, 84));
}

// cudaDeviceSynchronize() runs the youngest stream first, which is that of the sums.
TEST_F(VendorNccl, ASumWaitsForTheKernelsThatMadeItsNumbers) {
  const test::WithSettings lazy({.lazy = true});
  const auto ranks = join_nccl(new_nccl_ticket(), 0, 3);
  const Tensor x = Tensor::full({2}, 1).to(Device::kCuda), y = Tensor::full({2}, 5).to(Device::kCuda);
  ops::add_in_place(x, y);
  ranks->start_sum(x);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  EXPECT_EQ(x.values<float>(), std::vector<float>(2, 18));
}

TEST_F(VendorNccl, StartedSumsEndBeforeTheJobIsLeft) {
  const test::WithSettings lazy({.lazy = true});
  const Tensor x = Tensor::full({2}, 1).to(Device::kCuda);
  join_nccl(new_nccl_ticket(), 0, 2)->start_sum(x);
  EXPECT_EQ(job_.left, 1);
  EXPECT_EQ(job_.sums_when_left, 1);
}

// A bucket of each gradient: its sum sees the gradient, and who reads it sees the sum.
TEST_F(VendorNccl, BucketsWaitForGradientsAndReadersForSums) {
  const test::WithSettings lazy({.lazy = true});
  const auto ranks = join_nccl(new_nccl_ticket(), 0, 2);
  Registry root(1, Device::kCuda);
  std::vector<std::unique_ptr<Param>> w;
  for (int k = 0; k < 3; ++k)
    w.push_back(std::make_unique<Param>(root.scope() / k, Tensor::full({2}, k + 2)));
  Var y(Tensor::full({2}, 1).to(Device::kCuda));
  for (const auto& each : w) y = y * each->var();
  GradientBuckets(root, *ranks, 8).backward(sum(y));
  EXPECT_EQ(w[0]->var().grad().values<float>(), std::vector<float>(2, 2 * 12));
  EXPECT_EQ(w[1]->var().grad().values<float>(), std::vector<float>(2, 2 * 8));
  EXPECT_EQ(w[2]->var().grad().values<float>(), std::vector<float>(2, 2 * 6));
  EXPECT_EQ(job_.sums, 3);
}

TEST_F(VendorNccl, ErrorsNameRanksAndWhatTheLibrarySaid) {
  expect_error([] { join_nccl("short", 0, 1); }, "NCCL: a ticket has 128 bytes; got 5");
  expect_error([] { join_nccl(new_nccl_ticket(), 3, 3); }, "NCCL: the rank must lie in [0, 3); got 3");
  expect_error([] { join_nccl(new_nccl_ticket(), 0, 7); }, "NCCL: joining as rank 0 of 7: invalid argument");
  const auto ranks = join_nccl(new_nccl_ticket(), 0, 2);
  const Tensor x = Tensor::zeros({2});
  expect_error([&] { ranks->sum(x); },
               "NCCL: sums float32 and float64 tensors of one shape on cuda; got [2] float32 on cpu");
  job_.peer_gone = true;
  expect_error([&] { ranks->sum(x.to(Device::kCuda)); },
               "NCCL: a sum over 2 ranks: remote process exited (rank 1 is gone)");
}

}  // namespace
}  // namespace clearcut
