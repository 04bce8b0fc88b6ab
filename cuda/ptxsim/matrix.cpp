// ldmatrix and mma.sync, in the layouts of the PTX ISA ("Warp level matrix instructions"); the whole warp
// takes part.
#include <cstring>

#include "cuda/ptxsim/block.h"
#include "cuda/ptxsim/decode.h"
#include "cuda/ptxsim/lanes.h"
#include "cuda/ptxsim/traffic.h"
#include "tensor/error.h"

namespace clearcut::ptxsim {

namespace {

void need_whole_warp(const Warp& warp, const Instruction& in, LaneMask lanes) {
  if (lanes != kAllLanes)
    warp.fail(std::countr_zero(lanes),
              cat(in.opcode, " needs the whole warp; only lanes 0x", std::hex, lanes, " exist"));
}

// An 8 x 8 matrix of 16-bit values, and which of them nobody wrote.
struct Tile {
  std::uint16_t v[8][8];
  bool unset[8][8];
};

// Row i of matrix j stands where lane 8 j + i says.
Tile read_tile(Warp& warp, const Instruction& in, const Lanes& addresses, int matrix) {
  Tile tile;
  MemoryLock lock(false);
  for (int row = 0; row < 8; ++row) {
    const int lane = 8 * matrix + row;
    const Access access{in.space, addresses[static_cast<std::size_t>(lane)], 16, false, false};
    if (space_of(in.space, access.address) != Space::kShared)
      warp.fail(lane, "ldmatrix from memory that is not shared");
    const Bytes at = warp.block().reach(warp, lane, access, lock);
    std::memcpy(tile.v[row], at.data, 16);
    for (int i = 0; i < 8; ++i) tile.unset[row][i] = at.written[2 * i] == 0 || at.written[2 * i + 1] == 0;
  }
  return tile;
}

void ldmatrix(Warp& warp, const Instruction& in, LaneMask lanes) {
  need_whole_warp(warp, in, lanes);
  const std::vector<Place>& targets = in.operands[0].parts;
  const auto matrices = static_cast<int>(targets.size());
  Lanes addresses = {};
  for (int lane = 0; lane < 8 * matrices; ++lane)
    addresses[static_cast<std::size_t>(lane)] = warp.address(in.operands[1], lane);
  count_shared(addresses, static_cast<LaneMask>(low_bits(8 * matrices)), 16, warp.block().site(in).shared);
  for (int j = 0; j < matrices; ++j) {
    const Tile tile = read_tile(warp, in, addresses, j);
    for (int lane = 0; lane < kLanes; ++lane) {
      const int g = lane / 4, t = lane % 4 * 2;
      const auto value = [&](int i) -> std::uint64_t {
        return in.transposed ? tile.v[t + i][g] : tile.v[g][t + i];
      };
      const auto unset = [&](int i) { return in.transposed ? tile.unset[t + i][g] : tile.unset[g][t + i]; };
      Lanes& d =
          warp.write(targets[static_cast<std::size_t>(j)], 1u << lane, unset(0) || unset(1) ? kAllLanes : 0);
      d[static_cast<std::size_t>(lane)] = value(0) | value(1) << 16;
    }
  }
}

// ---- mma.m16n8k8 and m16n8k16

struct Fragments {
  double a[16][16] = {}, b[16][8] = {}, c[16][8] = {};
};

// Bits of a float that tf32 does not have are not looked at.
double element(Type type, std::uint64_t bits, int i) {
  const auto half = static_cast<std::uint16_t>(bits >> 16 * i);
  if (type == Type::kF16) return value(Half{half});
  if (type == Type::kBf16) return value(Bfloat{half});
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) & ~0x1fffu);
}

// The values of all lanes at their places: with g = lane / 4 and t = lane % 4, register r of a has rows
// g + 8 (r % 2), register r of b columns g, and both the values of k from t * per + span (r / 2 or r) on.
Fragments gather(const Warp& warp, const Instruction& in) {
  Fragments f;
  const int per = in.from == Type::kTf32 ? 1 : 2, span = 4 * per;
  const auto read = [&](std::size_t operand, std::size_t r, int lane) {
    return warp.read(in.operands[operand].parts[r])[static_cast<std::size_t>(lane)];
  };
  for (int lane = 0; lane < kLanes; ++lane) {
    const int g = lane / 4, t = lane % 4;
    for (std::size_t r = 0; r < in.operands[1].parts.size(); ++r)
      for (int i = 0; i < per; ++i)
        f.a[g + 8 * static_cast<int>(r % 2)][t * per + i + span * static_cast<int>(r / 2)] =
            element(in.from, read(1, r, lane), i);
    for (std::size_t r = 0; r < in.operands[2].parts.size(); ++r)
      for (int i = 0; i < per; ++i)
        f.b[t * per + i + span * static_cast<int>(r)][g] = element(in.from, read(2, r, lane), i);
    for (int i = 0; i < 4; ++i)
      f.c[g + i / 2 * 8][2 * t + i % 2] =
          in.type == Type::kF32
              ? static_cast<double>(from_bits<float>(read(3, static_cast<std::size_t>(i), lane)))
              : element(Type::kF16, read(3, static_cast<std::size_t>(i / 2), lane), i % 2);
  }
  return f;
}

// Sums run in double and are rounded once. (A tensor core cuts products off instead; how is not published.)
void multiply(Fragments& f, int depth) {
  for (auto& row : f.c) {
    const auto m = static_cast<std::size_t>(&row - f.c);
    for (std::size_t n = 0; n < 8; ++n)
      for (int k = 0; k < depth; ++k) row[n] += f.a[m][k] * f.b[k][n];
  }
}

// variant: k, the depth
void mma(Warp& warp, const Instruction& in, LaneMask lanes) {
  need_whole_warp(warp, in, lanes);
  LaneMask unset = 0;
  for (std::size_t operand = 1; operand < 4; ++operand)
    for (const Place place : in.operands[operand].parts) unset |= warp.unset(place);
  if (unset != 0) unset = kAllLanes;
  Fragments f = gather(warp, in);
  multiply(f, in.variant);
  const std::vector<Place>& targets = in.operands[0].parts;
  for (int lane = 0; lane < kLanes; ++lane) {
    const int g = lane / 4, t = lane % 4;
    const auto sum = [&](std::size_t i) {
      return f.c[static_cast<std::size_t>(g) + i / 2 * 8][2 * static_cast<std::size_t>(t) + i % 2];
    };
    for (std::size_t i = 0; i < targets.size(); ++i)
      warp.write(targets[i], 1u << lane, unset)[static_cast<std::size_t>(lane)] =
          in.type == Type::kF32
              ? to_bits(static_cast<float>(sum(i)))
              : to_bits(Pair<Half>{rounded<Half>(sum(2 * i)), rounded<Half>(sum(2 * i + 1))});
  }
}

// Both wait for all 32 lanes: a mask that names every one.
void take_whole_warp(Instruction& in, Kernel& kernel) {
  in.flow = Flow::kTogether;
  kernel.constants.emplace_back();
  kernel.constants.back().fill(kAllLanes);
  in.s[3] = ~static_cast<Place>(kernel.constants.size() - 1);
}

bool decode_mma(Words& words, Instruction& in) {
  in.variant = words.take_one<int>({{"m16n8k8", 8}, {"m16n8k16", 16}}).value_or(0);
  if (in.variant == 0 || !words.take("row") || !words.take("col")) return false;
  in.type = words.take_type();
  in.from = words.take_type();
  if (words.take_type() != in.from || words.take_type() != in.type || in.operands.size() != 4) return false;
  const bool tf32 = in.from == Type::kTf32, half = in.from == Type::kF16, bf16 = in.from == Type::kBf16;
  const bool to_float = in.type == Type::kF32, to_half = in.type == Type::kF16 && half;
  if (!(tf32 || half || bf16) || !(to_float || to_half) || (tf32 && in.variant != 8)) return false;
  // Registers: 16 x k and k x 8 values over 32 lanes, two 16-bit values in one.
  const auto depth = static_cast<std::size_t>(tf32 ? 2 * in.variant : in.variant);
  const std::array<std::size_t, 4> registers = {to_float ? 4u : 2u, depth / 4, depth / 8, to_float ? 4u : 2u};
  for (std::size_t i = 0; i < 4; ++i)
    if (in.operands[i].parts.size() != registers[i]) return false;
  in.run = mma;
  in.counted = Counted::kMatrix;
  return true;
}

bool decode_ldmatrix(Words& words, Instruction& in) {
  const std::size_t count = words.take_one<std::size_t>({{"x1", 1}, {"x2", 2}, {"x4", 4}}).value_or(0);
  in.transposed = words.take("trans");
  in.space = words.take_space().value_or(Space::kGeneric);
  in.run = ldmatrix;
  in.counted = Counted::kLoad;
  return words.take("m8n8") && words.take("b16") && in.operands.size() == 2 &&
         in.operands[0].parts.size() == count && in.operands[1].kind == Operand::Kind::kAddress;
}

}  // namespace

bool decode_matrix(Words& words, Instruction& in, Kernel& kernel) {
  if (!words.take("sync") || !words.take("aligned")) return false;
  if (!(words.name() == "mma" ? decode_mma(words, in) : decode_ldmatrix(words, in))) return false;
  take_whole_warp(in, kernel);
  return true;
}

}  // namespace clearcut::ptxsim
