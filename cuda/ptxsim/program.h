// What the parser makes of PTX: modules, kernels, instructions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cuda/ptxsim/types.h"

namespace clearcut::ptxsim {

struct Instruction;
struct Kernel;
struct Module;
class Warp;

constexpr int kLanes = 32;
/// One value per lane of a warp, in the low bits; narrower values have zeros above.
using Lanes = std::array<std::uint64_t, kLanes>;
/// Bit i: lane i.
using LaneMask = std::uint32_t;
constexpr LaneMask kAllLanes = 0xffffffff;

/// Where an operand stands: register n, or constant ~n of the kernel (n < 0).
using Place = std::int32_t;
constexpr Place kNoPlace = INT32_MAX, kSink = 0;  // kSink: the register that nobody reads, written "_"

struct Operand {
  enum class Kind : std::uint8_t { kValue, kVector, kAddress, kName };
  Kind kind = Kind::kValue;
  std::vector<Place> parts;     // the value, those of {a, b}, the base of [base + offset], d and p of d|p
  std::int64_t offset = 0;      // of an address
  std::string name;             // a label or a function
  bool negated = false;         // !p
  bool in_parentheses = false;  // of a call
  Place place() const { return parts.empty() ? kNoPlace : parts[0]; }
};

/// Does the work of one instruction for the lanes in the mask.
using Handler = void (*)(Warp& warp, const Instruction& in, LaneMask lanes);

/// What decides which instruction comes next.
enum class Flow : std::uint8_t { kNext, kBranch, kTable, kExit, kBarrier, kTogether };

enum class Rounding : std::uint8_t { kNearest, kZero, kDown, kUp, kNearestAway };

/// What an instruction counts as; see counters.h.
enum class Counted : std::uint8_t { kOther, kMultiplyAdd, kMatrix, kBarrier, kAtomic, kLoad, kStore };

struct Instruction {
  std::string opcode, text;  // "add.f32"; all of it, for reports
  int ptx_line = 0;
  int location = -1;  // in Module::locations
  Handler run = nullptr;
  Flow flow = Flow::kNext;
  Counted counted = Counted::kOther;
  Place guard = kNoPlace;
  bool guard_negated = false;
  Place d = kNoPlace;           // destination
  std::array<Place, 4> s = {};  // sources
  std::vector<Operand> operands;
  Type type = Type::kNone, from = Type::kNone;
  Space space = Space::kGeneric;
  Rounding rounding = Rounding::kNearest;  // of the result
  char integral = 0;                       // n, z, m or p: cvt.rni and the like
  bool flush = false, saturate = false, relu = false, nan = false, strong = false, transposed = false;
  int variant = 0;           // what the handler's family says it is
  int target = -1;           // of a branch: index into Kernel::code
  std::vector<int> targets;  // of a table
  std::size_t number = 0;    // index of this in Kernel::code
};

/// Values of a thread's or block's place: a register each that is filled when a warp starts.
enum class Special : std::uint8_t {
  kTidX,
  kTidY,
  kTidZ,
  kNtidX,
  kNtidY,
  kNtidZ,
  kCtaidX,
  kCtaidY,
  kCtaidZ,
  kNctaidX,
  kNctaidY,
  kNctaidZ,
  kLaneid,
  kWarpid,
  kLanemaskEq,
  kLanemaskLt,
  kLanemaskLe,
  kLanemaskGt,
  kLanemaskGe,
  kDynamicShared
};

struct Parameter {
  std::string name;
  std::size_t offset, bytes;
};
struct Variable {
  Space space = Space::kGlobal;
  std::uint64_t address = 0;  // in that space, with its tag if it is local
  std::size_t bytes = 0, align = 1;
  bool dynamic = false;  // shared memory whose size the launch says
};

struct Kernel {
  std::string name;        // as the compiler writes it
  std::string short_name;  // "softmax_kernel<float>"
  const Module* module = nullptr;
  std::vector<Parameter> parameters;
  std::size_t parameter_bytes = 0;
  std::vector<Instruction> code;
  std::vector<std::uint8_t> register_bits;
  std::vector<Lanes> constants;
  std::vector<std::pair<Special, Place>> specials;
  std::size_t static_shared = 0, local_bytes = 0;
  int most_threads = 0;    // .maxntid; 0: not said
  unsigned narrowest = 4;  // bytes of its narrowest access to shared or global memory
  std::size_t dynamic_shared_at() const { return (static_shared + 15) / 16 * 16; }
};

/// A line of source, and the one that it was inlined at: an index into Module::locations or -1.
struct Location {
  int file = 0, line = 0, inlined_at = -1;
};

struct Module {
  std::map<std::string, Kernel> kernels;
  std::map<std::string, Variable> variables;
  std::map<int, std::string> files;
  std::vector<Location> locations;

  /// "cuda/softmax.cu:41", "cuda/gpu.cuh:91, from cuda/matmul.cu:70"; "" if unknown.
  std::string place(int location) const;
};

}  // namespace clearcut::ptxsim
