// Approximate functions: ex2, lg2, sin, cos, tanh, rcp, sqrt, rsqrt and div with .approx or .full. The GPU's
// bits are not published; these are the true values, rounded, and then off by as much as the settings say.
#include <cmath>

#include "cuda/ptxsim/decode.h"
#include "cuda/ptxsim/float_modes.h"
#include "cuda/ptxsim/half.h"
#include "cuda/ptxsim/settings.h"

namespace clearcut::ptxsim {

namespace {

Settings current;

// Up to `settings().approximate_ulps` places up or down.
std::int64_t drawn_error(std::uint64_t bits) {
  const int most = current.approximate_ulps;
  std::uint64_t hash = (bits + current.seed) * 0x9e3779b97f4a7c15;
  hash = (hash ^ hash >> 29) * 0xbf58476d1ce4e5b9;
  return static_cast<std::int64_t>((hash >> 33) % static_cast<unsigned>(2 * most + 1)) - most;
}

// The bits of finite floats are in the order of their sizes. A value that is a float, as 2^n is, stays:
// nvcc's library scales by ex2 of whole numbers and counts on that.
float approximated(double exact) {
  const auto v = static_cast<float>(exact);
  if (current.approximate_ulps == 0 || v == exact || !std::isfinite(v)) return v;
  const auto bits = std::bit_cast<std::uint32_t>(v);
  const auto moved = std::bit_cast<float>(static_cast<std::uint32_t>(bits + drawn_error(bits)));
  return std::isfinite(moved) && std::signbit(moved) == std::signbit(v) ? moved : v;
}

float ex2(float x) { return approximated(std::exp2(static_cast<double>(x))); }
float lg2(float x) { return approximated(std::log2(static_cast<double>(x))); }
float sin(float x) { return approximated(std::sin(static_cast<double>(x))); }
float cos(float x) { return approximated(std::cos(static_cast<double>(x))); }
float tanh(float x) { return approximated(std::tanh(static_cast<double>(x))); }
float rcp(float x) { return approximated(1 / static_cast<double>(x)); }
float sqrt(float x) { return approximated(std::sqrt(static_cast<double>(x))); }
float rsqrt(float x) { return approximated(1 / std::sqrt(static_cast<double>(x))); }
float div(float x, float y) { return approximated(static_cast<double>(x) / y); }

// Of doubles only the upper 32 bits are looked at and made.
double upper(double v) { return std::bit_cast<double>(std::bit_cast<std::uint64_t>(v) & 0xffffffff00000000); }
double of_upper(double exact) {
  const double v = upper(exact);
  if (current.approximate_ulps == 0 || v == exact || !std::isfinite(v)) return v;
  const auto bits = std::bit_cast<std::uint64_t>(v);
  const auto error = static_cast<std::uint64_t>(drawn_error(bits));
  const auto moved = std::bit_cast<double>(bits + (error << 32));
  return std::isfinite(moved) && std::signbit(moved) == std::signbit(v) ? moved : v;
}
// .ftz of doubles: subnormals are zeros here, before and after.
double flush_double(double v) {
  return std::fabs(v) < std::numeric_limits<double>::min() ? std::copysign(0.0, v) : v;
}
double rcp_double(double x) { return of_upper(flush_double(1 / upper(flush_double(x)))); }
double rsqrt_double(double x) { return of_upper(flush_double(1 / std::sqrt(upper(flush_double(x))))); }

double ex2_half(double x) { return std::exp2(x); }
double tanh_half(double x) { return std::tanh(x); }

Handler of_floats(const std::string& name, const Instruction& in) {
  if (name == "ex2") return float_handler<ex2>(in);
  if (name == "lg2") return float_handler<lg2>(in);
  if (name == "sin") return float_handler<sin>(in);
  if (name == "cos") return float_handler<cos>(in);
  if (name == "tanh") return float_handler<tanh>(in);
  if (name == "rcp") return float_handler<rcp>(in);
  if (name == "sqrt") return float_handler<sqrt>(in);
  if (name == "rsqrt") return float_handler<rsqrt>(in);
  if (name == "div") return float_handler<div>(in);
  return nullptr;
}

}  // namespace

const Settings& settings() { return current; }
void set_settings(const Settings& settings) { current = settings; }

bool decode_approximate(Words& words, Instruction& in, Kernel&) {
  const std::string& name = words.name();
  if (!words.take("approx") && !(name == "div" && words.take("full"))) return false;
  const Type type = words.take_type();
  in.flush = words.take("ftz");
  if (type == Type::kF32)
    in.run = of_floats(name, in);
  else if (type == Type::kF64)
    in.run = name == "rcp" ? lanewise<rcp_double> : name == "rsqrt" ? lanewise<rsqrt_double> : nullptr;
  else
    in.run = name == "ex2"    ? half_handler<ex2_half>(type)
             : name == "tanh" ? half_handler<tanh_half>(type)
                              : nullptr;
  return in.run != nullptr && take_values(in, name == "div" ? 2 : 1);
}

}  // namespace clearcut::ptxsim
