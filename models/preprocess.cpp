#include "models/preprocess.h"

#include <algorithm>
#include <cmath>

#include "tensor/parallel.h"

namespace clearcut {

namespace {

// Where a position v (in cells, cell i centred at i) falls between two cells of n.
struct Between {
  std::int64_t low, high;
  float share;  // of `high`
};

Between between(double v, std::int64_t n) {
  const double clamped = std::clamp(v, 0.0, static_cast<double>(n - 1));
  const auto low = static_cast<std::int64_t>(clamped);
  return {low, std::min(low + 1, n - 1), static_cast<float>(clamped - static_cast<double>(low))};
}

// For each of `pixels` pixel centres: the cells of a map of n cells that spans [begin, begin + length];
// low = -1 outside.
std::vector<Between> positions(std::int64_t pixels, double begin, double length, std::int64_t n) {
  std::vector<Between> all;
  for (std::int64_t i = 0; i < pixels; ++i) {
    const double t = (static_cast<double>(i) + 0.5 - begin) / length;
    all.push_back(t < 0 || t > 1 ? Between{-1, -1, 0} : between(t * static_cast<double>(n) - 0.5, n));
  }
  return all;
}

}  // namespace

Frame frame_of(const Preprocess& rule, std::int64_t picture_height, std::int64_t picture_width,
               Framing framing) {
  check(picture_height > 0 && picture_width > 0, "preprocess", "the picture is empty: ", picture_height,
        " x ", picture_width);
  check(rule.crop > 0 && rule.crop <= 1, "preprocess", "crop must be in (0, 1], got ", rule.crop);
  Frame frame{{0, 0, static_cast<double>(picture_height), static_cast<double>(picture_width)},
              picture_height,
              picture_width,
              rule.height,
              rule.width};
  if (framing == Framing::kCentreCrop) frame.box = centre_square(picture_height, picture_width, rule.crop);
  if (framing == Framing::kShortSide) {
    check(rule.any_size, "preprocess", "this network takes ", rule.height, " x ", rule.width,
          " inputs only; frame the whole picture or its centre instead of resizing the shorter side");
    const double factor = static_cast<double>(std::min(rule.height, rule.width)) /
                          static_cast<double>(std::min(picture_height, picture_width));
    frame.input_height = std::llround(static_cast<double>(picture_height) * factor);
    frame.input_width = std::llround(static_cast<double>(picture_width) * factor);
  }
  return frame;
}

Tensor to_input(const Preprocess& rule, const Tensor& picture, Framing framing) {
  check_rank("preprocess", "picture", picture, 3, "H, W, 3");
  const Frame frame = frame_of(rule, picture.dim(0), picture.dim(1), framing);
  return to_network_input(resize_box(picture, frame.box, frame.input_height, frame.input_width, rule.filter),
                          rule.pixels);
}

Tensor to_batch(const Preprocess& rule, const std::vector<Tensor>& pictures, Framing framing) {
  check(!pictures.empty(), "preprocess", "a batch needs at least one picture");
  Tensor batch;
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const Tensor x = to_input(rule, pictures[i], framing);
    const auto n = static_cast<std::int64_t>(i);
    if (i == 0) batch = Tensor({static_cast<std::int64_t>(pictures.size()), 3, x.dim(1), x.dim(2)});
    check(x.shape() == batch.shape().without_leading(), "preprocess", "picture ", i, " becomes ", x.shape(),
          ", the first one ", batch.shape().without_leading(),
          "; put pictures of other proportions into a batch of their own");
    batch[n].copy_from(x);
  }
  return batch;
}

Tensor to_picture(const Preprocess& rule, const Tensor& input) {
  check_rank("preprocess", "input", input, 3, "3, h, w");
  check(input.dim(0) == 3, "preprocess", "input must have 3 channels, got ", input.shape());
  const std::int64_t area = input.dim(1) * input.dim(2);
  Tensor picture({input.dim(1), input.dim(2), 3}, DType::kUInt8);
  const float* x = input.data<const float>();
  std::uint8_t* y = picture.data<std::uint8_t>();
  for (std::size_t c = 0; c < 3; ++c) {
    const std::size_t rgb = rule.pixels.bgr ? 2 - c : c;
    for (std::int64_t i = 0; i < area; ++i) {
      const double v =
          x[static_cast<std::int64_t>(c) * area + i] / rule.pixels.scale[c] + rule.pixels.mean[c];
      y[3 * i + static_cast<std::int64_t>(rgb)] =
          static_cast<std::uint8_t>(std::lround(std::clamp(v, 0.0, 255.0)));
    }
  }
  return picture;
}

Tensor map_to_picture(const Frame& frame, const Tensor& map, float outside) {
  check_rank("map_to_picture", "map", map, 2, "h, w");
  check(map.numel() > 0, "map_to_picture", "the map is empty: ", map.shape());
  const auto rows = positions(frame.picture_height, frame.box.top, frame.box.height, map.dim(0));
  const auto columns = positions(frame.picture_width, frame.box.left, frame.box.width, map.dim(1));
  Tensor y({frame.picture_height, frame.picture_width});
  const float* m = map.data<const float>();
  float* out = y.data<float>();
  parallel_for(frame.picture_height, 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const Between r = rows[static_cast<std::size_t>(i)];
      const float* upper = m + std::max<std::int64_t>(r.low, 0) * map.dim(1);
      const float* lower = m + std::max<std::int64_t>(r.high, 0) * map.dim(1);
      for (std::int64_t j = 0; j < frame.picture_width; ++j) {
        const Between c = columns[static_cast<std::size_t>(j)];
        float& v = out[i * frame.picture_width + j];
        if (r.low < 0 || c.low < 0) {
          v = outside;
          continue;
        }
        const float top = upper[c.low] + (upper[c.high] - upper[c.low]) * c.share;
        const float bottom = lower[c.low] + (lower[c.high] - lower[c.low]) * c.share;
        v = top + (bottom - top) * r.share;
      }
    }
  });
  return y;
}

}  // namespace clearcut
