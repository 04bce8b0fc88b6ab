#include "cuda/vendor/nccl.h"

#include <cstring>

#include "cuda/side_stream.h"
#include "cuda/vendor/library.h"
#include "tensor/collective.h"
#include "tensor/ops/arithmetic.h"

namespace clearcut {

namespace cuda {

namespace {

const Nccl* replacement = nullptr;

Nccl opened() {
  const SharedLibrary library = open_library("NCCL", "libnccl.so.2");
  Nccl f{};
  library.find(f.version, "ncclGetVersion");
  library.find(f.error_text, "ncclGetErrorString");
  library.find(f.last_error, "ncclGetLastError");
  library.find(f.draw_ticket, "ncclGetUniqueId");
  library.find(f.join, "ncclCommInitRank");
  library.find(f.leave, "ncclCommDestroy");
  library.find(f.all_reduce, "ncclAllReduce");
  library.find(f.all_gather, "ncclAllGather");
  f.place = library.place();
  return f;
}

void check_nccl(int status, const std::string& what, void* communicator = nullptr) {
  if (status == 0) return;
  const char* more = nccl_library().last_error(communicator);
  fail("NCCL", what, ": ", nccl_library().error_text(status),
       more != nullptr && *more != '\0' ? cat(" (", more, ")") : "");
}

// All sums run on one stream beside the kernels, in the order in which they are asked for, which is the same
// on all ranks: of two streams one rank's GPU could begin with the one and another's with the other, and both
// wait.
class NcclRanks : public AllReduce {
 public:
  NcclRanks(const nccl::Ticket& ticket, int rank, int ranks) : rank_(rank), ranks_(ranks) {
    check_nccl(nccl_library().join(&communicator_.handle, ranks, ticket, rank),
               cat("joining as rank ", rank, " of ", ranks));
  }

  int rank() const override { return rank_; }
  int ranks() const override { return ranks_; }
  void sum(const std::vector<Tensor>& rows) override {
    if (!has_numbers(rows)) return;
    if (rows.size() == 1)
      all_reduce(rows[0]);
    else
      add_in_pairs(rows);
    finish();
  }
  void start_sum(const Tensor& x) override {
    if (has_numbers({x})) all_reduce(x);
  }
  void finish() override { beside_.let_kernels_wait(); }

 private:
  struct Communicator {
    ~Communicator() {
      if (handle != nullptr) nccl_library().leave(handle);
    }
    void* handle = nullptr;
  };

  static bool has_numbers(const std::vector<Tensor>& rows) {
    check(!rows.empty(), "NCCL", "there is nothing to add: no rows");
    for (const Tensor& x : rows)
      check(x.device() == Device::kCuda && x.shape() == rows[0].shape() && x.dtype() == rows[0].dtype() &&
                (x.dtype() == DType::kFloat32 || x.dtype() == DType::kFloat64),
            "NCCL", "sums float32 and float64 tensors of one shape on cuda; got ", x.shape(), " ", x.dtype(),
            " on ", x.device());
    return rows[0].numel() > 0;
  }
  static int type(const Tensor& x) { return x.dtype() == DType::kFloat64 ? nccl::kFloat64 : nccl::kFloat32; }
  static void* address(const Tensor& x) {
    return x.dtype() == DType::kFloat64 ? static_cast<void*>(x.data<double>()) : x.data<float>();
  }

  void all_reduce(const Tensor& x) {
    beside_.wait_for_kernels();
    check_nccl(nccl_library().all_reduce(address(x), address(x), static_cast<std::size_t>(x.numel()), type(x),
                                         nccl::kSum, communicator_.handle, beside_.handle()),
               cat("a sum over ", ranks_, " ranks"), communicator_.handle);
    x.written_by("all_reduce");
  }

  // The order of sums_in_pairs(): every rank adds up the rows of all.
  void add_in_pairs(const std::vector<Tensor>& rows) {
    const auto mine = static_cast<std::int64_t>(rows.size()), count = mine * ranks_;
    const Tensor given({mine, rows[0].numel()}, rows[0].dtype(), Device::kCuda);
    const Tensor all({count, rows[0].numel()}, rows[0].dtype(), Device::kCuda);
    for (std::int64_t k = 0; k < mine; ++k)
      given[k].copy_from(rows[static_cast<std::size_t>(k)].reshape({-1}), "all_reduce");
    beside_.wait_for_kernels();
    check_nccl(
        nccl_library().all_gather(address(given), address(all), static_cast<std::size_t>(given.numel()),
                                  type(all), communicator_.handle, beside_.handle()),
        cat("rows of ", ranks_, " ranks"), communicator_.handle);
    beside_.let_kernels_wait();
    for (std::int64_t width = 1; width < count; width *= 2)
      for (std::int64_t r = 0; r + width < count; r += 2 * width) ops::add_in_place(all[r], all[r + width]);
    rows[0].copy_from(all[0].reshape(rows[0].shape()), "all_reduce");
  }

  int rank_, ranks_;
  Communicator communicator_;
  SideStream beside_;  // ends first: a communicator may go when its sums are done
};

}  // namespace

const Nccl& nccl_library() {
  if (replacement != nullptr) return *replacement;
  static const Nccl functions = opened();
  return functions;
}

void replace_nccl(const Nccl* functions) { replacement = functions; }

}  // namespace cuda

std::string new_nccl_ticket() {
  cuda::nccl::Ticket ticket{};
  cuda::check_nccl(cuda::nccl_library().draw_ticket(&ticket), "a ticket for a job");
  return {ticket.bytes, sizeof ticket.bytes};
}

std::unique_ptr<AllReduce> join_nccl(const std::string& ticket, int rank, int ranks) {
  cuda::nccl::Ticket bytes{};
  check(ticket.size() == sizeof bytes.bytes, "NCCL", "a ticket has ", sizeof bytes.bytes, " bytes; got ",
        ticket.size());
  check(0 <= rank && rank < ranks, "NCCL", "the rank must lie in [0, ", ranks, "); got ", rank);
  std::memcpy(bytes.bytes, ticket.data(), ticket.size());
  return std::make_unique<cuda::NcclRanks>(bytes, rank, ranks);
}

}  // namespace clearcut
