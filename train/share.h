// Parts of a job, and which one this process is to do.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace clearcut {

/// Part `index` of `count` of a job: item i belongs to it if i % count == index.
struct Share {
  std::int64_t index = 0, count = 1;
};

/// The value of an environment variable; nullptr if it is not set. std::getenv, or a table in tests.
using Environment = std::function<const char*(const char* name)>;

/// "i/n", or "auto": whatever started several processes says which of them this is.
///
///   Slurm array (sbatch --array)   SLURM_ARRAY_TASK_ID, _MIN, _MAX, _STEP, _COUNT; several processes that
///                                  srun or mpirun start in one element are parts of it
///   Open MPI, and MPICH's kin      OMPI_COMM_WORLD_RANK and _SIZE; PMI_RANK and PMI_SIZE; PMIX_RANK with one
///                                  of the sizes around it
///   srun                           SLURM_PROCID, SLURM_STEP_NUM_TASKS; only within a step, because a batch
///                                  script has the first of them too
///   GNU parallel                   PARALLEL_SEQ counts jobs, not parts: write --shard {}/n there
///   others                         RANK and WORLD_SIZE
///
/// The first of these that is there counts. Throws ConfigError: words of another form, an index outside
/// 0 .. n - 1, a rank without a size, an array with gaps, none of the variables.
Share parse_share(const std::string& text, const Environment& environment);

/// The processes that one launcher started together with this one, by the same variables without arrays:
/// ranks of MPI and of srun. Nothing if none of them is set. Throws ConfigError as parse_share().
std::optional<Share> launched_ranks(const Environment& environment);

}  // namespace clearcut
