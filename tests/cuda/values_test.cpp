// Random numbers, conversions, optimiser steps, masks, folded weights and labels on the emulated device: the
// same numbers as in host memory, bit for bit where nothing is summed.
#include <gtest/gtest.h>

#include "tensor/ops/adamw.h"
#include "tensor/ops/batch_norm.h"
#include "tensor/ops/clamp_mask.h"
#include "tensor/ops/cross_entropy.h"
#include "tensor/ops/dropout.h"
#include "tensor/ops/fold_batch_norm.h"
#include "tensor/ops/sgd.h"
#include "tensor/random.h"
#include "tests/cuda/device.h"
#include "tests/errors.h"
#include "tests/op_run.h"

namespace clearcut {
namespace {

Tensor drawn(const Shape& shape, const char* name, Device device, DType dtype = DType::kFloat32) {
  Tensor x(shape);
  RandomStream(5, name).fill_normal(x, 0, 1);
  return x.to(dtype).to(device);
}

template <class T>
void expect_same_fills(DType dtype) {
  const RandomStream stream(1, "fill", 77, 3);
  for (const std::int64_t n : {1, 3, 4, 5, 1023, 1024, 4099})
    for (const std::int64_t first : {0, 1, 2, 3, 5}) {
      const Tensor host(Shape{n}, dtype), device(Shape{n}, dtype, Device::kCuda);
      stream.fill_uniform(host, -2, 3, first);
      stream.fill_uniform(device, -2, 3, first);
      EXPECT_EQ(host.values<T>(), device.values<T>()) << n << " uniforms from " << first;
      stream.fill_normal(host, 0.5, 2, first);
      stream.fill_normal(device, 0.5, 2, first);
      EXPECT_EQ(host.values<T>(), device.values<T>()) << n << " normals from " << first;
    }
}

TEST(CudaRandom, SameBitsAsInHostMemory) {
  test::in_each_order([] {
    expect_same_fills<float>(DType::kFloat32);
    expect_same_fills<double>(DType::kFloat64);
  });
}

// Rows of whole packs, rows with a rest, and rows that begin where no pack does.
template <class T>
void expect_same_masks(DType dtype, bool whole) {
  const DropoutOptions o{.p = 0.3, .whole_channels = whole, .step = 2};
  for (const Shape& shape : {Shape{3, 5, 3, 3}, Shape{2, 9, 1, 2}, Shape{1, 1030}, Shape{2, 8, 3, 4}})
    EXPECT_EQ(ops::dropout(drawn(shape, "x", Device::kCuda, dtype), o).values<T>(),
              ops::dropout(drawn(shape, "x", Device::kCpu, dtype), o).values<T>())
        << shape;
  const auto shifted = [&](Device device) {
    return ops::dropout(drawn({33}, "x", device, dtype).slice(1, 33).reshape({2, 4, 4}), o)
        .template values<T>();
  };
  EXPECT_EQ(shifted(Device::kCuda), shifted(Device::kCpu));
}

TEST(CudaRandom, DropoutHasTheSameMask) {
  for (const bool whole : {false, true}) {
    expect_same_masks<float>(DType::kFloat32, whole);
    expect_same_masks<double>(DType::kFloat64, whole);
  }
}

TEST(CudaRandom, FillsBeginAnywhere) {
  const RandomStream stream(1, "fill");
  const Tensor host(Shape{41}), device(Shape{41}, DType::kFloat32, Device::kCuda);
  for (const Tensor& x : {host, device}) {
    stream.fill_uniform(x, 0, 1);
    stream.fill_uniform(x.slice(1, 41), -2, 3);
  }
  EXPECT_EQ(host.values<float>(), device.values<float>());
}

TEST(CudaValues, ConversionsAreThoseOfTheHost) {
  const Tensor host = Tensor::from<float>({5}, {0, 1.75F, 3, 200.5F, 90});
  for (const DType to : {DType::kFloat64, DType::kInt32, DType::kInt64, DType::kUInt8}) {
    const Tensor device = host.to(Device::kCuda).to(to);
    EXPECT_EQ(device.device(), Device::kCuda);
    const std::vector<double> expected = host.to(to).to(DType::kFloat64).values<double>();
    EXPECT_EQ(device.to(Device::kCpu).to(DType::kFloat64).values<double>(), expected) << to;
    EXPECT_EQ(device.to(DType::kFloat32).values<float>(), host.to(to).to(DType::kFloat32).values<float>())
        << to;
  }
  EXPECT_EQ(Tensor::full({300}, 7, DType::kInt32, Device::kCuda).values<std::int32_t>(),
            std::vector<std::int32_t>(300, 7));
  EXPECT_EQ(Tensor::full({}, -0.5, DType::kFloat64, Device::kCuda).item(), -0.5);
}

// More tensors than one launch takes, one of more than one piece, one empty.
std::vector<std::vector<float>> after_two_steps(Device device, bool nesterov) {
  std::vector<ops::SgdParameter> all;
  for (int i = 0; i < 70; ++i) {
    const Shape shape{i == 3 ? 33000 : i == 5 ? 0 : 1 + 9 * i};
    const std::string name = std::to_string(i);
    all.push_back({drawn(shape, ("w" + name).c_str(), device),
                   drawn(shape, ("v" + name).c_str(), device),
                   drawn(shape, ("g" + name).c_str(), device),
                   {.rate = 0.1 + 0.01 * i, .weight_decay = 1e-3, .nesterov = nesterov}});
  }
  for (int step = 0; step < 2; ++step) ops::sgd_update(all);
  std::vector<std::vector<float>> values;
  for (const ops::SgdParameter& p : all) {
    values.push_back(p.w.values<float>());
    values.push_back(p.v.values<float>());
  }
  return values;
}

TEST(CudaValues, SgdStepsAreThoseOfReference) {
  for (const bool nesterov : {false, true})
    EXPECT_EQ(after_two_steps(Device::kCuda, nesterov), after_two_steps(Device::kReference, nesterov));
}

// The same for AdamW, whose launches take other numbers of tensors.
TEST(CudaValues, AdamWStepsAreThoseOfReference) {
  const auto run = [](Device device) {
    std::vector<ops::AdamWParameter> all;
    for (int i = 0; i < 60; ++i) {
      const Shape shape{i == 3 ? 33000 : i == 5 ? 0 : 1 + 9 * i};
      const std::string name = std::to_string(i);
      const Tensor w = drawn(shape, ("w" + name).c_str(), device);
      all.push_back({w,
                     zeros_like(w),
                     zeros_like(w),
                     drawn(shape, ("g" + name).c_str(), device),
                     {.rate = 0.01 + 0.01 * i, .weight_decay = 1e-3}});
    }
    for (std::int64_t step : {1, 2}) {
      for (ops::AdamWParameter& p : all) p.update.step = step;
      ops::adamw_update(all);
    }
    std::vector<std::vector<float>> values;
    for (const ops::AdamWParameter& p : all) {
      values.push_back(p.w.values<float>());
      values.push_back(p.v.values<float>());
    }
    return values;
  };
  EXPECT_EQ(run(Device::kCuda), run(Device::kReference));
}

TEST(CudaValues, MasksAreThoseOfReference) {
  std::vector<float> values = drawn({1000}, "y", Device::kCpu).values<float>();
  values[3] = 1;
  values[4] = -1;
  values[5] = std::numeric_limits<float>::quiet_NaN();
  const auto run = [&](Device device) {
    const Tensor mask = ops::clamp_mask(Tensor::from<float>({1000}, values, device), -1, 1);
    const Tensor dy = drawn({1000}, "dy", device);
    ops::mask_in_place(dy, mask);
    return std::pair(mask.values<std::uint8_t>(), dy.values<float>());
  };
  EXPECT_EQ(run(Device::kCuda), run(Device::kReference));
}

TEST(CudaValues, FoldedWeightsAreThoseOfReference) {
  const auto run = [](Device device, bool with_bias) {
    const auto of = [&](const char* name) { return drawn({70}, name, device); };
    const ops::ChannelStatistics s{of("mean"), of("variance"), of("inverse")};
    const ops::FoldedWeights f = ops::fold_batch_norm(
        drawn({70, 3, 3, 1}, "w", device), with_bias ? of("b") : Tensor(), s, of("gamma"), of("beta"));
    return std::pair(f.weight.values<float>(), f.bias.values<float>());
  };
  for (const bool with_bias : {false, true})
    EXPECT_EQ(run(Device::kCuda, with_bias), run(Device::kReference, with_bias));
}

// Pixels 700 and 1300 have wrong labels: the first one is named, though other blocks see the other first.
TEST(CudaValues, TheFirstWrongLabelIsNamed) {
  const Tensor host = Tensor::zeros({1, 40, 40}, DType::kInt64);
  host.data<std::int64_t>()[700] = 9;
  host.data<std::int64_t>()[1300] = -4;
  const Tensor labels = host.to(Device::kCuda),
               z = Tensor::zeros({1, 3, 40, 40}, DType::kFloat32, Device::kCuda);
  expect_error([&] { ops::cross_entropy(z, labels, {.ignore_index = 255}); },
               "labels must lie in [0, 3) or be the ignore index 255; got 9 at [n 0, y 17, x 20]");
}

// The widest rows that one block takes, several blocks a row, and more pixels than one round of all blocks.
TEST(CudaValues, UpsampledLossOfWideMaps) {
  const Shape z{1, 3, 2, 150};
  const Tensor labels({1, 5, 600}, DType::kInt32);
  for (std::int64_t p = 0; p < labels.numel(); ++p)
    labels.data<std::int32_t>()[p] = static_cast<std::int32_t>(p * 7 % 3);
  const auto run = [&](Device device, DType dtype) {
    const Tensor logits = drawn(z, "z", device, dtype);
    const ops::CrossEntropy r = ops::upsampled_cross_entropy(logits, labels.to(device), false, {});
    return std::pair(r.loss.item(), ops::upsampled_cross_entropy_backward(Tensor::full({}, 1, dtype, device),
                                                                          logits, false, r));
  };
  const auto expected = run(Device::kReference, DType::kFloat64), exact = run(Device::kCuda, DType::kFloat64),
             got = run(Device::kCuda, DType::kFloat32);
  EXPECT_NEAR(exact.first, expected.first, 1e-12);
  EXPECT_NEAR(got.first, expected.first, 1e-6);  // eps of exponentials and sums
  test::expect_close(exact.second, expected.second, 1e-14, "in double");
  test::expect_close(got.second, expected.second, 1e-8, "in float");  // values near 1e-3, 20 terms each
}

}  // namespace
}  // namespace clearcut
