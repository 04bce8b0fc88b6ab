// Grad-CAM of an ONNX classifier, from taps: no hooks, no change to the network.
//   gradcam_onnx NET.onnx PICTURE [CLASS]       NET.json beside the network says how it wants its input
// Without arguments it explains a small untrained network and a grey picture, as a check.
// Source: Selvaraju et al. 2017, arXiv:1610.02391: map = relu(sum over k of a_k A_k), a_k = mean of d z_c / d
// A_k.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "autograd/arithmetic.h"
#include "autograd/reduce.h"
#include "data/picture.h"
#include "models/build.h"

using namespace clearcut;

int main(int argc, char** argv) try {
  if (argc == 2) return std::puts("usage: gradcam_onnx NET.onnx PICTURE [CLASS]"), 2;
  const auto net =
      argc > 2 ? load_classifier(argv[1])
               : make_classifier({.name = "small_resnet",
                                  .classes = 3,
                                  .preprocess = {.height = 64, .width = 64, .pixels = {}, .any_size = true}});
  const Tensor picture = argc > 2 ? read_picture(argv[2]) : Tensor::full({80, 100, 3}, 128, DType::kUInt8);
  net->registry().require_grad(false);  // the tape starts at the tap: the layers before it cost no backward
  const Tap tap(net->registry(), net->feature_path());
  const Var logits = net->logits(Var(to_batch(net->preprocess(), {picture})));

  const auto z = logits.value().values<float>();
  const std::int64_t top = std::max_element(z.begin(), z.end()) - z.begin();
  const std::int64_t target = argc > 3 ? std::atoll(argv[3]) : top;
  log_sum_exp(logits, {{target}}).backward();  // of one class: its logit

  const Var features(tap.activation()), slope(tap.gradient());  // [1, K, h, w]
  const Var map = relu(sum(mean(slope, {2, 3}, /*keep=*/true) * features, {0, 1}));
  std::printf("%s: class %s, logit %.2f, map %d x %d of %s\n", net->name().c_str(),
              net->class_names()[static_cast<std::size_t>(target)].c_str(),
              static_cast<double>(z[static_cast<std::size_t>(target)]), static_cast<int>(map.dim(0)),
              static_cast<int>(map.dim(1)), net->feature_path().c_str());

  const auto values = map.value().values<float>();
  const float most = std::max(*std::max_element(values.begin(), values.end()), 1e-12f);
  for (std::int64_t y = 0; y < map.dim(0); ++y, std::puts(""))
    for (std::int64_t x = 0; x < map.dim(1); ++x) {
      const float v = values[static_cast<std::size_t>(y * map.dim(1) + x)] / most;
      std::printf("%c%c", " .:-=+*#%@"[static_cast<int>(9 * v)], ' ');
    }
  return 0;
} catch (const Error& error) {
  std::fprintf(stderr, "error: %s\n", error.what());
  return 1;
}
