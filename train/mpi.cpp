#include "train/mpi.h"

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "tensor/cuda_device.h"
#include "tensor/interrupt.h"
#include "tensor/shared_library.h"

namespace clearcut {

namespace {

// The part of Open MPI's C interface that is used here, declared so that none of its headers is needed. Names
// and numbers are those of its mpi.h; communicators, types and requests are pointers.
struct OpenMpi {
  int (*init)(int* argc, char*** argv, int wanted, int* given);
  int (*finalize)();
  int (*rank)(void* comm, int* rank);
  int (*size)(void* comm, int* size);
  int (*duplicate)(void* comm, void** copy);
  int (*return_errors)(void* comm, void* handler);
  int (*error_text)(int status, char* text, int* length);
  int (*all_to_all)(const void* from, int n, void* type, void* to, int m, void* type2, void* comm,
                    void** request);
  int (*all_gather)(const void* from, int n, void* type, void* to, int m, void* type2, void* comm,
                    void** request);
  int (*test)(void** request, int* done, void* status);
  void *world, *byte, *errors_return;
};
constexpr int kThreadMultiple = 3, kErrorText = 256;

OpenMpi opened() {
  const SharedLibrary library(
      "Open MPI", "libmpi.so.40",
      {.hint = "install openmpi-bin, or start one process without mpirun or srun", .plug_ins = true});
  OpenMpi f{};
  library.find(f.init, "MPI_Init_thread");
  library.find(f.finalize, "MPI_Finalize");
  library.find(f.rank, "MPI_Comm_rank");
  library.find(f.size, "MPI_Comm_size");
  library.find(f.duplicate, "MPI_Comm_dup");
  library.find(f.return_errors, "MPI_Comm_set_errhandler");
  library.find(f.error_text, "MPI_Error_string");
  library.find(f.all_to_all, "MPI_Ialltoall");
  library.find(f.all_gather, "MPI_Iallgather");
  library.find(f.test, "MPI_Test");
  f.world = library.address("ompi_mpi_comm_world");
  f.byte = library.address("ompi_mpi_byte");
  f.errors_return = library.address("ompi_mpi_errors_return");
  return f;
}

void check_mpi(const OpenMpi& mpi, int status, const char* what) {
  if (status == 0) return;
  char text[kErrorText] = "";
  int length = 0;
  mpi.error_text(status, text, &length);
  throw RankLost(cat("MPI: ", what, ": ", text));
}

// Waits shorter than a sum of a few numbers takes are spent in turns with other threads, longer ones asleep.
class Patience {
 public:
  void wait() {
    using std::chrono::microseconds, std::chrono::milliseconds;
    const auto now = std::chrono::steady_clock::now();
    if (now - start_ < milliseconds(2))
      sched_yield();
    else
      std::this_thread::sleep_for(microseconds(100));
    if (!interrupted()) return;
    signalled_ = std::min(signalled_, now);
    if (now - signalled_ > milliseconds(300))
      throw RankLost("MPI: after a signal to stop, other ranks do not answer any more");
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point signalled_ = std::chrono::steady_clock::time_point::max();
};

class MpiLane : public Lane {
 public:
  explicit MpiLane(const OpenMpi& mpi) : mpi_(mpi) {
    check_mpi(mpi_, mpi_.duplicate(mpi_.world, &comm_), "opening a lane");
    mpi_.return_errors(comm_, mpi_.errors_return);
    mpi_.rank(comm_, &rank_);
    mpi_.size(comm_, &ranks_);
  }
  int rank() const override { return rank_; }
  int ranks() const override { return ranks_; }
  void swap(const void* from, void* to, std::size_t bytes) override { run(mpi_.all_to_all, from, to, bytes); }
  void gather(const void* from, void* to, std::size_t bytes) override {
    run(mpi_.all_gather, from, to, bytes);
  }

 private:
  void run(decltype(OpenMpi::all_to_all) start, const void* from, void* to, std::size_t bytes) {
    check(bytes <= std::size_t{1} << 30, "MPI", "a message has at most 1 GiB; got ", bytes, " bytes");
    const int n = static_cast<int>(bytes);
    void* request = nullptr;
    check_mpi(mpi_, start(from, n, mpi_.byte, to, n, mpi_.byte, comm_, &request), "starting a sum");
    int done = 0;
    for (Patience patience; true; patience.wait()) {
      check_mpi(mpi_, mpi_.test(&request, &done, nullptr), "a sum");
      if (done != 0) return;
    }
  }

  const OpenMpi& mpi_;
  void* comm_ = nullptr;
  int rank_ = 0, ranks_ = 0;
};

class JoinedMpi : public MpiJob {
 public:
  JoinedMpi(const OpenMpi& mpi, int local_rank)
      : mpi_(mpi), lane_(mpi), behind_(mpi), local_rank_(local_rank) {}
  Lane& lane() override { return lane_; }
  Lane& behind() override { return behind_; }
  int local_rank() const override { return local_rank_; }
  void leave() override { mpi_.finalize(); }

 private:
  const OpenMpi& mpi_;
  MpiLane lane_, behind_;
  int local_rank_;
};

// Sums of what lies on a GPU go there, all others through the host.
class SumsOfGpus : public AllReduce {
 public:
  SumsOfGpus(std::unique_ptr<AllReduce> host, std::unique_ptr<AllReduce> gpus)
      : host_(std::move(host)), gpus_(std::move(gpus)) {}
  int rank() const override { return host_->rank(); }
  int ranks() const override { return host_->ranks(); }
  void sum(const std::vector<Tensor>& rows) override {
    (!rows.empty() && rows[0].device() == Device::kCuda ? *gpus_ : *host_).sum(rows);
  }
  void start_sum(const Tensor& x) override { (x.device() == Device::kCuda ? *gpus_ : *host_).start_sum(x); }
  void finish() override {
    host_->finish();
    gpus_->finish();
  }

 private:
  std::unique_ptr<AllReduce> host_, gpus_;
};

int number_in(const Environment& environment, std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (const char* text = environment(name)) return std::atoi(text);
  return 0;
}

}  // namespace

std::unique_ptr<MpiJob> join_mpi(const Environment& environment) {
  const auto launched = launched_ranks(environment);
  if (!launched || launched->count == 1) return nullptr;
  static const OpenMpi mpi = opened();
  int given = 0, ranks = 0;
  check_mpi(mpi, mpi.init(nullptr, nullptr, kThreadMultiple, &given), "joining");
  mpi.size(mpi.world, &ranks);
  check(ranks == launched->count, "MPI", "the launcher started ", launched->count,
        " processes, Open MPI sees ", ranks, "; under Slurm start them with mpirun, or with srun --mpi=pmix");
  check(given == kThreadMultiple, "MPI",
        "this Open MPI was built without MPI_THREAD_MULTIPLE, which sums beside "
        "the backward pass need");
  return std::make_unique<JoinedMpi>(mpi,
                                     number_in(environment, {"OMPI_COMM_WORLD_LOCAL_RANK", "SLURM_LOCALID"}));
}

std::unique_ptr<AllReduce> sums_of(MpiJob& job, Device device) {
  auto host = sums_in_pairs(job.lane(), job.behind());
  if (device != Device::kCuda || cuda_is_emulated()) return host;
  const std::string ticket = gather(job.lane(), job.lane().rank() == 0 ? new_nccl_ticket() : "")[0];
  return std::make_unique<SumsOfGpus>(std::move(host),
                                      join_nccl(ticket, job.lane().rank(), job.lane().ranks()));
}

}  // namespace clearcut
