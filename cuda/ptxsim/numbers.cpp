#include "cuda/ptxsim/numbers.h"

#include <algorithm>
#include <cmath>

namespace clearcut::ptxsim {

namespace {

// 0 or 1: what is added to the last place of a number whose lower part is `rest` of a last place.
int carry(double rest, bool odd, bool negative, Rounding rounding) {
  switch (rounding) {
    case Rounding::kNearest:
      return rest > 0.5 || (rest == 0.5 && odd) ? 1 : 0;
    case Rounding::kNearestAway:
      return rest >= 0.5 ? 1 : 0;
    case Rounding::kZero:
      return 0;
    case Rounding::kDown:
      return rest > 0 && negative ? 1 : 0;
    case Rounding::kUp:
      return rest > 0 && !negative ? 1 : 0;
  }
  return 0;
}

}  // namespace

std::uint32_t encode(double v, FloatFormat format, Rounding rounding) {
  const int fraction = format.fraction_bits, least = 2 - (1 << (format.exponent_bits - 1));
  const std::uint32_t infinity = ((1u << format.exponent_bits) - 1) << fraction;
  const std::uint32_t sign = std::signbit(v) ? 1u << (format.exponent_bits + fraction) : 0;
  if (std::isnan(v)) return (1u << (format.exponent_bits + fraction)) - 1;
  if (std::isinf(v)) return sign | infinity;
  if (v == 0) return sign;
  const int exponent = std::max(std::ilogb(v), least);
  const double places = std::ldexp(std::abs(v), fraction - exponent), whole = std::floor(places);
  const auto digits = static_cast<std::uint32_t>(whole);
  // The leading digit of a normal number, which is not stored, adds one to the exponent's field.
  const std::uint64_t bits =
      (static_cast<std::uint64_t>(exponent - least) << fraction) + digits +
      static_cast<std::uint64_t>(carry(places - whole, digits % 2 == 1, sign != 0, rounding));
  if (bits < infinity) return sign | static_cast<std::uint32_t>(bits);
  const bool inwards = rounding == Rounding::kZero || (rounding == Rounding::kDown && sign == 0) ||
                       (rounding == Rounding::kUp && sign != 0);
  return sign | (inwards ? infinity - 1 : infinity);
}

double decode_float(std::uint32_t bits, FloatFormat format) {
  const int fraction = format.fraction_bits, bias = (1 << (format.exponent_bits - 1)) - 1;
  const std::uint32_t exponent = bits >> fraction & ((1u << format.exponent_bits) - 1);
  const std::uint32_t digits = bits & ((1u << fraction) - 1);
  const double sign = (bits >> (fraction + format.exponent_bits) & 1) != 0 ? -1 : 1;
  if (exponent == (1u << format.exponent_bits) - 1) return digits != 0 ? NAN : sign * INFINITY;
  if (exponent == 0) return sign * std::ldexp(digits, 1 - bias - fraction);
  return sign * std::ldexp(digits + (1u << fraction), static_cast<int>(exponent) - bias - fraction);
}

}  // namespace clearcut::ptxsim
