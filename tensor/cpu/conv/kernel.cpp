#include "tensor/cpu/conv/kernel.h"

#include "tensor/kernel_wishes.h"

namespace clearcut::conv {

// CONV_CANDIDATES(X) is X(name) for each file of candidates/: the Makefile defines it.
#define DECLARE(name) extern const Kernel name;
namespace candidates {
CONV_CANDIDATES(DECLARE)
}
#undef DECLARE

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
  for (const KernelWish& wish : kernel_wishes())
    if (wish.is_for("conv2d", name_of(direction)))
      for (const Kernel* kernel : kernels())
        if (kernel->name == wish.name && kernel->offers(layer, direction)) return *kernel;
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

}  // namespace clearcut::conv
