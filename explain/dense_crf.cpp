#include "explain/dense_crf.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "explain/permutohedral.h"
#include "tensor/ops/arithmetic.h"
#include "tensor/ops/elementwise.h"
#include "tensor/ops/gaussian_sum.h"
#include "tensor/ops/matmul.h"
#include "tensor/ops/softmax.h"
#include "tensor/parallel.h"

namespace clearcut {

namespace {

struct Preset {
  const char* name;
  CrfKernel place, colour;
};
constexpr Preset kPresets[] = {
    {"rrm", {.xy = 3, .weight = 3}, {.xy = 83, .rgb = 5, .weight = 4}},
    {"rrm-mining", {.xy = 3, .weight = 3}, {.xy = 80, .rgb = 13, .weight = 10}},
    {"pmm", {.xy = 3, .weight = 10}, {.xy = 80, .rgb = 13, .weight = 10}},
    {"pmm-test", {.xy = 1, .weight = 3}, {.xy = 67, .rgb = 3, .weight = 4}},
    {"labels", {.xy = 3, .weight = 3}, {.xy = 50, .rgb = 5, .weight = 10}},
};

// q -> K q.
using Filter = std::function<Tensor(const Tensor& q)>;

// w n K n q, with n = 1 / sqrt(K 1 + 1e-20) worked out once.
PairTerm normalised(const Filter& filter, const Tensor& features, double weight) {
  const Tensor ones =
      Tensor::full({1, 1, features.dim(2), features.dim(3)}, 1, features.dtype(), features.device());
  const Tensor n = ops::divide_into(ops::sqrt(ops::add(filter(ones), 1e-20)), 1);
  return [=](const Tensor& q) { return ops::mul(ops::mul(n, filter(ops::mul(n, q))), weight); };
}

// One pass along one side: y_i = sum over |k| <= radius of weights[|k|] x_{i + k}, nothing beyond the border.
void place_pass(const std::vector<float>& weights, const float* x, float* y, std::int64_t planes,
                std::int64_t H, std::int64_t W, bool along_rows) {
  const auto radius = static_cast<std::int64_t>(weights.size()) - 1;
  parallel_for(planes * H, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const float* from = x + row * W;
      float* to = y + row * W;
      std::fill(to, to + W, 0.0F);
      for (std::int64_t k = -radius; k <= radius; ++k) {
        const float w = weights[static_cast<std::size_t>(std::abs(k))];
        if (along_rows)
          for (std::int64_t i = std::max<std::int64_t>(0, -k); i < std::min(W, W - k); ++i)
            to[i] += w * from[i + k];
        else if (row % H + k >= 0 && row % H + k < H)
          for (std::int64_t i = 0; i < W; ++i) to[i] += w * from[k * W + i];
      }
    }
  });
}

// The kernel of place splits into two passes. Beyond 5.3 deviations weights are below 1e-6.
Tensor place_sum(const Tensor& q, double deviation) {
  std::vector<float> weights;
  for (int k = 0; k <= static_cast<int>(std::ceil(5.3 * deviation)); ++k)
    weights.push_back(static_cast<float>(std::exp(-0.5 * k * k / (deviation * deviation))));
  Tensor rows = empty_like(q), y = empty_like(q);
  place_pass(weights, q.data<const float>(), rows.data<float>(), q.dim(1), q.dim(2), q.dim(3), true);
  place_pass(weights, rows.data<const float>(), y.data<float>(), q.dim(1), q.dim(2), q.dim(3), false);
  return y;
}

PairTerm term_of(const Tensor& picture, const CrfKernel& kernel, const Tensor& p, CrfFilter filter) {
  check(kernel.xy > 0 && kernel.rgb >= 0, "dense_crf",
        "deviations must be positive (rgb 0: place alone); got ", kernel.xy, " and ", kernel.rgb);
  if (filter == CrfFilter::kExact)
    return exact_term(pair_features(picture, kernel, p.dtype()).to(p.device()), kernel.weight);
  const Tensor features = pair_features(picture, kernel, DType::kFloat32);
  if (kernel.rgb > 0) return lattice_term(features, kernel.weight);
  return normalised([xy = kernel.xy](const Tensor& q) { return place_sum(q, xy); }, features, kernel.weight);
}

// -log(clip(p, 1e-5, 1)).
Tensor unary_of(const Tensor& p) {
  const Tensor clipped = ops::clamp(p, 1e-5, 1.0);
  return ops::neg(ops::log(clipped));
}

}  // namespace

CrfOptions crf_preset(const std::string& name) {
  std::string known;
  for (const Preset& preset : kPresets) {
    if (name == preset.name) return {.kernels = {preset.place, preset.colour}};
    known += (known.empty() ? "" : ", ") + std::string(preset.name);
  }
  fail("dense_crf", "the presets are ", known, "; got '", name, "'");
}

std::vector<std::string> crf_preset_names() {
  std::vector<std::string> names;
  for (const Preset& preset : kPresets) names.emplace_back(preset.name);
  return names;
}

Tensor pair_features(const Tensor& picture, const CrfKernel& kernel, DType dtype) {
  check(picture.defined() && picture.rank() == 3 && picture.dim(2) == 3 && picture.dtype() == DType::kUInt8,
        "pair_features", "picture must be uint8 [H, W, 3]");
  const std::int64_t H = picture.dim(0), W = picture.dim(1), D = kernel.rgb > 0 ? 5 : 2;
  Tensor features({1, D, H, W}, DType::kFloat64);
  double* f = features.data<double>();
  const std::uint8_t* colour = picture.data<const std::uint8_t>();
  for (std::int64_t i = 0; i < H * W; ++i) {
    f[i] = static_cast<double>(i % W) / kernel.xy;
    f[H * W + i] = static_cast<double>(i / W) / kernel.xy;
    for (std::int64_t d = 2; d < D; ++d) f[d * H * W + i] = colour[i * 3 + d - 2] / kernel.rgb;
  }
  return features.to(dtype);
}

PairTerm exact_term(const Tensor& features, double weight) {
  return normalised([features](const Tensor& q) { return ops::gaussian_sum(features, q); }, features, weight);
}

PairTerm lattice_term(const Tensor& features, double weight) {
  const auto lattice = std::make_shared<Permutohedral>(features);
  return normalised([lattice](const Tensor& q) { return lattice->filter(q); }, features, weight);
}

Tensor mean_field(const Tensor& unary, const std::vector<PairTerm>& terms, int steps,
                  const Tensor& compatibility) {
  check_rank("mean_field", "unary", unary, 4, "[1, C, H, W]");
  const std::int64_t C = unary.dim(1);
  check(unary.dim(0) == 1 && C > 0 && steps >= 0, "mean_field",
        "unary must be [1, C, H, W] with C > 0, steps >= 0; got ", unary.shape(), " and ", steps);
  check(!compatibility.defined() || compatibility.shape() == Shape({C, C}), "mean_field",
        "compatibility must be [C, C] for ", C, " labels");
  const Tensor start = ops::neg(unary);
  const Tensor mu = compatibility.defined() ? compatibility.to(unary.dtype()).to(unary.device()) : Tensor();
  Tensor q = ops::softmax(start, 1);
  for (int step = 0; step < steps; ++step) {
    Tensor z = start;
    for (const PairTerm& term : terms) {
      const Tensor message = term(q);
      z = mu.defined() ? ops::sub(z, ops::matmul(mu, message.reshape({C, -1})).reshape(message.shape()))
                       : ops::add(z, message);
    }
    q = ops::softmax(z, 1);
  }
  return q;
}

Tensor dense_crf(const Tensor& p, const Tensor& picture, const CrfOptions& options) {
  check_rank("dense_crf", "p", p, 3, "[C, H, W]");
  check(picture.defined() && picture.rank() == 3 && p.dim(1) == picture.dim(0) && p.dim(2) == picture.dim(1),
        "dense_crf", "p [C, H, W] and the picture [H, W, 3] must agree in size; got ", p.shape(), " and ",
        picture.defined() ? picture.shape() : Shape());
  const bool exact = options.filter == CrfFilter::kExact;
  const Tensor used =
      (exact ? p : p.to(Device::kCpu).to(DType::kFloat32)).reshape({1, p.dim(0), p.dim(1), p.dim(2)});
  std::vector<PairTerm> terms;
  for (const CrfKernel& kernel : options.kernels)
    terms.push_back(term_of(picture, kernel, used, options.filter));
  const Tensor q = mean_field(unary_of(used), terms, options.steps, options.compatibility);
  return q.reshape(p.shape()).to(p.dtype()).to(p.device());
}

Tensor label_probabilities(const Tensor& labels, int C, double sure, int ignore) {
  check(C >= 2 && sure > 0 && sure < 1, "label_probabilities",
        "there must be two labels or more and sure in (0, 1); got ", C, " and ", sure);
  const std::int64_t n = labels.numel();
  const std::int32_t* label = labels.data<const std::int32_t>();
  Tensor p({C, labels.dim(0), labels.dim(1)});
  float* to = p.data<float>();
  for (std::int64_t i = 0; i < n; ++i) {
    check(label[i] == ignore || (label[i] >= 0 && label[i] < C), "label_probabilities", "pixel ", i,
          " has label ", label[i], "; labels are 0 to ", C - 1, " and ", ignore);
    for (int c = 0; c < C; ++c)
      to[c * n + i] = static_cast<float>(label[i] == ignore ? 1.0 / C
                                         : c == label[i]    ? sure
                                                            : (1 - sure) / (C - 1));
  }
  return p;
}

}  // namespace clearcut
