// How the interpreter runs kernels. Tests choose; kernels never see this.
#pragma once

#include <cstdint>

namespace clearcut::ptxsim {

struct Settings {
  // Results of approximate instructions are the right ones, rounded. A GPU's are not: with n > 0 each is off
  // by up to n units of its last place, drawn from the seed and the result.
  int approximate_ulps = 0;
  std::uint64_t seed = 1;
};
const Settings& settings();
void set_settings(const Settings& settings);

}  // namespace clearcut::ptxsim
