#include "nn/init.h"

#include <cmath>

#include "tensor/random.h"
#include "tensor/work.h"

namespace clearcut {

namespace {

double scale(const Init& init, const Shape& weight) {
  if (init.fan == Init::Fan::kNone) return init.value;
  check(weight.rank() >= 2, "init", "a fan needs a weight [out, in, ...]; got ", weight);
  std::int64_t area = 1;
  for (int i = 2; i < weight.rank(); ++i) area *= weight[i];
  const std::int64_t fan = (init.fan == Init::Fan::kIn ? weight[1] : weight[0]) * area;
  return init.value / std::sqrt(static_cast<double>(std::max<std::int64_t>(fan, 1)));
}

}  // namespace

Tensor initial(const Init& init, const Scope& at, const Shape& shape, const Shape& weight) {
  const double value = scale(init, weight);
  if (init.law == Init::Law::kConstant) return Tensor::full(shape, value, at.root->dtype());
  Tensor x(shape, at.root->dtype());
  if (DryRun::active()) return x;
  const RandomStream stream(at.root->mode.seed, "init " + at.path);
  if (init.law == Init::Law::kNormal)
    stream.fill_normal(x, 0, value);
  else
    stream.fill_uniform(x, -value, value);
  return x;
}

}  // namespace clearcut
