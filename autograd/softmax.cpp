#include "autograd/softmax.h"

#include "autograd/trace.h"
#include "tensor/ops/softmax.h"

namespace clearcut {

Var softmax(const Var& x, int dim) {
  const Tensor y = ops::softmax(x.value(), dim);
  return described(record("softmax", y, {x},
                          [y = save(y), dim](const Tensor& dy, const Need&) {
                            return Grads{ops::softmax_backward(dy, y, dim)};
                          }),
                   dim);
}

Var log_softmax(const Var& x, int dim) {
  const Tensor y = ops::log_softmax(x.value(), dim);
  return described(record("log_softmax", y, {x},
                          [y = save(y), dim](const Tensor& dy, const Need&) {
                            return Grads{ops::log_softmax_backward(dy, y, dim)};
                          }),
                   dim);
}

}  // namespace clearcut
