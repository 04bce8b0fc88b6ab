// Explainers that are asked for together share their forward passes.
#include <gtest/gtest.h>

#include <atomic>

#include "tests/explain/small_net.h"

namespace clearcut {
namespace {

using test::input_of;
using test::random_tensor;

struct CountingNet : test::SmallNet {
  Var logits(const Var& x) const override {
    pictures += x.dim(0);
    return SmallNet::logits(x);
  }
  mutable std::atomic<std::int64_t> pictures = 0;
};

// One forward pass of each picture gives its score, its class map and all rules on one feature map.
TEST(Sharing, ExplainersOfOneCallHaveOneCleanPass) {
  const ExplainInput input = input_of(random_tensor({2, 3, 16, 16}, "x"), {.classes = {1}});
  const auto forward_of = [&](const std::vector<const char*>& names) {
    CountingNet net;
    std::vector<ExplainOptions> options;
    for (const char* name : names) options.push_back(parse_explainer(name));
    explain_all(net, input, options);
    return net.pictures.load();
  };
  EXPECT_EQ(forward_of({"cam"}), 2);
  EXPECT_EQ(forward_of({"cam", "gradcam", "gradcampp", "layercam", "eigencam", "fem"}), 2);
  EXPECT_EQ(forward_of({"cam", "gradcam", "smoothgrad:samples=3"}), 2 + 2 * 3);
}

}  // namespace
}  // namespace clearcut
