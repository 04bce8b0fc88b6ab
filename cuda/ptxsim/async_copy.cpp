// cp.async: copies from global to shared memory that go on while the thread does other work. Their bytes
// arrive when the thread waits; from the start until then what they will overwrite counts as not written.
#include <cstring>

#include "cuda/ptxsim/block.h"
#include "cuda/ptxsim/decode.h"
#include "cuda/ptxsim/lanes.h"
#include "cuda/ptxsim/traffic.h"
#include "tensor/error.h"

namespace clearcut::ptxsim {

namespace {

// The lane's value of an operand that must not depend on unwritten memory.
std::uint64_t plain_value(const Warp& warp, Place place, int l) {
  if ((warp.unset(place) >> l & 1) != 0)
    warp.fail(l, "the size of a copy depends on memory that nobody wrote");
  return warp.read(place)[static_cast<std::size_t>(l)];
}

// variant: bytes of a copy. s[1] is the number of them that are read, if it is given.
void start(Warp& warp, const Instruction& in, LaneMask lanes) {
  const auto bytes = static_cast<unsigned>(in.variant);
  Lanes to = {}, from = {};
  LaneMask reading = 0;
  MemoryLock lock(warp.block().launch().blocks_in_parallel);
  for_lanes(lanes, [&](int l) {
    const auto lane = static_cast<std::size_t>(l);
    to[lane] = warp.address(in.operands[0], l);
    from[lane] = warp.address(in.operands[1], l);
    const std::uint64_t valid = in.s[1] == kNoPlace ? bytes : plain_value(warp, in.s[1], l);
    if (valid > bytes) warp.fail(l, cat("a copy of ", bytes, " bytes that reads ", valid));
    warp.block().check_alignment(warp, l, {Space::kGlobal, from[lane], bytes, false, false});
    const Bytes at = warp.block().reach(warp, l, {Space::kShared, to[lane], bytes, true, false}, lock);
    std::memset(at.written, 0, bytes);
    warp.copies[lane].push_back(
        {to[lane], from[lane], bytes, static_cast<unsigned>(valid), warp.copy_groups[lane], &in});
    if (valid > 0) reading |= 1u << l;
  });
  Site& site = warp.block().site(in);
  if (reading != 0) count_global(from, reading, bytes, site.global);
  count_shared(to, lanes, bytes, site.shared);
}

void arrive(Warp& warp, int lane, const AsyncCopy& copy) {
  MemoryLock lock(warp.block().launch().blocks_in_parallel);
  Block& block = warp.block();
  std::array<std::byte, 16> data = {};
  std::array<std::uint8_t, 16> written;
  written.fill(1);
  // The bytes that are read need not be a power of two, but 4 of them at a time are always aligned.
  for (unsigned i = 0; i < copy.valid; i += copy.valid % 4 == 0 ? 4 : 1) {
    const unsigned each = copy.valid % 4 == 0 ? 4 : 1;
    const Bytes from = block.reach(warp, lane, {Space::kGlobal, copy.from + i, each, false, false}, lock);
    std::memcpy(&data[i], from.data, each);
    std::memcpy(&written[i], from.written, each);
  }
  const Bytes to = block.reach(warp, lane, {Space::kShared, copy.to, copy.bytes, true, false}, lock);
  std::memcpy(to.data, data.data(), copy.bytes);
  std::memcpy(to.written, written.data(), copy.bytes);
}

// All groups but the latest s[0] arrive; without an operand everything, open or not.
void wait(Warp& warp, const Instruction& in, LaneMask lanes) {
  for_lanes(lanes, [&](int l) {
    const auto lane = static_cast<std::size_t>(l);
    auto& copies = warp.copies[lane];
    const unsigned groups = warp.copy_groups[lane];
    const std::uint64_t left = in.operands.empty() ? 0 : plain_value(warp, in.s[0], l);
    while (!copies.empty() && (in.operands.empty() || copies.front().group + left < groups)) {
      const AsyncCopy copy = copies.front();
      copies.pop_front();
      warp.at(*copy.at, [&] { arrive(warp, l, copy); });
    }
  });
}

void commit(Warp& warp, const Instruction&, LaneMask lanes) {
  for_lanes(lanes, [&](int l) { ++warp.copy_groups[static_cast<std::size_t>(l)]; });
}

bool decode_copy(Words& words, Instruction& in, const Kernel& kernel) {
  const bool cached = words.take("ca");
  if (!cached && !words.take("cg")) return false;
  for (const char* hint : {"L2::64B", "L2::128B", "L2::256B"}) words.take(hint);
  if (!words.take("shared") && !words.take("shared::cta")) return false;
  const std::size_t count = in.operands.size();
  if (!words.take("global") || (count != 3 && count != 4) || in.operands[2].place() >= 0) return false;
  const std::uint64_t bytes = kernel.constants[static_cast<std::size_t>(~in.operands[2].place())][0];
  if (bytes != 16 && !(cached && (bytes == 4 || bytes == 8))) return false;
  in.variant = static_cast<int>(bytes);
  in.s[1] = count == 4 ? in.operands[3].place() : kNoPlace;
  in.run = start;
  in.counted = Counted::kLoad;
  return true;
}

}  // namespace

bool decode_async_copy(Words& words, Instruction& in, Kernel& kernel) {
  if (!words.take("async")) return false;
  if (words.take("commit_group")) {
    in.run = commit;
    return in.operands.empty();
  }
  if (words.take("wait_all")) {
    in.run = wait;
    return in.operands.empty();
  }
  if (words.take("wait_group")) {
    in.run = wait;
    if (in.operands.size() != 1) return false;
    in.s[0] = in.operands[0].place();
    return true;
  }
  return decode_copy(words, in, kernel);
}

}  // namespace clearcut::ptxsim
