#include "cuda/vendor/nccl.h"

#include <cstring>

#include "cuda/vendor/library.h"
#include "tensor/collective.h"

namespace clearcut {

namespace cuda {

namespace {

const Nccl* replacement = nullptr;

Nccl opened() {
  const SharedLibrary library("NCCL", "libnccl.so.2");
  Nccl f{};
  library.find(f.version, "ncclGetVersion");
  library.find(f.error_text, "ncclGetErrorString");
  library.find(f.last_error, "ncclGetLastError");
  library.find(f.draw_ticket, "ncclGetUniqueId");
  library.find(f.join, "ncclCommInitRank");
  library.find(f.leave, "ncclCommDestroy");
  library.find(f.all_reduce, "ncclAllReduce");
  f.place = library.place();
  return f;
}

void check_nccl(int status, const std::string& what, void* communicator = nullptr) {
  if (status == 0) return;
  const char* more = nccl_library().last_error(communicator);
  fail("NCCL", what, ": ", nccl_library().error_text(status),
       more != nullptr && *more != '\0' ? cat(" (", more, ")") : "");
}

class NcclRanks : public AllReduce {
 public:
  NcclRanks(const nccl::Ticket& ticket, int rank, int ranks) : rank_(rank), ranks_(ranks) {
    check_nccl(nccl_library().join(&communicator_, ranks, ticket, rank),
               cat("joining as rank ", rank, " of ", ranks));
  }
  ~NcclRanks() override { nccl_library().leave(communicator_); }

  int rank() const override { return rank_; }
  int ranks() const override { return ranks_; }
  void sum(const Tensor& x) override {
    check(x.defined() && x.device() == Device::kCuda && x.dtype() == DType::kFloat32, "NCCL",
          "sums float32 tensors on cuda; got ", x.defined() ? cat(x.dtype(), " on ", x.device()) : "none");
    if (x.numel() == 0) return;
    float* const values = x.data<float>();
    check_nccl(nccl_library().all_reduce(values, values, static_cast<std::size_t>(x.numel()), nccl::kFloat32,
                                         nccl::kSum, communicator_, nullptr),
               cat("a sum over ", ranks_, " ranks"), communicator_);
    x.written_by("all_reduce");
  }

 private:
  int rank_, ranks_;
  void* communicator_ = nullptr;
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
