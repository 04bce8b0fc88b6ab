#include "tensor/cpu/conv/kernel.h"

#include <cstdlib>
#include <string>

namespace clearcut::conv {

// CONV_CANDIDATES(X) is X(name) for each file of candidates/: the Makefile defines it.
#define DECLARE(name) extern const Kernel name;
namespace candidates {
CONV_CANDIDATES(DECLARE)
}
#undef DECLARE

namespace {

struct Preference {
  std::string direction;  // empty: all three
  const Kernel* kernel;
};

const Kernel& kernel_of(std::string_view name) {
  std::string known;
  for (const Kernel* kernel : kernels()) {
    if (kernel->name == name) return *kernel;
    known += cat(known.empty() ? "" : ", ", kernel->name);
  }
  fail("kernels", "no convolution kernel is called '", name, "'; known: ", known);
}

Preference preference_of(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return {"", &kernel_of(text)};
  const std::string_view direction = text.substr(0, colon);
  check(direction == "forward" || direction == "input" || direction == "weight", "kernels",
        "a direction must be forward, input or weight; got '", direction, "' in '", text, "'");
  return {std::string(direction), &kernel_of(text.substr(colon + 1))};
}

std::vector<Preference> parse(std::string_view names) {
  std::vector<Preference> result;
  while (!names.empty()) {
    const std::size_t comma = std::min(names.find(','), names.size());
    result.push_back(preference_of(names.substr(0, comma)));
    names.remove_prefix(std::min(names.size(), comma + 1));
  }
  return result;
}

std::vector<Preference>& preferences() {
  static std::vector<Preference> list = [] {
    const char* names = std::getenv("CLEARCUT_KERNELS");
    return parse(names ? names : "");
  }();
  return list;
}

}  // namespace

std::string_view name_of(Direction direction) {
  switch (direction) {
    case Direction::kForward:
      return "forward";
    case Direction::kBackwardInput:
      return "input";
    case Direction::kBackwardWeight:
      return "weight";
  }
  return "";
}

Layer layer_of(Nchw<const float> x, Nchw<const float> w, Nchw<const float> y, const ConvOptions& o) {
  return {.C = x.C, .H = x.H, .W = x.W, .K = y.C, .P = y.H, .Q = y.W, .R = w.H, .S = w.W, .options = o};
}

bool Kernel::offers(const Layer& layer, Direction direction) const {
  const bool has = direction == Direction::kForward         ? forward != nullptr
                   : direction == Direction::kBackwardInput ? backward_input != nullptr
                                                            : backward_weight != nullptr;
  return has && fits(layer, direction);
}

const std::vector<const Kernel*>& kernels() {
#define ADDRESS(name) &candidates::name,
  static const std::vector<const Kernel*> list = {CONV_CANDIDATES(ADDRESS)};
#undef ADDRESS
  return list;
}

const Kernel& choose(const Layer& layer, Direction direction) {
  for (const Preference& p : preferences())
    if ((p.direction.empty() || p.direction == name_of(direction)) && p.kernel->offers(layer, direction))
      return *p.kernel;
  const Kernel* best = nullptr;
  double least = std::numeric_limits<double>::infinity();
  for (const Kernel* kernel : kernels()) {
    if (!kernel->offers(layer, direction)) continue;
    const double cost = kernel->cost(layer, direction);
    if (best == nullptr || cost < least) best = kernel, least = cost;
  }
  check(best != nullptr, "conv2d", "no kernel offers this layer in direction ", name_of(direction));
  return *best;
}

void prefer(std::string_view names) { preferences() = parse(names); }

}  // namespace clearcut::conv
