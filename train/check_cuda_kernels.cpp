// The kernels of cuda, on the emulated device in several orders.
#include <cmath>

#include "train/bench/operands.h"
#include "train/check_kernels.h"

namespace clearcut {

using conv::Direction;

namespace {

constexpr std::int64_t kBatch = 3;
// C:side:K:kernel:stride:dilation:groups. Tiles of 16 and 64 pixels and channels end in the middle, or do
// not; a side of 8 has rows of whole 16 bytes.
const std::vector<std::string> kLayers = {"5:9:19:3", "16:8:64:1", "6:11:10:3:2:1:2", "4:8:3:3:1:2"};
const std::vector<ProductShape> kProducts = {
    {"NN", "", 1, 1, 1},    {"NN", "", 65, 33, 17}, {"NN", "", 64, 128, 16}, {"NN", "", 20, 68, 36},
    {"NT", "", 33, 65, 18}, {"TN", "", 65, 70, 33}, {"TT", "", 17, 15, 40}};

/// One kernel on some operands of its: result(), all or only the last of the batch, overwrites NaN.
struct Trial {
  Tensor expected;  // in double
  std::function<Tensor()> result;
  std::function<Tensor()> last = {};  // of the last picture or matrix alone; null: it sums over the batch
};

void run(const Trial& trial, KernelCheck& check) {
  try {
    Tensor first;
    cuda::in_each_cuda_order([&] {
      const Tensor y = trial.result();
      if (!first.defined()) first = y;
      check.same_in_any_order = check.same_in_any_order && same_bits(y, first);
    });
    check.error = largest_difference(first, trial.expected);
    if (trial.last) check.same_for_batch = same_bits(trial.last(), first.slice(kBatch - 1, kBatch));
  } catch (const Error& error) {
    check.fault = error.what();
  }
}

Tensor last_of(const Tensor& x) { return x.slice(kBatch - 1, kBatch).clone(); }
Tensor unwritten(const Tensor& x) { return Tensor::full(x.shape(), NAN, DType::kFloat32, Device::kCuda); }

Tensor multiplied(const cuda::Gemm& gemm, ProductOperands t) {
  t.c = unwritten(t.c);
  gemm.multiply(t.product());
  return t.c.to(Device::kCpu);
}

void check_product(const cuda::Gemm& gemm, const ProductShape& shape, std::uint64_t seed,
                   std::vector<KernelCheck>& checks) {
  const ProductOperands t(shape, kBatch, seed, Device::kCuda);
  if (gemm.fits != nullptr && !gemm.fits(t.product())) return;
  const auto exact = [](const Tensor& x) { return x.to(Device::kReference).to(DType::kFloat64); };
  ProductOperands alone = t;
  alone.a = last_of(t.a), alone.b = last_of(t.b), alone.c = last_of(t.c);
  KernelCheck& check = checks.emplace_back(KernelCheck{.kernel = cat("gemm_", gemm.name),
                                                       .layer = shape.name(),
                                                       .direction = "product",
                                                       .rounding = gemm.rounding});
  run({.expected = ops::matmul(exact(t.a), exact(t.b), {.transpose_a = t.turn_a, .transpose_b = t.turn_b}),
       .result = [&] { return multiplied(gemm, t); },
       .last = [&] { return multiplied(gemm, alone); }},
      check);
}

Tensor convolved(const conv::Kernel& kernel, ConvOperands t, Direction direction) {
  Tensor& to = direction == Direction::kForward ? t.y : direction == Direction::kBackwardInput ? t.x : t.w;
  to = unwritten(to);
  t.run(kernel, direction);
  return to.to(Device::kCpu);
}

void check_convolution(const cuda::Convolution& convolution, const LayerShape& shape, std::uint64_t seed,
                       std::vector<KernelCheck>& checks) {
  const ConvOperands t(shape, seed, Device::kCuda);
  const ConvOperands on_host(shape, seed);
  ConvOperands alone = t;
  alone.x = last_of(t.x), alone.y = last_of(t.y);
  for (const Direction d : {Direction::kForward, Direction::kBackwardInput, Direction::kBackwardWeight}) {
    if (!convolution.kernel.offers(t.layer(), d)) continue;
    KernelCheck& check = checks.emplace_back(KernelCheck{.kernel = convolution.file_name(),
                                                         .layer = shape.name(),
                                                         .direction = std::string(name_of(d)),
                                                         .rounding = convolution.rounding});
    Trial trial{.expected = on_host.reference(d),
                .result = [&] { return convolved(convolution.kernel, t, d); }};
    if (d != Direction::kBackwardWeight) trial.last = [&] { return convolved(convolution.kernel, alone, d); };
    run(trial, check);
  }
}

}  // namespace

std::vector<KernelCheck> check_cuda_kernels(const std::string& filter, const std::vector<std::string>& layers,
                                            std::uint64_t seed) {
  std::vector<KernelCheck> checks;
  const auto wanted = [&](const std::string& name) { return name.find(filter) != std::string::npos; };
  if (layers.empty())
    for (const cuda::Gemm* gemm : cuda::gemms())
      if (wanted(cat("gemm_", gemm->name)))
        for (const ProductShape& shape : kProducts) check_product(*gemm, shape, seed, checks);
  for (const cuda::Convolution& convolution : cuda::convolutions())
    if (wanted(convolution.file_name()))
      for (const std::string& text : layers.empty() ? kLayers : layers) {
        LayerShape shape = parse_layer(text);
        shape.batch = kBatch;
        check_convolution(convolution, shape, seed, checks);
      }
  return checks;
}

}  // namespace clearcut
