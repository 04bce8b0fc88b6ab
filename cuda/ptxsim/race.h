// Which accesses to memory no barrier orders.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace clearcut::ptxsim {

/// Who touches memory, and when.
struct Who {
  std::uint32_t run = 0;        // number of the launch; for shared memory, of the block's run
  std::uint32_t block = 0;      // in its grid
  std::uint32_t barrier = 0;    // barriers that the block has passed
  std::uint32_t warp_sync = 0;  // __syncwarps that the warp has passed
  std::uint16_t thread = 0;     // in its block
};

/// The last write of each granule of memory, and its reads since, of one run. Two accesses, one of them a
/// write, collide unless a thread makes both, a barrier of their block or warp lies between, or both are
/// atomic.
class RaceLog {
 public:
  /// For `bytes` of memory, `granule` bytes of it an entry; forgets nothing if it has that form already.
  void prepare(std::size_t bytes, unsigned granule);
  /// Notes the access. "" or what it collides with: "a write of thread 3".
  std::string note(const Who& who, std::size_t offset, unsigned bytes, bool write, bool atomic);

 private:
  struct Seen : Who {
    bool atomic = false, many_threads = false, many_warps = false, many_blocks = false;
  };
  struct Granule {
    Seen write, read;
  };
  static bool ordered(const Seen& before, const Who& now);
  static void add_reader(Seen& reads, const Who& who, bool atomic);
  static std::string text(const char* what, const Seen& seen, const Who& now);

  std::vector<Granule> granules_;
  unsigned granule_ = 4;
};

}  // namespace clearcut::ptxsim
