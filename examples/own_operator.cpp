// An operator of your own, with its gradient and a gradient check: the Gaussian bump of a distance,
//   y = exp(-|a - b|^2 / 2), rows a, b [N, D] -> y [N].       dy/da = -y (a - b), dy/db = y (a - b).
#include <cmath>
#include <cstdio>

#include "autograd/gradcheck.h"
#include "autograd/var.h"

using namespace clearcut;

namespace {

// One loop for float and double: on_host<Floats> turns the dtype of a into T.
Tensor bump_forward(const Tensor& a, const Tensor& b) {
  check_same_kind("bump", a, b);
  check(a.rank() == 2 && a.shape() == b.shape(), "bump", "a and b must both be [N, D]; got ", a.shape(),
        " and ", b.shape());
  Tensor y({a.dim(0)}, a.dtype(), a.device());
  on_host<Floats>("bump", a.device(), a.dtype(), [&]<class T>(auto) {
    const T *pa = a.data<const T>(), *pb = b.data<const T>();
    T* py = y.data<T>();
    for (std::int64_t n = 0, i = 0; n < a.dim(0); ++n) {
      double distance = 0;
      for (std::int64_t d = 0; d < a.dim(1); ++d, ++i) distance += (pa[i] - pb[i]) * (pa[i] - pb[i]);
      py[n] = static_cast<T>(std::exp(-distance / 2));
    }
  });
  return y;
}

// sign * dy * y * (a - b): the gradient of a for sign = -1, of b for +1.
Tensor bump_backward(double sign, const Tensor& dy, const Tensor& y, const Tensor& a, const Tensor& b) {
  Tensor dx = empty_like(a);
  on_host<Floats>("bump", a.device(), a.dtype(), [&]<class T>(auto) {
    const T *pa = a.data<const T>(), *pb = b.data<const T>(), *py = y.data<const T>(),
            *pdy = dy.data<const T>();
    T* out = dx.data<T>();
    for (std::int64_t n = 0, i = 0; n < a.dim(0); ++n)
      for (std::int64_t d = 0; d < a.dim(1); ++d, ++i)
        out[i] = static_cast<T>(sign * pdy[n] * py[n] * (pa[i] - pb[i]));
  });
  return dx;
}

// What the tape needs: the value, the inputs, and a function that returns one gradient per input.
Var bump(const Var& a, const Var& b) {
  const Tensor y = bump_forward(a.value(), b.value());
  return record("bump", y, {a, b},
                [y = save(y), a = save(a), b = save(b)](const Tensor& dy, const Need& need) {
                  return Grads{need(0) ? bump_backward(-1, dy, y, a, b) : Tensor(),
                               need(1) ? bump_backward(+1, dy, y, a, b) : Tensor()};
                });
}

}  // namespace

int main() {
  const Tensor a = Tensor::from<double>({2, 3}, {0.1, 0.5, -0.3, 1.0, 0.2, 0.4});
  const Tensor b = Tensor::from<double>({2, 3}, {0.3, 0.1, -0.2, 0.4, -0.6, 0.5});
  const GradcheckResult result =
      gradcheck([](const std::vector<Var>& in) { return bump(in[0], in[1]); }, {a, b});
  std::printf("gradient check %s, worst: %g of the tolerance\n", result.passed ? "passed" : "failed",
              result.worst);
  try {
    bump(Var(a), Var(Tensor::zeros({3})));
  } catch (const Error& error) {
    std::printf("a bad call says: %s\n", error.what());
  }
  return result.passed ? 0 : 1;
}
