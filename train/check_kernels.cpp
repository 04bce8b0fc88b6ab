#include "train/check_kernels.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include "tensor/cuda_device.h"
#include "tensor/parallel.h"
#include "train/bench/operands.h"

namespace clearcut {

using conv::Direction;

namespace {

constexpr std::int64_t kPictures = 3;
// C:side:K:kernel:stride:dilation:groups. Odd, and such that panels, tiles and vectors end in the middle.
const std::vector<std::string> kLayers = {
    "19:23:33:3",        "64:28:48:3",        "130:7:70:3",      "3:65:16:7:2",  "40:15:33:1",
    "50:14:33:1:2",      "12:19:10:3:1:4",    "32:13:24:3:1:12", "20:21:36:3:2", "24:20:36:3:2:1:3",
    "40:45:40:3:1:1:40", "24:30:24:3:2:1:24", "9:17:9:5:1:1:9",  "18:31:18:3"};

void clamp_below_zero(const Tensor& x) {
  float* values = x.data<float>();
  for (std::int64_t i = 0; i < x.numel(); ++i) values[i] = std::max(values[i], 0.0f);
}

/// Operands whose result in one direction is computed by one kernel; the operands of the others stay.
class Run {
 public:
  Run(const LayerShape& shape, std::uint64_t seed, bool behind_relu) : operands_(shape, seed) {
    if (behind_relu) clamp_below_zero(operands_.x), clamp_below_zero(operands_.y);
  }

  double error(const conv::Kernel& kernel, Direction direction) {
    Tensor& expected = expected_[direction];  // the same for all kernels
    if (!expected.defined()) expected = operands_.reference(direction);
    return largest_difference(result(kernel, direction), expected);
  }

  bool same_for_threads(const conv::Kernel& kernel, Direction direction) {
    const int before = threads();
    set_threads(1);
    const Tensor one = result(kernel, direction);
    set_threads(3);
    const Tensor three = result(kernel, direction);
    set_threads(before);
    return same_bits(one, three);
  }

  /// Pictures are independent but for the weight gradient, which sums over them.
  bool same_for_batch(const conv::Kernel& kernel, Direction direction) {
    if (direction == Direction::kBackwardWeight) return true;
    const Tensor all = result(kernel, direction);
    ConvOperands last = operands_;
    last.x = operands_.x.slice(kPictures - 1, kPictures).clone();
    last.y = operands_.y.slice(kPictures - 1, kPictures).clone();
    last.run(kernel, direction);
    return same_bits(last.result(direction), all.slice(kPictures - 1, kPictures));
  }

 private:
  Tensor result(const conv::Kernel& kernel, Direction direction) {
    ConvOperands t = operands_;
    Tensor& to = direction == Direction::kForward ? t.y : direction == Direction::kBackwardInput ? t.x : t.w;
    to = Tensor::full(to.shape(), NAN);  // what is not written is seen
    t.run(kernel, direction);
    return to;
  }

  ConvOperands operands_;
  std::map<Direction, Tensor> expected_;
};

KernelCheck check_one(const conv::Kernel& kernel, const LayerShape& shape, Direction direction, Run& plain,
                      Run& behind_relu) {
  return {.kernel = std::string(kernel.name),
          .layer = shape.name(),
          .direction = std::string(name_of(direction)),
          .error = std::max(plain.error(kernel, direction), behind_relu.error(kernel, direction)),
          .same_in_any_order = plain.same_for_threads(kernel, direction),
          .same_for_batch = plain.same_for_batch(kernel, direction)};
}

}  // namespace

double largest_difference(const Tensor& a, const Tensor& b) {
  const float* x = a.data<const float>();
  const double* y = b.data<const double>();
  double difference = 0, largest = 0;
  for (std::int64_t i = 0; i < a.numel(); ++i) {
    if (std::isnan(x[i])) return INFINITY;
    difference = std::max(difference, std::abs(static_cast<double>(x[i]) - y[i]));
    largest = std::max(largest, std::abs(y[i]));
  }
  return difference / std::max(largest, 1e-30);
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return std::memcmp(a.data<const float>(), b.data<const float>(), static_cast<std::size_t>(a.numel()) * 4) ==
         0;
}

std::vector<KernelCheck> check_kernels(const std::string& filter, const std::vector<std::string>& layers,
                                       std::uint64_t seed) {
  std::vector<KernelCheck> checks;
  for (const std::string& text : layers.empty() ? kLayers : layers) {
    LayerShape shape = parse_layer(text);
    shape.batch = kPictures;
    const conv::Layer layer = ConvOperands(shape, seed).layer();
    Run plain(shape, seed, false), behind_relu(shape, seed, true);
    for (const conv::Kernel* kernel : conv::kernels())
      for (const Direction d : {Direction::kForward, Direction::kBackwardInput, Direction::kBackwardWeight})
        if (kernel->name.find(filter) != std::string_view::npos && kernel->offers(layer, d))
          checks.push_back(check_one(*kernel, shape, d, plain, behind_relu));
  }
  if (cuda_machine().missing.empty())
    for (KernelCheck& check : check_cuda_kernels(filter, layers, seed)) checks.push_back(std::move(check));
  return checks;
}

}  // namespace clearcut
