// Arithmetic of f16, bf16, f16x2 and bf16x2: add, sub, mul, fma, min, max, neg, abs.
#include "cuda/ptxsim/half.h"

#include "cuda/ptxsim/decode.h"

namespace clearcut::ptxsim {

namespace {

double add(double a, double b) { return a + b; }
double sub(double a, double b) { return a - b; }
double mul(double a, double b) { return a * b; }

// The sum of a * b, which is exact, and c, rounded to odd: rounding it again gives what one rounding of the
// exact sum would.
double fma(double a, double b, double c) {
  const double p = a * b, sum = p + c;
  const double of_c = sum - p, error = (p - (sum - of_c)) + (c - of_c);
  if (!std::isfinite(sum) || error == 0 || (std::bit_cast<std::uint64_t>(sum) & 1) != 0) return sum;
  return std::nextafter(sum, error > 0 ? INFINITY : -INFINITY);
}
double min(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) ? b : a;
  return a < b || (a == b && std::signbit(a)) ? a : b;
}
double max(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) ? b : a;
  return a > b || (a == b && !std::signbit(a)) ? a : b;
}
double min_nan(double a, double b) { return std::isnan(a) || std::isnan(b) ? NAN : min(a, b); }
double max_nan(double a, double b) { return std::isnan(a) || std::isnan(b) ? NAN : max(a, b); }

// Signs are bits.
std::uint16_t neg_one(std::uint16_t a) { return a ^ 0x8000; }
std::uint32_t neg_two(std::uint32_t a) { return a ^ 0x80008000; }
std::uint16_t abs_one(std::uint16_t a) { return a & 0x7fff; }
std::uint32_t abs_two(std::uint32_t a) { return a & 0x7fff7fff; }

Handler handler_of(const std::string& name, Type type, const Instruction& in) {
  const bool two = type == Type::kF16x2 || type == Type::kBf16x2;
  if (name == "add") return half_handler<add>(type);
  if (name == "sub") return half_handler<sub>(type);
  if (name == "mul") return half_handler<mul>(type);
  if (name == "fma") return half_handler<fma>(type);
  if (name == "min") return in.nan ? half_handler<min_nan>(type) : half_handler<min>(type);
  if (name == "max") return in.nan ? half_handler<max_nan>(type) : half_handler<max>(type);
  if (name == "neg") return two ? lanewise<neg_two> : lanewise<neg_one>;
  if (name == "abs") return two ? lanewise<abs_two> : lanewise<abs_one>;
  return nullptr;
}

}  // namespace

bool decode_half(Words& words, Instruction& in, Kernel&) {
  const std::string& name = words.name();
  const Type type = words.take_type();
  if (half_handler<add>(type) == nullptr) return false;
  take_float_modes(words, in);
  if (in.rounding != Rounding::kNearest) return false;
  in.run = handler_of(name, type, in);
  if (name == "fma") in.counted = Counted::kMultiplyAdd;
  return in.run != nullptr && take_values(in, name == "fma" ? 3 : name == "neg" || name == "abs" ? 1 : 2);
}

}  // namespace clearcut::ptxsim
