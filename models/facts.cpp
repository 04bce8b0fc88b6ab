#include "models/facts.h"

#include "tensor/work.h"

namespace clearcut {

namespace {

// The model in evaluation, writing down its paths, and as it was afterwards.
class Observed {
 public:
  explicit Observed(Registry& registry) : registry_(registry), training_(registry.mode.training) {
    registry_.mode.training = false;
    registry_.record_paths(true);
  }
  ~Observed() {
    registry_.record_paths(false);
    registry_.mode.training = training_;
  }
  Observed(const Observed&) = delete;
  Observed& operator=(const Observed&) = delete;

 private:
  Registry& registry_;
  bool training_;
};

}  // namespace

ModelFacts facts_of(Registry& registry, const Shape& input,
                    const std::function<void(const Var& x)>& forward) {
  const Observed observed(registry);
  const NoGrad no_tape;
  const WorkMeter meter;
  forward(Var(Tensor::zeros(input, registry.dtype(), registry.device())));
  return {.parameters = registry.parameter_count(),
          .multiply_adds = meter.multiply_adds(),
          .layers = registry.seen_paths()};
}

}  // namespace clearcut
