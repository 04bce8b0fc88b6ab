#include "tests/cuda/orders.h"

namespace clearcut::test {

// There is one order here, but which blocks run side by side differs from run to run.
void in_each_order(const std::function<void()>& body) {
  body();
  body();
}

}  // namespace clearcut::test
