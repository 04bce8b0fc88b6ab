#include "train/bench/layers.h"

#include <charconv>

#include "tensor/error.h"

namespace clearcut {

namespace {

// Stage `stage` (1 to 4) of ResNet-50: bottlenecks of `width` channels inside and 4 width outside. The first
// block takes `in` channels at `side`, and halves the side unless it is stage 1.
void add_resnet_stage(int stage, int blocks, std::int64_t in, std::int64_t side,
                      std::vector<LayerShape>& to) {
  const std::int64_t width = 32 << stage, out = 4 * width, stride = stage == 1 ? 1 : 2, small = side / stride;
  const auto add = [&](LayerShape layer) {
    layer.suite = "resnet50";
    to.push_back(layer);
  };
  add({.C = in, .side = side, .K = width});
  if (stride == 2) add({.C = width, .side = side, .K = width, .kernel = 3, .stride = 2});
  add({.C = width, .side = small, .K = width, .kernel = 3, .count = stride == 2 ? blocks - 1 : blocks});
  add({.C = width, .side = small, .K = out, .count = stage == 1 ? blocks + 1 : blocks});
  if (stride == 2) add({.C = in, .side = side, .K = out, .stride = 2});  // the shortcut
  add({.C = out, .side = small, .K = width, .count = blocks - 1});
}

const std::vector<LayerShape> kOthers = {
    {.suite = "segmentation", .C = 256, .side = 28, .K = 256, .kernel = 3, .dilation = 2},
    {.suite = "segmentation", .batch = 4, .C = 512, .side = 28, .K = 512, .kernel = 3, .dilation = 4},
    {.suite = "segmentation", .batch = 4, .C = 2048, .side = 28, .K = 512},
    {.suite = "segmentation", .batch = 2, .C = 2048, .side = 28, .K = 256, .kernel = 3, .dilation = 12},
    {.suite = "segmentation", .batch = 2, .C = 2048, .side = 28, .K = 256, .kernel = 3, .dilation = 36},
    {.suite = "segmentation", .batch = 1, .C = 4096, .side = 28, .K = 512, .kernel = 3},
    {.suite = "hrnet", .C = 18, .side = 56, .K = 18, .kernel = 3},
    {.suite = "hrnet", .C = 36, .side = 28, .K = 36, .kernel = 3},
    {.suite = "hrnet", .C = 72, .side = 14, .K = 72, .kernel = 3},
    {.suite = "hrnet", .C = 144, .side = 7, .K = 144, .kernel = 3},
    {.suite = "hrnet", .C = 18, .side = 56, .K = 36, .kernel = 3, .stride = 2},
    {.suite = "hrnet", .C = 36, .side = 28, .K = 18},
};

// Channels, side and stride of the depthwise layers, and how many there are.
struct Depthwise {
  std::int64_t C, side, stride;
  int count;
};
constexpr Depthwise kMobileNet[] = {{32, 112, 1, 1}, {96, 112, 2, 1}, {144, 56, 1, 1}, {144, 56, 2, 1},
                                    {192, 28, 1, 2}, {192, 28, 2, 1}, {384, 14, 1, 4}, {576, 14, 1, 2},
                                    {576, 14, 2, 1}, {960, 7, 1, 3}};

}  // namespace

std::string LayerShape::name() const {
  return cat(kernel, "x", kernel, stride > 1 ? cat(" s", stride) : "",
             dilation > 1 ? cat(" d", dilation) : "",
             groups == 1   ? ""
             : groups == C ? " depthwise"
                           : cat(" g", groups),
             " ", C, "-", K, " @", side, " b", batch);
}

Shape LayerShape::x() const { return {batch, C, side, side}; }
Shape LayerShape::w() const { return {K, C / groups, kernel, kernel}; }

ConvOptions LayerShape::options() const {
  return {.stride = stride, .padding = dilation * (kernel / 2), .dilation = dilation, .groups = groups};
}

std::vector<LayerShape> bench_layers() {
  std::vector<LayerShape> all = {
      {.suite = "resnet50", .C = 3, .side = 224, .K = 64, .kernel = 7, .stride = 2}};
  add_resnet_stage(1, 3, 64, 56, all);
  add_resnet_stage(2, 4, 256, 56, all);
  add_resnet_stage(3, 6, 512, 28, all);
  add_resnet_stage(4, 3, 1024, 14, all);
  all.insert(all.end(), kOthers.begin(), kOthers.end());
  for (const Depthwise& d : kMobileNet)
    all.push_back({.suite = "mobilenet",
                   .C = d.C,
                   .side = d.side,
                   .K = d.C,
                   .kernel = 3,
                   .stride = d.stride,
                   .groups = d.C,
                   .count = d.count});
  return all;
}

LayerShape parse_layer(std::string_view text) {
  std::vector<std::int64_t> numbers;
  const char* at = text.data();
  const char* const end = at + text.size();
  bool good = true;
  while (good && at <= end && numbers.size() < 8) {
    std::int64_t number = 0;
    const auto [next, error] = std::from_chars(at, end, number);
    good = error == std::errc() && number >= 1 && (next == end || *next == ':');
    numbers.push_back(number);
    at = next + 1;
  }
  check(good && numbers.size() >= 4 && numbers.size() <= 7, "layer",
        "a layer is C:side:K:kernel, then :stride:dilation:groups as far as needed, as 64:56:64:3; got '",
        text, "'");
  numbers.resize(7, 1);
  return {.suite = "layer",
          .C = numbers[0],
          .side = numbers[1],
          .K = numbers[2],
          .kernel = numbers[3],
          .stride = numbers[4],
          .dilation = numbers[5],
          .groups = numbers[6]};
}

std::string ProductShape::name() const {
  return cat(form, " ", M, "x", N, "x", K, what.empty() ? "" : " ", what);
}

std::vector<ProductShape> bench_products() {
  return {{"NN", "square", 512, 512, 512},           {"NN", "square", 1024, 1024, 1024},
          {"NN", "square", 2048, 2048, 2048},        {"NN", "stem 7x7 s2", 64, 12544, 147},
          {"NN", "l1 1x1 64-64", 64, 3136, 64},      {"NN", "l1 3x3 64-64", 64, 3136, 576},
          {"NN", "l1 1x1 64-256", 256, 3136, 64},    {"NN", "l1 1x1 256-64", 64, 3136, 256},
          {"NN", "l2 3x3 128", 128, 784, 1152},      {"NN", "l2 1x1 128-512", 512, 784, 128},
          {"NN", "l2 1x1 512-128", 128, 784, 512},   {"NN", "l3 3x3 256", 256, 196, 2304},
          {"NN", "l3 1x1 256-1024", 1024, 196, 256}, {"NN", "l3 1x1 1024-256", 256, 196, 1024},
          {"NN", "l4 3x3 512", 512, 49, 4608},       {"NN", "l4 1x1 512-2048", 2048, 49, 512},
          {"NN", "l4 1x1 2048-512", 512, 49, 2048},  {"NT", "dW l1 3x3 64", 64, 576, 3136},
          {"TN", "dcol l1 3x3 64", 576, 3136, 64},   {"NT", "dW l3 3x3 256", 256, 2304, 196},
          {"TN", "dcol l3 3x3 256", 2304, 196, 256}, {"NT", "fc batch 8", 8, 1000, 2048},
          {"NT", "fc batch 1", 1, 1000, 2048}};
}

}  // namespace clearcut
