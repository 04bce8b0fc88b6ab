// A small convolutional network: which of three textures fills a 16 x 16 picture? Horizontal stripes,
// vertical stripes or a chequerboard, under noise.
#include <algorithm>
#include <cstdio>

#include "autograd/cross_entropy.h"
#include "autograd/elementwise.h"
#include "autograd/pool.h"
#include "autograd/rearrange.h"
#include "nn/layers.h"
#include "tensor/random.h"
#include "train/optimiser.h"

using namespace clearcut;

struct TextureNet : Module {
  Conv2d conv1, conv2;
  BatchNorm2d bn1;
  Linear fc;

  explicit TextureNet(const Scope& at)
      : Module(at),
        conv1(at / "conv1", {.in = 1, .out = 8, .kernel = 3, .padding = 1}),
        conv2(at / "conv2", {.in = 8, .out = 16, .kernel = 3, .stride = 2, .padding = 1}),
        bn1(at / "bn1", 8),
        fc(at / "fc", {.in = 16, .out = 3}) {}

  Var operator()(const Var& x) const {  // [N, 1, 16, 16] -> [N, 3]
    const Var y = relu(conv2(relu(bn1(conv1(x)))));
    return fc(flatten(global_avg_pool(y)));
  }
};

struct Batch {
  Tensor pictures, labels;
};

Batch draw(std::int64_t n, std::uint64_t item) {
  Batch batch{Tensor({n, 1, 16, 16}), Tensor({n}, DType::kInt32)};
  RandomStream(1, "noise", item).fill_normal(batch.pictures, 0, 0.5);
  for (std::int64_t i = 0; i < n; ++i) {
    const auto label = static_cast<int>(RandomStream(1, "label", item).below(i, 3));
    batch.labels.data<std::int32_t>()[i] = label;
    float* p = batch.pictures[i].data<float>();
    for (int y = 0; y < 16; ++y)
      for (int x = 0; x < 16; ++x) {
        const int phase = label == 0 ? y / 2 : label == 1 ? x / 2 : x / 2 + y / 2;
        p[y * 16 + x] += phase % 2 == 0 ? 1.0f : -1.0f;
      }
  }
  return batch;
}

int main() {
  Registry registry(/*seed=*/1);
  const TextureNet net(registry.scope());
  Sgd sgd(registry, {.momentum = 0.9, .groups = {.weight_decay = 1e-4}});
  registry.mode.training = true;
  for (std::uint64_t step = 0; step < 60; ++step) {
    const Batch batch = draw(16, step);
    registry.zero_grad();
    const Var loss = cross_entropy(net(Var(batch.pictures)), batch.labels);
    loss.backward();
    sgd.step(0.05);
    if (step % 20 == 0) std::printf("step %2d  loss %.4f\n", static_cast<int>(step), loss.value().item());
  }
  registry.mode.training = false;
  const NoGrad guard;
  const Batch test = draw(90, 1000);
  const Tensor logits = net(Var(test.pictures)).value();
  int right = 0;
  for (std::int64_t i = 0; i < 90; ++i) {
    const auto z = logits[i].values<float>();
    right += std::max_element(z.begin(), z.end()) - z.begin() == static_cast<int>(test.labels[i].item());
  }
  std::printf("%d parameters, %d of 90 right\n", static_cast<int>(registry.parameter_count()), right);
  return right >= 85 ? 0 : 1;
}
