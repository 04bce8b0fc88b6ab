// ld and st.
#include <cstring>

#include "cuda/ptxsim/block.h"
#include "cuda/ptxsim/decode.h"
#include "cuda/ptxsim/lanes.h"
#include "cuda/ptxsim/traffic.h"

namespace clearcut::ptxsim {

namespace {

// Addresses of the lanes; counts them as one request.
Lanes addresses_of(Warp& warp, const Instruction& in, const Operand& operand, LaneMask lanes,
                   unsigned bytes) {
  Lanes addresses = {};
  for_lanes(lanes, [&](int l) { addresses[static_cast<std::size_t>(l)] = warp.address(operand, l); });
  const Space space = space_of(in.space, addresses[static_cast<std::size_t>(std::countr_zero(lanes))]);
  if (space == Space::kShared) count_shared(addresses, lanes, bytes, warp.block().site(in).shared);
  if (space == Space::kGlobal) count_global(addresses, lanes, bytes, warp.block().site(in).global);
  return addresses;
}

bool all_written(const Bytes& at, unsigned bytes) {
  return at.written == nullptr || std::memchr(at.written, 0, bytes) == nullptr;
}

void load(Warp& warp, const Instruction& in, LaneMask lanes) {
  const std::vector<Place>& parts = in.operands[0].parts;
  const unsigned each = bytes_of(in.type), all = each * static_cast<unsigned>(parts.size());
  const Lanes addresses = addresses_of(warp, in, in.operands[1], lanes, all);
  MemoryLock lock(warp.block().launch().blocks_in_parallel);
  std::array<Lanes*, 8> d{};
  for (std::size_t i = 0; i < parts.size(); ++i) d[i] = &warp.write(parts[i], lanes, 0);
  for_lanes(lanes, [&](int l) {
    const auto lane = static_cast<std::size_t>(l);
    const Access access{in.space, addresses[lane], all, false, in.strong};
    const Bytes at = warp.block().reach(warp, l, access, lock);
    for (unsigned i = 0; i < parts.size(); ++i) {
      std::uint64_t v = 0;
      std::memcpy(&v, at.data + i * each, each);
      if (is_signed(in.type))
        v = static_cast<std::uint64_t>(sign_extended(v, bits_of(in.type))) &
            low_bits(warp.register_bits(parts[i]));
      (*d[i])[lane] = v;
      if (!all_written({nullptr, at.written == nullptr ? nullptr : at.written + i * each}, each))
        warp.write(parts[i], 1u << l, kAllLanes);
    }
  });
}

// All lanes store one value to one address: the usual "everyone sets the flag" is as one lane's store.
bool same_everywhere(const Lanes& addresses, const Lanes& values, LaneMask lanes) {
  const auto first = static_cast<std::size_t>(std::countr_zero(lanes));
  bool same = true;
  for_lanes(lanes, [&](int l) {
    const auto lane = static_cast<std::size_t>(l);
    same = same && addresses[lane] == addresses[first] && values[lane] == values[first];
  });
  return same;
}

void store(Warp& warp, const Instruction& in, LaneMask lanes) {
  const std::vector<Place>& parts = in.operands[1].parts;
  const unsigned each = bytes_of(in.type), all = each * static_cast<unsigned>(parts.size());
  const Lanes addresses = addresses_of(warp, in, in.operands[0], lanes, all);
  if (parts.size() == 1 && same_everywhere(addresses, warp.read(parts[0]), lanes)) lanes &= ~lanes + 1;
  MemoryLock lock(warp.block().launch().blocks_in_parallel);
  for_lanes(lanes, [&](int l) {
    const auto lane = static_cast<std::size_t>(l);
    const Access access{in.space, addresses[lane], all, true, in.strong};
    const Bytes at = warp.block().reach(warp, l, access, lock);
    const Space space = space_of(in.space, addresses[lane]);
    for (unsigned i = 0; i < parts.size(); ++i) {
      const bool unset = (warp.unset(parts[i]) >> l & 1) != 0;
      if (unset && space == Space::kGlobal)
        warp.fail(l, "the value written depends on memory that nobody wrote");
      std::memcpy(at.data + i * each, &warp.read(parts[i])[lane], each);
      std::memset(at.written + i * each, unset ? 0 : 1, each);
    }
  });
}

// Words that change neither values nor checks: hints to the caches, and scopes.
void skip_hints(Words& words) {
  for (const char* hint :
       {"nc", "ca", "cg", "cs", "cv", "lu", "wb", "wt", "cta", "gpu", "sys", "L1::no_allocate",
        "L1::evict_last", "L1::evict_first", "L2::128B", "L2::64B", "L2::256B"})
    words.take(hint);
}

}  // namespace

bool decode_access(Words& words, Instruction& in, Kernel& kernel) {
  const bool loads = words.name() == "ld";
  in.space = words.take_space().value_or(Space::kGeneric);
  for (const char* strong : {"volatile", "relaxed", "acquire", "release"}) in.strong |= words.take(strong);
  words.take("weak");
  skip_hints(words);
  const std::size_t parts = words.take_one<std::size_t>({{"v2", 2}, {"v4", 4}, {"v8", 8}}).value_or(1);
  in.type = words.take_type();
  if (in.operands.size() != 2 || in.type == Type::kNone || bits_of(in.type) > 64) return false;
  const Operand &value = in.operands[loads ? 0 : 1], &address = in.operands[loads ? 1 : 0];
  if (address.kind != Operand::Kind::kAddress || address.parts.empty() || value.parts.size() != parts)
    return false;
  if (in.space != Space::kParam && in.space != Space::kLocal && in.space != Space::kConst) {
    kernel.narrowest = std::min(kernel.narrowest, bytes_of(in.type) * static_cast<unsigned>(parts));
    in.counted = loads ? Counted::kLoad : Counted::kStore;
  }
  in.run = loads ? load : store;
  return true;
}

}  // namespace clearcut::ptxsim
