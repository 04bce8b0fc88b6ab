#include "autograd/pool.h"

#include "autograd/trace.h"

namespace clearcut {

Var max_pool2d(const Var& x, const MaxPoolOptions& options) {
  const ops::MaxPooled r = ops::max_pool2d(x.value(), options);
  return described(record("max_pool2d", r.y, {x},
                          [index = save(r.index), shape = x.shape(), options](const Tensor& dy, const Need&) {
                            return Grads{ops::max_pool2d_backward(dy, index, shape, options)};
                          }),
                   options);
}

Var avg_pool2d(const Var& x, const AvgPoolOptions& options) {
  return described(record("avg_pool2d", ops::avg_pool2d(x.value(), options), {x},
                          [shape = x.shape(), options](const Tensor& dy, const Need&) {
                            return Grads{ops::avg_pool2d_backward(dy, shape, options)};
                          }),
                   options);
}

Var adaptive_avg_pool2d(const Var& x, Size2 size) {
  return described(record("adaptive_avg_pool2d", ops::adaptive_avg_pool2d(x.value(), size), {x},
                          [shape = x.shape()](const Tensor& dy, const Need&) {
                            return Grads{ops::adaptive_avg_pool2d_backward(dy, shape)};
                          }),
                   size);
}

Var global_avg_pool(const Var& x) { return adaptive_avg_pool2d(x, 1); }

}  // namespace clearcut
