#include "autograd/matmul.h"

#include "autograd/trace.h"
#include "tensor/ops/sum_to.h"

namespace clearcut {

// With A = a or its transpose, B likewise, c = A B: dA = dc B^T and dB = A^T dc. Where the input was stored
// transposed, the transpose of that is asked for instead. A matrix that served a whole batch gets the
// gradient of each use; record() adds them up.
Var matmul(const Var& a, const Var& b, const MatmulOptions& options) {
  const Tensor c = ops::matmul(a.value(), b.value(), options);
  return described(
      record("matmul", c, {a, b},
             [a = save_if(b.requires_grad(), a), b = save_if(a.requires_grad(), b), ta = options.transpose_a,
              tb = options.transpose_b](const Tensor& dc, const Need& need) {
               const auto of_a = [&] {
                 return ta ? ops::matmul(b, dc, {.transpose_a = tb, .transpose_b = true})
                           : ops::matmul(dc, b, {.transpose_b = !tb});
               };
               const auto of_b = [&] {
                 return tb ? ops::matmul(dc, a, {.transpose_a = true, .transpose_b = ta})
                           : ops::matmul(a, dc, {.transpose_a = !ta});
               };
               return Grads{need(0) ? of_a() : Tensor(), need(1) ? of_b() : Tensor()};
             }),
      options);
}

Var linear(const Var& x, const Var& w, const Var& bias) {
  const Tensor y = ops::linear(x.value(), w.value(), bias.value());
  return record("linear", y, {x, w, bias},
                [x = save_if(w.requires_grad(), x), w = save_if(x.requires_grad(), w), outputs = w.dim(0)](
                    const Tensor& dy, const Need& need) {
                  return Grads{need(0) ? ops::linear_backward_input(dy, w) : Tensor(),
                               need(1) ? ops::linear_backward_weight(dy, x) : Tensor(),
                               need(2) ? ops::sum_to(dy, Shape{outputs}) : Tensor()};
                });
}

}  // namespace clearcut
