#include "train/logit_views.h"

#include <algorithm>
#include <cmath>

#include "autograd/resize.h"
#include "tensor/parallel.h"

namespace clearcut {

namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

/// x mirrored along its last dimension, in host memory on the way.
Tensor mirrored(const Tensor& x) {
  const Tensor here = x.to(Device::kCpu), y = empty_like(here);
  const std::int64_t W = x.dim(-1), rows = x.numel() / W;
  const float* from = here.data<const float>();
  float* to = y.data<float>();
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t w = 0; w < W; ++w) to[r * W + w] = from[r * W + W - 1 - w];
  return y.to(x.device());
}

std::int64_t scaled(std::int64_t side, double scale) {
  return std::max<std::int64_t>(1, std::llround(static_cast<double>(side) * scale));
}

/// x [1, 3, H, W], rows and columns of one window.
Tensor cut(const Tensor& x, std::int64_t top, std::int64_t left, Size2 size) {
  if (x.dim(2) == size.h && x.dim(3) == size.w) return x;
  const Tensor here = x.to(Device::kCpu);
  Tensor y({1, 3, size.h, size.w});
  const float* from = here.data<const float>();
  float* to = y.data<float>();
  for (std::int64_t c = 0; c < 3; ++c)
    for (std::int64_t h = 0; h < size.h; ++h)
      std::copy_n(from + (c * x.dim(2) + top + h) * x.dim(3) + left, size.w, to + (c * size.h + h) * size.w);
  return y.to(x.device());
}

std::int64_t stride_of(std::int64_t side, double share) { return scaled(side, share); }

/// Pixels of an axis that lie in [begin, end), as positions in the list of ascending or descending pixels.
template <class Use>
void for_each_in(const std::vector<std::int64_t>& pixels, std::int64_t begin, std::int64_t end,
                 const Use& use) {
  for (std::size_t k = 0; k < pixels.size(); ++k)
    if (pixels[k] >= begin && pixels[k] < end) use(k);
}

}  // namespace

struct LogitViews::Step {
  std::int64_t pixels;  // of the picture
  double length;        // of the view, in its own pixels
  double held;          // share of the view that is picture; the rest is padding
  bool mirror;

  double place(std::int64_t i) const {
    const double u = (static_cast<double>(i) + 0.5) * held * length / static_cast<double>(pixels);
    return mirror ? length - u : u;
  }
};

std::vector<std::int64_t> window_starts(std::int64_t length, std::int64_t side, std::int64_t stride) {
  std::vector<std::int64_t> starts = {0};
  while (starts.back() + side < length) starts.push_back(std::min(starts.back() + stride, length - side));
  return starts;
}

LogitViews::Axis LogitViews::axis_of(const Step& step, std::int64_t start, std::int64_t side,
                                     std::int64_t logits, Blend blend) {
  Axis axis;
  const double n = static_cast<double>(logits), first = static_cast<double>(start),
               length = static_cast<double>(side);
  for (std::int64_t i = 0; i < step.pixels; ++i) {
    const double u = step.place(i);
    if (u < first || u >= first + length) continue;
    const double t = (u - first) / length, position = std::max(0.0, t * n - 0.5);
    const std::int64_t low = std::min(static_cast<std::int64_t>(position), logits - 1);
    const std::int64_t high = std::min(low + 1, logits - 1);
    axis.pixel.push_back(i);
    axis.low.push_back(low);
    axis.high.push_back(high);
    axis.weight.push_back(high == low ? 0.0F : static_cast<float>(position - static_cast<double>(low)));
    const double z = (t - 0.5) * 8;  // deviations from the window's middle
    axis.blend.push_back(blend == Blend::kMean ? 1.0F : static_cast<float>(std::exp(-z * z / 2)));
  }
  return axis;
}

LogitViews::LogitViews(Segmenter& model, const Tensor& picture, const Normalize& normalize,
                       const PredictOptions& options)
    : classes_(model.classes()), height_(picture.dim(0)), width_(picture.dim(1)) {
  const NoGrad no_tape;
  if (model.registry().mode.training) model.registry().mode.training = false;  // on any thread
  check(!options.scales.empty(), "predict", "scales is empty");
  check(options.stride > 0 && options.stride <= 1, "predict",
        "stride is a share of the window in (0, 1]; got ", options.stride);
  LabelledPicture sample = to_sample(picture);
  if (options.resize_short > 0) resize_by_short(sample, options.resize_short);
  const std::int64_t H = sample.image.dim(0), W = sample.image.dim(1);
  const std::int64_t padded_height = std::max(H, options.pad.h), padded_width = std::max(W, options.pad.w);
  if (padded_height > H || padded_width > W) pad_to(sample, {.height = padded_height, .width = padded_width});
  held_[0] = static_cast<double>(H) / static_cast<double>(padded_height);
  held_[1] = static_cast<double>(W) / static_cast<double>(padded_width);
  const Tensor x3 = clearcut::normalize(sample.image, normalize);
  const Tensor x = x3.reshape(Shape{1, 3, padded_height, padded_width}).to(model.registry().device());
  for (const double scale : options.scales) {
    Var input(x);
    const Size2 size = {scaled(padded_height, scale), scaled(padded_width, scale)};
    if (scale != 1) input = resize_bilinear(input, size, false);
    add_view(model, input.value(), false, options);
    if (options.flip) add_view(model, mirrored(input.value()), true, options);
  }
}

void LogitViews::add_view(Segmenter& model, const Tensor& input, bool mirror, const PredictOptions& options) {
  const std::int64_t H = input.dim(2), W = input.dim(3);
  const bool whole = options.window.h == 0;
  const Size2 side = {whole ? H : std::min(options.window.h, H), whole ? W : std::min(options.window.w, W)};
  const Blend blend = whole ? Blend::kMean : options.blend;
  const Step down = {height_, static_cast<double>(H), held_[0], false},
             across = {width_, static_cast<double>(W), held_[1], mirror};
  std::vector<Patch> view;
  for (const std::int64_t top : window_starts(H, side.h, stride_of(side.h, options.stride)))
    for (const std::int64_t left : window_starts(W, side.w, stride_of(side.w, options.stride))) {
      const Tensor z = model.main_logits(Var(cut(input, top, left, side))).value().to(Device::kCpu);
      Patch patch = {.logits = z.reshape(Shape{z.dim(1), z.dim(2), z.dim(3)}),
                     .rows = axis_of(down, top, side.h, z.dim(2), blend),
                     .columns = axis_of(across, left, side.w, z.dim(3), blend)};
      if (!patch.rows.pixel.empty() && !patch.columns.pixel.empty()) view.push_back(std::move(patch));
    }
  views_.push_back(std::move(view));
}

// One class of one view: logits blended over windows are added to sum [end - begin, W]. weights: the sum of
// the blending weights at each pixel.
void LogitViews::add_class(const std::vector<Patch>& view, std::int64_t c, std::int64_t begin,
                           std::int64_t end, const float* weights, float* sum) const {
  std::vector<float> blended(at((end - begin) * width_), 0.0F), upper, lower;
  for (const Patch& patch : view) {
    const Axis &rows = patch.rows, &columns = patch.columns;
    const std::int64_t h = patch.logits.dim(1), w = patch.logits.dim(2);
    const float* z = patch.logits.data<const float>() + c * h * w;
    // A row of logits between its columns.
    const auto expand = [&](std::int64_t row, std::vector<float>& out) {
      out.resize(columns.pixel.size());
      const float* from = z + row * w;
      for (std::size_t k = 0; k < out.size(); ++k)
        out[k] = from[columns.low[k]] * (1 - columns.weight[k]) + from[columns.high[k]] * columns.weight[k];
    };
    std::int64_t held = -1;  // the row of logits in `upper`; its neighbour is in `lower`
    for_each_in(rows.pixel, begin, end, [&](std::size_t r) {
      if (held != rows.low[r]) {
        expand(rows.low[r], upper);
        expand(rows.high[r], lower);
        held = rows.low[r];
      }
      float* to = blended.data() + (rows.pixel[r] - begin) * width_;
      const float f = rows.weight[r], blend = rows.blend[r];
      for (std::size_t k = 0; k < upper.size(); ++k)
        to[columns.pixel[k]] += blend * columns.blend[k] * (upper[k] * (1 - f) + lower[k] * f);
    });
  }
  for (std::size_t p = 0; p < blended.size(); ++p) sum[p] += blended[p] / weights[p];
}

Tensor LogitViews::rows(std::int64_t begin, std::int64_t end) const {
  const std::int64_t rows = end - begin;
  Tensor sum = Tensor::zeros({classes_, rows, width_});
  float* z = sum.data<float>();
  for (const std::vector<Patch>& view : views_) {
    std::vector<float> weights(at(rows * width_), 0.0F);
    for (const Patch& patch : view)
      for_each_in(patch.rows.pixel, begin, end, [&](std::size_t r) {
        float* to = weights.data() + (patch.rows.pixel[r] - begin) * width_;
        for (std::size_t k = 0; k < patch.columns.pixel.size(); ++k)
          to[patch.columns.pixel[k]] += patch.rows.blend[r] * patch.columns.blend[k];
      });
    parallel_for(classes_, 1, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t c = first; c < last; ++c)
        add_class(view, c, begin, end, weights.data(), z + c * rows * width_);
    });
  }
  if (const auto n = static_cast<float>(views_.size()); n > 1)
    for (std::int64_t i = 0; i < sum.numel(); ++i) z[i] /= n;
  return sum;
}

Tensor LogitViews::labels(std::size_t memory) const {
  const auto row_bytes = static_cast<std::size_t>(classes_ * width_) * sizeof(float);
  const std::int64_t band = std::max<std::int64_t>(1, static_cast<std::int64_t>(memory / row_bytes));
  Tensor labels({height_, width_}, DType::kInt32);
  for (std::int64_t begin = 0; begin < height_; begin += band) {
    const std::int64_t end = std::min(height_, begin + band);
    const Tensor part = argmax_classes(rows(begin, end));
    std::copy_n(part.data<const std::int32_t>(), part.numel(), labels.data<std::int32_t>() + begin * width_);
  }
  return labels;
}

}  // namespace clearcut
