// atom and red.
#include <algorithm>
#include <cstring>

#include "cuda/ptxsim/block.h"
#include "cuda/ptxsim/decode.h"
#include "cuda/ptxsim/lanes.h"
#include "cuda/ptxsim/traffic.h"

namespace clearcut::ptxsim {

namespace {

enum Operation : int {
  kAdd,
  kMin,
  kMax,
  kAnd,
  kOr,
  kXor,
  kExchange,
  kCompareAndSwap,
  kIncrement,
  kDecrement
};

template <class T>
T combined(int operation, T old, T with, T other) {
  if constexpr (std::is_integral_v<T>) {
    switch (operation) {
      case kAdd:
        return static_cast<T>(static_cast<std::uint64_t>(old) + static_cast<std::uint64_t>(with));
      case kMin:
        return std::min(old, with);
      case kMax:
        return std::max(old, with);
      case kAnd:
        return static_cast<T>(old & with);
      case kOr:
        return static_cast<T>(old | with);
      case kXor:
        return static_cast<T>(old ^ with);
      case kCompareAndSwap:
        return old == with ? other : old;
      case kIncrement:
        return old >= with ? T(0) : static_cast<T>(old + 1);
      case kDecrement:
        return old == 0 || old > with ? with : static_cast<T>(old - 1);
      default:
        return with;
    }
  } else {
    return operation == kAdd ? old + with : with;
  }
}

// Lanes one after another, from the lowest on; the order is not defined on a GPU.
template <class T>
void atomic(Warp& warp, const Instruction& in, LaneMask lanes) {
  const bool returns = in.d != kNoPlace;
  const Operand& address = in.operands[returns ? 1 : 0];
  Lanes addresses = {};
  for_lanes(lanes, [&](int l) { addresses[static_cast<std::size_t>(l)] = warp.address(address, l); });
  const Space space = space_of(in.space, addresses[static_cast<std::size_t>(std::countr_zero(lanes))]);
  Site& site = warp.block().site(in);
  if (space == Space::kGlobal) count_global(addresses, lanes, sizeof(T), site.global);
  if (space == Space::kShared) count_shared(addresses, lanes, sizeof(T), site.shared);
  MemoryLock lock(warp.block().launch().blocks_in_parallel);
  const LaneMask unset = warp.unset(in.s[0]) | warp.unset(in.s[1]);
  for_lanes(lanes, [&](int l) {
    const auto lane = static_cast<std::size_t>(l);
    if ((unset >> l & 1) != 0)
      warp.fail(l, "the value of an atomic access depends on memory that nobody wrote");
    const Bytes at = warp.block().reach(warp, l, {in.space, addresses[lane], sizeof(T), true, true}, lock);
    if (in.variant != kExchange && std::memchr(at.written, 0, sizeof(T)) != nullptr)
      warp.fail(l, "an atomic access to memory that nobody wrote");
    T old;
    std::memcpy(&old, at.data, sizeof(T));
    const T with = from_bits<T>(warp.read(in.s[0])[lane]), other = from_bits<T>(warp.read(in.s[1])[lane]);
    const T fresh = combined(in.variant, old, with, other);
    std::memcpy(at.data, &fresh, sizeof(T));
    std::memset(at.written, 1, sizeof(T));
    if (returns) warp.write(in.d, 1u << l, 0)[lane] = to_bits(old);
  });
}

Handler handler_of(Type type, int operation) {
  if (is_float(type) && operation != kAdd && operation != kExchange) return nullptr;
  if (type == Type::kF32) return atomic<float>;
  if (type == Type::kF64) return atomic<double>;
  return for_integers(type, []<class T>() -> Handler { return atomic<T>; });
}

}  // namespace

bool decode_atomic(Words& words, Instruction& in, Kernel&) {
  const bool returns = words.name() == "atom";
  in.space = words.take_space().value_or(Space::kGeneric);
  for (const char* order : {"relaxed", "acquire", "release", "acq_rel", "cta", "gpu", "sys"})
    words.take(order);
  const std::optional<int> operation = words.take_one<int>({{"add", kAdd},
                                                            {"min", kMin},
                                                            {"max", kMax},
                                                            {"and", kAnd},
                                                            {"or", kOr},
                                                            {"xor", kXor},
                                                            {"exch", kExchange},
                                                            {"cas", kCompareAndSwap},
                                                            {"inc", kIncrement},
                                                            {"dec", kDecrement}});
  if (!operation) return false;
  in.variant = *operation;
  in.run = handler_of(words.take_type(), in.variant);
  in.counted = Counted::kAtomic;
  const std::size_t first = returns ? 1 : 0, sources = in.variant == kCompareAndSwap ? 2 : 1;
  if (in.run == nullptr || in.operands.size() != first + 1 + sources) return false;
  if (returns) in.d = in.operands[0].place();
  in.s[0] = in.s[1] = in.operands[first + 1].place();
  if (sources == 2) in.s[1] = in.operands[first + 2].place();
  return in.operands[first].kind == Operand::Kind::kAddress;
}

}  // namespace clearcut::ptxsim
