#include "tests/cuda/orders.h"

#include "tests/cuda/device.h"

namespace clearcut::test {

void in_each_order(const std::function<void()>& body) {
  for (const NamedSettings& order : all_orders()) {
    SCOPED_TRACE(order.name);
    const WithSettings with(order.settings);
    body();
  }
}

}  // namespace clearcut::test
