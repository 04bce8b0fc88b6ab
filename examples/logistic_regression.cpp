// Logistic regression with gradient descent: two clouds of points, p = sigmoid(x w + b),
// loss = -mean(t log p + (1 - t) log(1 - p)), written with softplus so that no logarithm of 0 appears.
#include <cstdio>

#include "autograd/arithmetic.h"
#include "autograd/matmul.h"
#include "autograd/reduce.h"
#include "tensor/random.h"

using namespace clearcut;

int main() {
  // 200 points in the plane, N(+-1, 1) in both coordinates; targets 1 and 0.
  const std::int64_t n = 200;
  Tensor points({n, 2}), targets({n, 1});
  RandomStream(1, "points").fill_normal(points, 0, 1);
  for (std::int64_t i = 0; i < n; ++i) {
    const bool positive = i % 2 == 0;
    targets.data<float>()[i] = positive ? 1.0f : 0.0f;
    for (int k = 0; k < 2; ++k) points.data<float>()[2 * i + k] += positive ? 1.0f : -1.0f;
  }

  const Var x(points), t(targets);
  const Var w(Tensor::zeros({2, 1}), true), b(Tensor::zeros({1}), true);
  double loss_value = 0;
  for (int step = 0; step < 200; ++step) {
    const Var z = matmul(x, w) + b;
    const Var loss = mean(softplus(z) - t * z);  // -log p = softplus(-z), -log(1 - p) = softplus(z)
    loss.backward();
    loss_value = loss.value().item();
    if (step % 50 == 0) std::printf("step %3d  loss %.4f\n", step, loss_value);
    for (const Var& p : {w, b}) {
      float* value = p.value().data<float>();
      const float* slope = p.grad().data<const float>();
      for (std::int64_t i = 0; i < p.value().numel(); ++i) value[i] -= 0.5f * slope[i];
      p.zero_grad();
    }
  }

  const NoGrad guard;
  const Tensor z = (matmul(x, w) + b).value();
  int right = 0;
  for (std::int64_t i = 0; i < n; ++i) right += (z[i].item() > 0) == (targets[i].item() > 0.5);
  std::printf("loss %.4f, w = (%.2f, %.2f), %d of %d points right\n", loss_value, w.value()[0].item(),
              w.value()[1].item(), right, static_cast<int>(n));
  return right > 170 ? 0 : 1;  // the best rule, x + y > 0, is right for 92 % of such points
}
