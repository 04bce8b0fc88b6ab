#include "tensor/cpu/conv/taps.h"

#include <algorithm>
#include <cstring>

#include "tensor/cpu/isa.h"
#include "tensor/parallel.h"

namespace clearcut {

namespace {

std::int64_t floor_div(std::int64_t a, std::int64_t b) { return (a >= 0 ? a : a - b + 1) / b; }

AxisTaps forward_axis(std::int64_t size, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                      std::int64_t dilation, std::int64_t padding) {
  AxisTaps axis{.stride = stride, .padding = padding, .size = size, .count = out};
  for (std::int64_t r = 0; r < kernel; ++r) {
    const std::int64_t residue = r * dilation % stride, shift = r * dilation / stride;
    const auto found = std::find(axis.residues.begin(), axis.residues.end(), residue);
    axis.taps.push_back({r, found - axis.residues.begin(), shift});
    if (found == axis.residues.end()) axis.residues.push_back(residue);
    axis.length = std::max(axis.length, out + shift);
  }
  return axis;
}

// Pixels first, first + stride, ... of dx. Tap r wrote to dx pixel h from dy pixel p = (h + padding - r
// dilation) / stride where that is whole: for h = first + i stride it is i + e, e the same for all i.
AxisTaps backward_axis(std::int64_t first, std::int64_t size, std::int64_t out, std::int64_t kernel,
                       std::int64_t stride, std::int64_t dilation, std::int64_t padding) {
  AxisTaps axis{.residues = {0}, .size = out, .out_first = first, .out_step = stride};
  axis.count = (size - first + stride - 1) / stride;
  std::int64_t least = 0, most = 0;
  for (std::int64_t r = 0; r < kernel; ++r) {
    const std::int64_t at = first + padding - r * dilation, e = floor_div(at, stride);
    if (e * stride != at) continue;
    least = axis.taps.empty() ? e : std::min(least, e);
    most = axis.taps.empty() ? e : std::max(most, e);
    axis.taps.push_back({r, 0, e});
  }
  for (AxisTaps::Tap& tap : axis.taps) tap.shift -= least;
  axis.padding = -least;
  axis.length = axis.count + most - least;
  return axis;
}

// The elements [begin, end) of a sub-plane that are pixels of the source; the others are padding.
struct Inside {
  Inside(const AxisTaps& axis, std::int64_t residue) : pixel_of_0(residue - axis.padding) {
    begin = std::clamp<std::int64_t>(-floor_div(pixel_of_0, axis.stride), 0, axis.length);
    end = std::clamp(floor_div(axis.size - 1 - pixel_of_0, axis.stride) + 1, begin, axis.length);
  }
  std::int64_t pixel_of_0, begin, end;
};

constexpr std::int64_t kCopyFloats = 1 << 20;  // 4 MiB of copies at a time

}  // namespace

bool Taps::in_place() const {
  return h.stride == 1 && w.stride == 1 && h.padding == 0 && w.padding == 0 && h.length <= h.size &&
         w.length <= w.size;
}

std::int64_t Taps::plane() const {
  if (in_place()) return h.size * w.size;
  return static_cast<std::int64_t>(h.residues.size() * w.residues.size()) * h.length * w.length;
}

std::vector<std::int64_t> Taps::offsets() const {
  std::vector<std::int64_t> result;
  const auto columns = static_cast<std::int64_t>(w.residues.size());
  for (const AxisTaps::Tap& r : h.taps)
    for (const AxisTaps::Tap& s : w.taps)
      result.push_back(((r.residue * columns + s.residue) * h.length + r.shift) * row_stride() + s.shift);
  return result;
}

std::vector<std::int64_t> Taps::kernel_index(std::int64_t S) const {
  std::vector<std::int64_t> result;
  for (const AxisTaps::Tap& r : h.taps)
    for (const AxisTaps::Tap& s : w.taps) result.push_back(r.kernel * S + s.kernel);
  return result;
}

void Taps::copy_plane(const float* from, float* to) const {
  if (in_place()) {
    std::memcpy(to, from, static_cast<std::size_t>(plane()) * sizeof(float));
    return;
  }
  std::memset(to, 0, static_cast<std::size_t>(plane()) * sizeof(float));
  for (const std::int64_t residue_h : h.residues)
    for (const std::int64_t residue_w : w.residues) {
      const Inside rows(h, residue_h), cols(w, residue_w);
      const std::int64_t first_row = rows.begin * h.stride + rows.pixel_of_0;
      isa_table().rows->copy_rows(
          {.from = from + first_row * w.size + cols.begin * w.stride + cols.pixel_of_0,
           .from_row = h.stride * w.size,
           .from_step = w.stride,
           .to = to + rows.begin * w.length + cols.begin,
           .to_row = w.length,
           .to_step = 1,
           .rows = rows.end - rows.begin,
           .cols = cols.end - cols.begin});
      to += h.length * w.length;
    }
}

void Taps::fold_plane(const float* from, float* to) const {
  if (in_place()) {
    std::memcpy(to, from, static_cast<std::size_t>(plane()) * sizeof(float));
    return;
  }
  std::memset(to, 0, static_cast<std::size_t>(h.size * w.size) * sizeof(float));
  for (const std::int64_t residue_h : h.residues)
    for (const std::int64_t residue_w : w.residues) {
      const Inside rows(h, residue_h), cols(w, residue_w);
      const std::int64_t first_row = rows.begin * h.stride + rows.pixel_of_0;
      isa_table().rows->copy_rows({.from = from + rows.begin * w.length + cols.begin,
                                   .from_row = w.length,
                                   .from_step = 1,
                                   .to = to + first_row * w.size + cols.begin * w.stride + cols.pixel_of_0,
                                   .to_row = h.stride * w.size,
                                   .to_step = w.stride,
                                   .rows = rows.end - rows.begin,
                                   .cols = cols.end - cols.begin});
      from += h.length * w.length;
    }
}

Taps forward_taps(const MapSizes& s, const ConvOptions& o) {
  return {forward_axis(s.H, s.P, s.R, o.stride.h, o.dilation.h, o.padding.top),
          forward_axis(s.W, s.Q, s.S, o.stride.w, o.dilation.w, o.padding.left)};
}

std::vector<Taps> backward_taps(const MapSizes& s, const ConvOptions& o) {
  std::vector<Taps> grids;
  for (std::int64_t a = 0; a < std::min(o.stride.h, s.H); ++a)
    for (std::int64_t b = 0; b < std::min(o.stride.w, s.W); ++b)
      grids.push_back({backward_axis(a, s.H, s.P, s.R, o.stride.h, o.dilation.h, o.padding.top),
                       backward_axis(b, s.W, s.Q, s.S, o.stride.w, o.dilation.w, o.padding.left)});
  return grids;
}

std::int64_t TapSource::images_at_a_time(const Taps& taps, std::int64_t images, std::int64_t channels) {
  return std::clamp<std::int64_t>(kCopyFloats / std::max<std::int64_t>(1, taps.plane() * channels), 1,
                                  std::max<std::int64_t>(1, images));
}

TapSource::TapSource(const Taps& taps, const Planes& p)
    : copy_(taps.in_place() ? 0 : p.images * p.channels * taps.plane()) {
  if (taps.in_place()) {
    data_ = p.from;
    image_stride_ = p.image_stride;
    plane_stride_ = p.plane_stride;
  } else {
    data_ = copy_.data();
    plane_stride_ = taps.plane();
    image_stride_ = p.channels * plane_stride_;
    const std::int64_t grain = std::max<std::int64_t>(1, (1 << 15) / plane_stride_);
    parallel_for(p.images * p.channels, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        taps.copy_plane(p.from + i / p.channels * p.image_stride + i % p.channels * p.plane_stride,
                        copy_.data() + i * plane_stride_);
    });
  }
  end_ = data_ + (p.images - 1) * image_stride_ + p.channels * plane_stride_;
}

}  // namespace clearcut
