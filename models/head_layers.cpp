#include "models/head_layers.h"

#include "autograd/resize.h"
#include "tensor/collective.h"

namespace clearcut {

Conv2dOptions head_conv(std::int64_t in, std::int64_t out, std::int64_t kernel, const Init& weight_init) {
  return {.in = in,
          .out = out,
          .kernel = kernel,
          .padding = kernel / 2,
          .weight_init = weight_init,
          .bias_init = constant(0)};
}

Var resized_like(const Var& x, const Var& like) { return resize_bilinear(x, like, false); }

PooledConv::PooledConv(const Scope& at, const Conv2dOptions& o, std::int64_t bin)
    : Module(at), pool(at / 0, bin), conv(at / 1, o) {}

Var PooledConv::operator()(const Var& x) const {
  return run([&] {
    const Var means = pool(x);
    const std::int64_t values = OneOfRanks::count() * means.dim(0) * means.dim(2) * means.dim(3);
    check(!conv.bn.trains() || values >= 2, "image pooling",
          "batch norm in training needs at least 2 values per channel; 1 picture averaged to 1 x 1 has ",
          values, "; give batches of 2 pictures or more, or set freeze_batch_norm: true");
    return conv(means);
  });
}

}  // namespace clearcut
