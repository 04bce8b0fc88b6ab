#include "tensor/ops/cross_entropy.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "tensor/parallel.h"

namespace clearcut::ops {

namespace {

std::string position(const Shape& labels, std::int64_t p) {
  if (labels.rank() == 1) return cat("[n ", p, "]");
  const std::int64_t w = labels[2], plane = labels[1] * w;
  return cat("[n ", p / plane, ", y ", p % plane / w, ", x ", p % w, "]");
}

void check_options(const char* op, const Tensor& logits, const Tensor& labels, const CrossEntropyOptions& o) {
  const std::int64_t classes = logits.dim(1);
  check(o.class_weights.empty() || static_cast<std::int64_t>(o.class_weights.size()) == classes, op,
        "class_weights needs one weight per class, ", classes, "; got ", o.class_weights.size());
  check(labels.device() == logits.device(), op, "labels are on ", labels.device(), ", logits on ",
        logits.device());
  if (!o.pixel_weights.defined()) return;
  check_same_kind(op, logits, o.pixel_weights);
  check(o.pixel_weights.shape() == labels.shape(), op, "pixel_weights must have the shape of the labels ",
        labels.shape(), "; got ", o.pixel_weights.shape());
}

[[noreturn]] void fail_at(const char* op, const Tensor& labels, std::int64_t classes,
                          std::optional<std::int64_t> ignored, const kernels::WeighedLabels& found) {
  fail(op, "labels must lie in [0, ", classes, ")", ignored ? cat(" or be the ignore index ", *ignored) : "",
       "; got ", found.bad_label, " at ", position(labels.shape(), found.first_bad));
}

// Labels, weights q and denominator; the loss and log_sum_exp are still to be computed.
CrossEntropy prepare(const char* op, const Tensor& logits, const Tensor& labels,
                     const CrossEntropyOptions& o) {
  check_options(op, logits, labels, o);
  CrossEntropy r;
  r.labels = Tensor(labels.shape(), DType::kInt32, labels.device());
  r.weights = Tensor(labels.shape(), logits.dtype(), logits.device());
  r.log_sum_exp = Tensor(labels.shape(), logits.dtype(), logits.device());
  on<Labels>(op, labels.device(), labels.dtype(), [&]<class L>(auto) {
    on<Floats>(op, logits.device(), logits.dtype(), [&]<class T>(auto tag) {
      const kernels::LabelRule<T> rule{
          .classes = logits.dim(1),
          .ignores = o.ignore_index.has_value(),
          .ignored = o.ignore_index.value_or(0),
          .pixel_weights = o.pixel_weights.defined() ? o.pixel_weights.data<const T>() : nullptr};
      const kernels::WeighedLabels found =
          kernels::weigh_labels(tag, Flat<const L>{labels.data<const L>(), labels.numel()}, rule,
                                o.class_weights, r.labels.data<std::int32_t>(), r.weights.data<T>());
      if (found.first_bad >= 0) fail_at(op, labels, logits.dim(1), o.ignore_index, found);
      r.denominator = found.weight_sum + static_cast<double>(labels.numel()) * o.epsilon;
    });
  });
  return r;
}

// [N, C] or [N, C, H, W] as a batch of maps.
template <class T>
Nchw<T> maps(const Tensor& z) {
  if (z.rank() == 2) return {z.data<T>(), z.dim(0), z.dim(1), 1, 1};
  return nchw<T>(z);
}

template <class T>
kernels::LabelledPixels<T> pixels(const CrossEntropy& r) {
  return {r.labels.data<const std::int32_t>(), r.weights.data<const T>()};
}

// The sum of a focused loss, with weights and denominator to match; `sum` where nothing is focused.
template <class Tag, class T>
double focused(Tag tag, Nchw<const T> z, const kernels::Taps& rows, const kernels::Taps& cols,
               const CrossEntropyOptions& o, CrossEntropy& r, double sum) {
  if (o.focal_gamma == 0 && !o.hard) return sum;
  check(o.focal_gamma >= 0, "cross_entropy", "focal_gamma must be >= 0, got ", o.focal_gamma);
  const Tensor losses = empty_like(r.log_sum_exp);
  kernels::pixel_losses(tag, z, rows, cols, r.labels.data<const std::int32_t>(), flat<const T>(r.log_sum_exp),
                        flat<T>(losses));
  const kernels::FocusRule rule{.bound = o.hard ? hardest_bound(losses, *o.hard) : 0, .gamma = o.focal_gamma};
  const kernels::FocusedSums sums =
      kernels::focus(tag, flat<const T>(losses), rule, r.weights.template data<T>());
  r.denominator = sums.weight + static_cast<double>(losses.numel()) * o.epsilon;
  return sums.loss;
}

Tensor scalar_loss(const Tensor& logits, double sum, double denominator) {
  return Tensor::full({}, denominator > 0 ? sum / denominator : 0, logits.dtype(), logits.device());
}

double scale_of(const Tensor& dloss, const CrossEntropy& forward) {
  return forward.denominator > 0 ? dloss.item() / forward.denominator : 0;
}

}  // namespace

Tensor known_labels(const char* op, const Tensor& logits, const Tensor& labels,
                    std::optional<std::int64_t> ignore) {
  return prepare(op, logits, labels, {.ignore_index = ignore}).labels;
}

CrossEntropy cross_entropy(const Tensor& logits, const Tensor& labels, const CrossEntropyOptions& options) {
  const Shape& z = logits.shape();
  const bool fits = (z.rank() == 2 && labels.shape() == Shape{z[0]}) ||
                    (z.rank() == 4 && labels.shape() == Shape{z[0], z[2], z[3]});
  check(fits, "cross_entropy",
        "logits [N, C, H, W] need labels [N, H, W], logits [N, C] need labels [N]; logits ", z, ", labels ",
        labels.shape());
  CrossEntropy r = prepare("cross_entropy", logits, labels, options);
  on<Floats>("cross_entropy", logits.device(), logits.dtype(), [&]<class T>(auto tag) {
    const Nchw<const T> maps_of_z = maps<const T>(logits);
    const double sum = kernels::cross_entropy(tag, maps_of_z, pixels<T>(r), flat<T>(r.log_sum_exp));
    const kernels::Taps rows = kernels::bilinear_taps(maps_of_z.H, maps_of_z.H, false);
    const kernels::Taps cols = kernels::bilinear_taps(maps_of_z.W, maps_of_z.W, false);
    const double upper = focused(tag, maps_of_z, rows, cols, options, r, sum);
    r.loss = scalar_loss(logits, upper, r.denominator);
  });
  return r;
}

Tensor cross_entropy_backward(const Tensor& dloss, const Tensor& logits, const CrossEntropy& forward) {
  Tensor dz = empty_like(logits);
  on<Floats>("cross_entropy_backward", logits.device(), logits.dtype(), [&]<class T>(auto tag) {
    kernels::cross_entropy_backward(tag, maps<const T>(logits), pixels<T>(forward),
                                    flat<const T>(forward.log_sum_exp), scale_of(dloss, forward),
                                    maps<T>(dz));
  });
  return dz;
}

CrossEntropy upsampled_cross_entropy(const Tensor& logits, const Tensor& labels, bool align_corners,
                                     const CrossEntropyOptions& options) {
  const char* op = "upsampled_cross_entropy";
  check_rank(op, "logits", logits, 4, "[N, C, h, w]");
  check_rank(op, "labels", labels, 3, "[N, H, W]");
  check(labels.dim(0) == logits.dim(0), op, "logits ", logits.shape(), " and labels ", labels.shape(),
        " differ in N");
  check(logits.dim(2) > 0 && logits.dim(3) > 0, op, "sides must be >= 1; logits ", logits.shape());
  CrossEntropy r = prepare(op, logits, labels, options);
  const kernels::Taps rows = kernels::bilinear_taps(logits.dim(2), labels.dim(1), align_corners);
  const kernels::Taps cols = kernels::bilinear_taps(logits.dim(3), labels.dim(2), align_corners);
  on<Floats>(op, logits.device(), logits.dtype(), [&]<class T>(auto tag) {
    const double sum = kernels::upsampled_cross_entropy(tag, nchw<const T>(logits), rows, cols, pixels<T>(r),
                                                        flat<T>(r.log_sum_exp));
    const double upper = focused(tag, nchw<const T>(logits), rows, cols, options, r, sum);
    r.loss = scalar_loss(logits, upper, r.denominator);
  });
  return r;
}

Tensor upsampled_cross_entropy_backward(const Tensor& dloss, const Tensor& logits, bool align_corners,
                                        const CrossEntropy& forward) {
  const kernels::Taps rows = kernels::bilinear_taps(logits.dim(2), forward.labels.dim(1), align_corners);
  const kernels::Taps cols = kernels::bilinear_taps(logits.dim(3), forward.labels.dim(2), align_corners);
  Tensor dz = empty_like(logits);
  on<Floats>("upsampled_cross_entropy_backward", logits.device(), logits.dtype(), [&]<class T>(auto tag) {
    kernels::upsampled_cross_entropy_backward(tag, nchw<const T>(logits), rows, cols, pixels<T>(forward),
                                              flat<const T>(forward.log_sum_exp), scale_of(dloss, forward),
                                              nchw<T>(dz));
  });
  return dz;
}

}  // namespace clearcut::ops

namespace clearcut::kernels {

namespace {

constexpr std::int64_t kPixelsPerChunk = 256;

// log(sum over k of exp(z(k))) for k < classes, the maximum taken out first.
template <class Logit>
double log_sum_of_exponentials(std::int64_t classes, const Logit& z) {
  double top = z(0), sum = 0;
  for (std::int64_t k = 1; k < classes; ++k) top = std::max(top, z(k));
  for (std::int64_t k = 0; k < classes; ++k) sum += std::exp(z(k) - top);
  return top + std::log(sum);
}

// Interpolates class plane z (h x w) at the output row i and column j.
template <class T>
double interpolate(const T* z, std::int64_t w, const Taps& rows, const Taps& cols, std::int64_t i,
                   std::int64_t j) {
  const auto a = static_cast<std::size_t>(i), b = static_cast<std::size_t>(j);
  const T *upper = z + rows.low[a] * w, *lower = z + rows.high[a] * w;
  const double right = cols.weight[b], down = rows.weight[a];
  const double top = (1 - right) * upper[cols.low[b]] + right * upper[cols.high[b]];
  const double bottom = (1 - right) * lower[cols.low[b]] + right * lower[cols.high[b]];
  return (1 - down) * top + down * bottom;
}

// Sum of q_p * l_p over pixels [0, n); logit(p, k) is the logit of class k there.
template <class T, class Logit>
double sum_of_losses(std::int64_t n, std::int64_t classes, LabelledPixels<T> pixels, Flat<T> log_sum_exp,
                     const Logit& logit) {
  return parallel_sum<double>(n, kPixelsPerChunk, [&](std::int64_t begin, std::int64_t end) {
    double sum = 0;
    for (std::int64_t p = begin; p < end; ++p) {
      log_sum_exp[p] = 0;
      if (pixels.labels[p] < 0) continue;
      const double lse = log_sum_of_exponentials(classes, [&](std::int64_t k) { return logit(p, k); });
      log_sum_exp[p] = static_cast<T>(lse);
      sum += pixels.weights[p] * (lse - logit(p, pixels.labels[p]));
    }
    return sum;
  });
}

}  // namespace

template <class L, class T>
WeighedLabels weigh_labels(Reference, Flat<const L> labels, const LabelRule<T>& rule,
                           const std::vector<double>& class_weights, std::int32_t* known, T* weights) {
  WeighedLabels result;
  for (std::int64_t p = 0; p < labels.n; ++p) {
    const std::int64_t label = labels[p];
    const bool counts = !rule.ignores || label != rule.ignored;
    if (counts && (label < 0 || label >= rule.classes)) [[unlikely]]
      return {.first_bad = p, .bad_label = label};
    known[p] = counts ? static_cast<std::int32_t>(label) : -1;
    const double of_class = !counts                 ? 0
                            : class_weights.empty() ? 1
                                                    : class_weights[static_cast<std::size_t>(label)];
    weights[p] = static_cast<T>(
        !counts ? 0 : of_class * (rule.pixel_weights ? static_cast<double>(rule.pixel_weights[p]) : 1.0));
    result.weight_sum += weights[p];
  }
  return result;
}

template <class T>
double cross_entropy(Reference, Nchw<const T> z, LabelledPixels<T> pixels, Flat<T> log_sum_exp) {
  const std::int64_t plane = z.H * z.W;
  return sum_of_losses(z.N * plane, z.C, pixels, log_sum_exp, [&](std::int64_t p, std::int64_t k) {
    return static_cast<double>(z.data[(p / plane * z.C + k) * plane + p % plane]);
  });
}

template <class T>
void cross_entropy_backward(Reference, Nchw<const T> z, LabelledPixels<T> pixels, Flat<const T> log_sum_exp,
                            double scale, Nchw<T> dz) {
  const std::int64_t plane = z.H * z.W;
  parallel_for(z.N * z.C * plane, 4096, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t at = begin; at < end; ++at) {
      const std::int64_t k = at / plane % z.C, p = at / (plane * z.C) * plane + at % plane;
      const std::int32_t label = pixels.labels[p];
      const double share = label < 0 ? 0 : std::exp(static_cast<double>(z.data[at]) - log_sum_exp[p]);
      dz.data[at] =
          static_cast<T>(label < 0 ? 0 : scale * pixels.weights[p] * (share - (label == k ? 1 : 0)));
    }
  });
}

template <class T>
double upsampled_cross_entropy(Reference, Nchw<const T> z, const Taps& rows, const Taps& cols,
                               LabelledPixels<T> pixels, Flat<T> log_sum_exp) {
  const std::int64_t W = cols.outputs(), plane = rows.outputs() * W;
  return sum_of_losses(z.N * plane, z.C, pixels, log_sum_exp, [&](std::int64_t p, std::int64_t k) {
    return interpolate(z.plane(p / plane, k), z.W, rows, cols, p % plane / W, p % W);
  });
}

template <class T>
void upsampled_cross_entropy_backward(Reference, Nchw<const T> z, const Taps& rows, const Taps& cols,
                                      LabelledPixels<T> pixels, Flat<const T> log_sum_exp, double scale,
                                      Nchw<T> dz) {
  const std::int64_t H = rows.outputs(), W = cols.outputs();
  parallel_for(z.N * z.C, 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<double> sums(static_cast<std::size_t>(z.H * z.W));
    for (std::int64_t map = begin; map < end; ++map) {
      const T* plane = z.data + map * z.H * z.W;
      std::fill(sums.begin(), sums.end(), 0.0);
      for (std::int64_t i = 0; i < H; ++i)
        for (std::int64_t j = 0; j < W; ++j) {
          const std::int64_t p = (map / z.C * H + i) * W + j;
          if (pixels.labels[p] < 0) continue;
          const double share = std::exp(interpolate(plane, z.W, rows, cols, i, j) - log_sum_exp[p]);
          const double g = scale * pixels.weights[p] * (share - (pixels.labels[p] == map % z.C ? 1 : 0));
          const auto a = static_cast<std::size_t>(i), b = static_cast<std::size_t>(j);
          const double down = rows.weight[a], right = cols.weight[b];
          sums[static_cast<std::size_t>(rows.low[a] * z.W + cols.low[b])] += (1 - down) * (1 - right) * g;
          sums[static_cast<std::size_t>(rows.low[a] * z.W + cols.high[b])] += (1 - down) * right * g;
          sums[static_cast<std::size_t>(rows.high[a] * z.W + cols.low[b])] += down * (1 - right) * g;
          sums[static_cast<std::size_t>(rows.high[a] * z.W + cols.high[b])] += down * right * g;
        }
      std::transform(sums.begin(), sums.end(), dz.data + map * z.H * z.W,
                     [](double v) { return static_cast<T>(v); });
    }
  });
}

#define INSTANTIATE(L, T)                                                            \
  template WeighedLabels weigh_labels(Reference, Flat<const L>, const LabelRule<T>&, \
                                      const std::vector<double>&, std::int32_t*, T*);
INSTANTIATE(std::int32_t, float)
INSTANTIATE(std::int32_t, double)
INSTANTIATE(std::int64_t, float)
INSTANTIATE(std::int64_t, double)
#undef INSTANTIATE
template <class T>
using Pixels = LabelledPixels<T>;
template double cross_entropy(Reference, Nchw<const float>, Pixels<float>, Flat<float>);
template double cross_entropy(Reference, Nchw<const double>, Pixels<double>, Flat<double>);
template void cross_entropy_backward(Reference, Nchw<const float>, Pixels<float>, Flat<const float>, double,
                                     Nchw<float>);
template void cross_entropy_backward(Reference, Nchw<const double>, Pixels<double>, Flat<const double>,
                                     double, Nchw<double>);
template double upsampled_cross_entropy(Reference, Nchw<const float>, const Taps&, const Taps&, Pixels<float>,
                                        Flat<float>);
template double upsampled_cross_entropy(Reference, Nchw<const double>, const Taps&, const Taps&,
                                        Pixels<double>, Flat<double>);
template void upsampled_cross_entropy_backward(Reference, Nchw<const float>, const Taps&, const Taps&,
                                               Pixels<float>, Flat<const float>, double, Nchw<float>);
template void upsampled_cross_entropy_backward(Reference, Nchw<const double>, const Taps&, const Taps&,
                                               Pixels<double>, Flat<const double>, double, Nchw<double>);

}  // namespace clearcut::kernels
