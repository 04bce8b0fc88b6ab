#include "tensor/ops/rearrange.h"

#include <algorithm>

#include "tensor/parallel.h"

namespace clearcut::ops {

namespace {

int checked_dim(const char* op, const Tensor& x, int dim) {
  check(x.defined() && dim >= -x.rank() && dim < x.rank(), op, "dim must lie in [-rank, rank) of x ",
        x.defined() ? x.shape() : Shape{}, "; got ", dim);
  return dim < 0 ? dim + x.rank() : dim;
}

std::int64_t product(const Shape& x, int begin, int end) {
  std::int64_t n = 1;
  for (int d = begin; d < end; ++d) n *= x[d];
  return n;
}

// Copies `size` indices of dimension dim, starting at from_at in x, to to_at in y.
void copy_indices(const char* op, const Tensor& x, std::int64_t from_at, const Tensor& y, std::int64_t to_at,
                  int dim, std::int64_t size) {
  const std::int64_t inner = product(x.shape(), dim + 1, x.rank());
  const kernels::BlockCopy block{.planes = product(x.shape(), 0, dim),
                                 .run = size * inner,
                                 .from = from_at * inner,
                                 .from_plane = x.dim(dim) * inner,
                                 .to = to_at * inner,
                                 .to_plane = y.dim(dim) * inner};
  on<Numbers>(op, x.device(), x.dtype(),
              [&]<class T>(auto tag) { kernels::copy_block(tag, block, x.data<const T>(), y.data<T>()); });
}

void check_padding(const Padding2& p) {
  check(p.top >= 0 && p.left >= 0 && p.bottom >= 0 && p.right >= 0, "pad2d", "sides must be >= 0, got ", p);
}

}  // namespace

Tensor permute(const Tensor& x, const std::vector<int>& order) {
  check(x.defined() && static_cast<int>(order.size()) == x.rank(), "permute",
        "order must name each of the dimensions of x ", x.defined() ? x.shape() : Shape{}, "; got ",
        order.size(), " numbers");
  std::vector<std::int64_t> sizes, x_strides;
  std::vector<bool> seen(order.size(), false);
  for (const int o : order) {
    const int d = checked_dim("permute", x, o);
    check(!seen[static_cast<std::size_t>(d)], "permute", "dimension ", o, " comes twice; x ", x.shape());
    seen[static_cast<std::size_t>(d)] = true;
    sizes.push_back(x.dim(d));
    x_strides.push_back(product(x.shape(), d + 1, x.rank()));
  }
  Tensor y(Shape(sizes), x.dtype(), x.device());
  on<Numbers>("permute", x.device(), x.dtype(), [&]<class T>(auto tag) {
    kernels::copy_strided(tag, sizes, x_strides, x.data<const T>(), y.data<T>());
  });
  return y;
}

Tensor slice(const Tensor& x, int dim, std::int64_t begin, std::int64_t end) {
  const int d = checked_dim("slice", x, dim);
  const std::int64_t size = x.dim(d), b = begin < 0 ? begin + size : begin, e = end < 0 ? end + size : end;
  check(0 <= b && b <= e && e <= size, "slice", "0 <= begin <= end <= ", size, " must hold along dim ", dim,
        "; got ", begin, " to ", end, " of ", x.shape());
  if (d == 0) return x.slice(b, e);
  Tensor y(x.shape().with(d, e - b), x.dtype(), x.device());
  copy_indices("slice", x, b, y, 0, d, e - b);
  return y;
}

Tensor slice_backward(const Tensor& dy, const Shape& shape, int dim, std::int64_t begin) {
  const int d = checked_dim("slice_backward", dy, dim);
  Tensor dx = Tensor::zeros(shape, dy.dtype(), dy.device());
  copy_indices("slice_backward", dy, 0, dx, begin < 0 ? begin + shape[d] : begin, d, dy.dim(d));
  return dx;
}

Tensor concat(const std::vector<Tensor>& parts, int dim) {
  check(!parts.empty(), "concat", "at least one part is needed");
  const int d = checked_dim("concat", parts[0], dim);
  std::int64_t total = 0;
  for (const Tensor& part : parts) {
    check_same_kind("concat", parts[0], part);
    check(part.rank() == parts[0].rank() && part.shape().with(d, 0) == parts[0].shape().with(d, 0), "concat",
          "sizes must be equal except along dim ", dim, "; got ", parts[0].shape(), " and ", part.shape());
    total += part.dim(d);
  }
  Tensor y(parts[0].shape().with(d, total), parts[0].dtype(), parts[0].device());
  std::int64_t at = 0;
  for (const Tensor& part : parts) {
    copy_indices("concat", part, 0, y, at, d, part.dim(d));
    at += part.dim(d);
  }
  return y;
}

Tensor pad2d(const Tensor& x, const Padding2& p, double value) {
  check(x.defined() && x.rank() >= 2, "pad2d", "x must be [..., H, W], got ",
        x.defined() ? x.shape() : Shape{});
  check_padding(p);
  const std::int64_t H = x.dim(-2), W = x.dim(-1), wide = p.left + W + p.right, tall = p.top + H + p.bottom;
  const Tensor y = Tensor::full(x.shape().with(-2, tall).with(-1, wide), value, x.dtype(), x.device());
  const kernels::BlockCopy block{.planes = product(x.shape(), 0, x.rank() - 2),
                                 .rows = H,
                                 .run = W,
                                 .from_plane = H * W,
                                 .from_row = W,
                                 .to = p.top * wide + p.left,
                                 .to_plane = tall * wide,
                                 .to_row = wide};
  on<Numbers>("pad2d", x.device(), x.dtype(),
              [&]<class T>(auto tag) { kernels::copy_block(tag, block, x.data<const T>(), y.data<T>()); });
  return y;
}

Tensor pad2d_backward(const Tensor& dy, const Padding2& p) {
  check(dy.defined() && dy.rank() >= 2, "pad2d_backward", "dy must be [..., H, W]");
  check_padding(p);
  const std::int64_t wide = dy.dim(-1), tall = dy.dim(-2), H = tall - p.top - p.bottom,
                     W = wide - p.left - p.right;
  Tensor dx(dy.shape().with(-2, H).with(-1, W), dy.dtype(), dy.device());
  const kernels::BlockCopy block{.planes = product(dy.shape(), 0, dy.rank() - 2),
                                 .rows = H,
                                 .run = W,
                                 .from = p.top * wide + p.left,
                                 .from_plane = tall * wide,
                                 .from_row = wide,
                                 .to_plane = H * W,
                                 .to_row = W};
  on<Numbers>("pad2d_backward", dy.device(), dy.dtype(),
              [&]<class T>(auto tag) { kernels::copy_block(tag, block, dy.data<const T>(), dx.data<T>()); });
  return dx;
}

void copy_box(const Tensor& from, Size2 begin, const Tensor& to, Size2 at, Size2 size) {
  check(from.defined() && to.defined() && from.rank() >= 2 &&
            from.shape().with(-2, 1).with(-1, 1) == to.shape().with(-2, 1).with(-1, 1),
        "copy_box", "both must be [..., H, W] with the same leading sizes; got ",
        from.defined() ? from.shape() : Shape{}, " and ", to.defined() ? to.shape() : Shape{});
  check_same_kind("copy_box", from, to);
  const auto inside = [&](const Tensor& x, Size2 corner) {
    return corner.h >= 0 && corner.w >= 0 && corner.h + size.h <= x.dim(-2) && corner.w + size.w <= x.dim(-1);
  };
  check(size.h >= 0 && size.w >= 0 && inside(from, begin) && inside(to, at), "copy_box", "a box of ", size,
        " must lie in ", from.shape(), " at ", begin, " and in ", to.shape(), " at ", at);
  if (size.h == 0 || size.w == 0) return;
  const std::int64_t tall = from.dim(-2), wide = from.dim(-1), to_tall = to.dim(-2), to_wide = to.dim(-1);
  const kernels::BlockCopy block{.planes = product(from.shape(), 0, from.rank() - 2),
                                 .rows = size.h,
                                 .run = size.w,
                                 .from = begin.h * wide + begin.w,
                                 .from_plane = tall * wide,
                                 .from_row = wide,
                                 .to = at.h * to_wide + at.w,
                                 .to_plane = to_tall * to_wide,
                                 .to_row = to_wide};
  on<Numbers>("copy_box", from.device(), from.dtype(), [&]<class T>(auto tag) {
    kernels::copy_block(tag, block, from.data<const T>(), to.data<T>());
  });
}

}  // namespace clearcut::ops

namespace clearcut::kernels {

template <class T>
void copy_block(Reference, const BlockCopy& b, const T* from, T* to) {
  const std::int64_t grain = std::max<std::int64_t>(1, (1 << 15) / std::max<std::int64_t>(1, b.run));
  parallel_for(b.planes * b.rows, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t plane = i / b.rows, row = i % b.rows;
      std::copy_n(from + b.from + plane * b.from_plane + row * b.from_row, b.run,
                  to + b.to + plane * b.to_plane + row * b.to_row);
    }
  });
}

template <class T>
void copy_strided(Reference, const std::vector<std::int64_t>& sizes, const std::vector<std::int64_t>& strides,
                  const T* x, T* y) {
  const std::int64_t inner = sizes.empty() ? 1 : sizes.back(), step = sizes.empty() ? 1 : strides.back();
  std::int64_t rows = 1;
  for (std::size_t d = 0; d + 1 < sizes.size(); ++d) rows *= sizes[d];
  const std::int64_t grain = std::max<std::int64_t>(1, (1 << 15) / std::max<std::int64_t>(1, inner));
  parallel_for(rows, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      std::int64_t at = 0, rest = row;
      for (std::size_t d = sizes.size(); d-- > 1; rest /= sizes[d - 1])
        at += rest % sizes[d - 1] * strides[d - 1];
      for (std::int64_t i = 0; i < inner; ++i) y[row * inner + i] = x[at + i * step];
    }
  });
}

#define INSTANTIATE(T)                                                                                      \
  template void copy_block(Reference, const BlockCopy&, const T*, T*);                                      \
  template void copy_strided(Reference, const std::vector<std::int64_t>&, const std::vector<std::int64_t>&, \
                             const T*, T*);
INSTANTIATE(float)
INSTANTIATE(double)
INSTANTIATE(std::int32_t)
INSTANTIATE(std::int64_t)
INSTANTIATE(std::uint8_t)
#undef INSTANTIATE

}  // namespace clearcut::kernels
