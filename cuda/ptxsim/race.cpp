#include "cuda/ptxsim/race.h"

#include "tensor/error.h"

namespace clearcut::ptxsim {

void RaceLog::prepare(std::size_t bytes, unsigned granule) {
  const std::size_t count = (bytes + granule - 1) / granule;
  if (granule == granule_ && granules_.size() == count) return;
  granule_ = granule;
  granules_.assign(count, {});
}

bool RaceLog::ordered(const Seen& before, const Who& now) {
  if (before.run != now.run) return true;
  if (before.many_blocks || before.block != now.block) return false;
  if (before.barrier != now.barrier) return true;
  if (!before.many_threads && before.thread == now.thread) return true;
  return !before.many_warps && before.thread / 32 == now.thread / 32 && before.warp_sync < now.warp_sync;
}

void RaceLog::add_reader(Seen& reads, const Who& who, bool atomic) {
  Seen merged;
  static_cast<Who&>(merged) = who;
  merged.atomic = atomic;
  if (reads.run == who.run) {
    merged.many_blocks = reads.many_blocks || reads.block != who.block;
    if (reads.block == who.block && reads.barrier == who.barrier) {
      merged.many_threads = reads.many_threads || reads.thread != who.thread;
      merged.many_warps = reads.many_warps || reads.thread / 32 != who.thread / 32;
      merged.atomic = atomic && reads.atomic;
    }
  }
  reads = merged;
}

std::string RaceLog::text(const char* what, const Seen& seen, const Who& now) {
  if (seen.many_threads || seen.many_blocks)
    return cat(what, " of several threads", seen.many_blocks ? " of several blocks" : "");
  return cat(what, " of thread ", seen.thread,
             seen.block == now.block ? "" : cat(" of block number ", seen.block));
}

std::string RaceLog::note(const Who& who, std::size_t offset, unsigned bytes, bool write, bool atomic) {
  for (std::size_t i = offset / granule_; i <= (offset + bytes - 1) / granule_; ++i) {
    Granule& g = granules_[i];
    if (!(atomic && g.write.atomic) && !ordered(g.write, who)) return text("a write", g.write, who);
    if (write && !(atomic && g.read.atomic) && !ordered(g.read, who)) return text("a read", g.read, who);
    if (write) {
      static_cast<Who&>(g.write) = who;
      g.write.atomic = atomic;
    } else {
      add_reader(g.read, who, atomic);
    }
  }
  return "";
}

}  // namespace clearcut::ptxsim
