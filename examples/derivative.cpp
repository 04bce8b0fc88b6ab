// The derivative of a formula: f(x) = exp(-x^2), by the tape and by hand, df/dx = -2 x exp(-x^2).
#include <cmath>
#include <cstdio>

#include "autograd/arithmetic.h"
#include "autograd/reduce.h"

using namespace clearcut;

int main() {
  const Var x(Tensor::from<double>({5}, {-2, -0.5, 0, 1, 3}), /*requires_grad=*/true);
  const Var y = exp(-square(x));
  sum(y).backward();

  std::printf("     x     f(x)    df/dx   by hand\n");
  double worst = 0;
  for (int i = 0; i < 5; ++i) {
    const double v = x.value()[i].item(), slope = x.grad()[i].item();
    const double by_hand = -2 * v * std::exp(-v * v);
    std::printf("%6.2f %8.5f %8.5f %9.5f\n", v, y.value()[i].item(), slope, by_hand);
    worst = std::fmax(worst, std::fabs(slope - by_hand));
  }
  return worst < 1e-15 ? 0 : 1;
}
