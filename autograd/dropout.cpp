#include "autograd/dropout.h"

namespace clearcut {

Var dropout(const Var& x, const DropoutOptions& options) {
  if (options.p == 0) return x;
  return record("dropout", ops::dropout(x.value(), options), {x},
                [options](const Tensor& dy, const Need&) { return Grads{ops::dropout(dy, options)}; });
}

}  // namespace clearcut
