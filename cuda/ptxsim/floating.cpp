// Arithmetic of float and double: add, sub, mul, fma, div, rcp, sqrt, min, max, neg, abs, copysign.
#include <cmath>

#include "cuda/ptxsim/decode.h"
#include "cuda/ptxsim/float_modes.h"

namespace clearcut::ptxsim {

namespace {

template <class T>
T add(T a, T b) {
  return a + b;
}
template <class T>
T sub(T a, T b) {
  return a - b;
}
template <class T>
T mul(T a, T b) {
  return a * b;
}
template <class T>
T div(T a, T b) {
  return a / b;
}
template <class T>
T fma(T a, T b, T c) {
  return std::fma(a, b, c);
}
template <class T>
T rcp(T a) {
  return T(1) / a;
}
template <class T>
T sqrt(T a) {
  return std::sqrt(a);
}
// The number if the other is NaN; -0 is less than +0.
template <class T>
T min(T a, T b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) ? b : a;
  return a < b || (a == b && std::signbit(a)) ? a : b;
}
template <class T>
T max(T a, T b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) ? b : a;
  return a > b || (a == b && !std::signbit(a)) ? a : b;
}
// .NaN: NaN if either is.
template <class T>
T min_nan(T a, T b) {
  return std::isnan(a) || std::isnan(b) ? std::numeric_limits<T>::quiet_NaN() : min(a, b);
}
template <class T>
T max_nan(T a, T b) {
  return std::isnan(a) || std::isnan(b) ? std::numeric_limits<T>::quiet_NaN() : max(a, b);
}
template <class T>
T neg(T a) {
  return -a;
}
template <class T>
T abs(T a) {
  return std::fabs(a);
}
template <class T>
T copysign(T a, T b) {
  return std::copysign(b, a);
}

template <class T>
Handler of_two(const std::string& name, const Instruction& in) {
  if (name == "add") return float_handler<add<T>>(in);
  if (name == "sub") return float_handler<sub<T>>(in);
  if (name == "mul") return float_handler<mul<T>>(in);
  if (name == "div") return float_handler<div<T>>(in);
  if (name == "min") return in.nan ? float_handler<min_nan<T>>(in) : float_handler<min<T>>(in);
  if (name == "max") return in.nan ? float_handler<max_nan<T>>(in) : float_handler<max<T>>(in);
  if (name == "copysign") return lanewise<copysign<T>>;
  return nullptr;
}

template <class T>
Handler of_one(const std::string& name, const Instruction& in) {
  if (name == "rcp") return float_handler<rcp<T>>(in);
  if (name == "sqrt") return float_handler<sqrt<T>>(in);
  if (name == "neg") return float_handler<neg<T>>(in);
  if (name == "abs") return float_handler<abs<T>>(in);
  return nullptr;
}

template <class T>
Handler handler_of(const std::string& name, const Instruction& in) {
  if (name == "fma" || name == "mad") return float_handler<fma<T>>(in);
  return in.operands.size() == 2 ? of_one<T>(name, in) : of_two<T>(name, in);
}

}  // namespace

bool decode_float(Words& words, Instruction& in, Kernel&) {
  const std::string& name = words.name();
  const Type type = words.take_type();
  take_float_modes(words, in);
  if (in.relu || in.rounding == Rounding::kNearestAway || in.operands.size() < 2) return false;
  in.run = type == Type::kF32   ? handler_of<float>(name, in)
           : type == Type::kF64 ? handler_of<double>(name, in)
                                : nullptr;
  if (name == "fma" || name == "mad") in.counted = Counted::kMultiplyAdd;
  return in.run != nullptr && take_values(in, in.operands.size() - 1);
}

}  // namespace clearcut::ptxsim
