#include "tensor/shape.h"

#include <algorithm>

#include "tensor/error.h"

namespace clearcut {

Shape::Shape(const std::int64_t* sizes, std::size_t rank) : rank_(static_cast<int>(rank)) {
  check(rank <= kMaxRank, "shape", "at most ", kMaxRank, " dimensions are supported, got ", rank);
  std::copy_n(sizes, rank, sizes_.begin());
  std::int64_t elements = 1;
  for (int i = 0; i < rank_; ++i) {
    check(sizes_[i] >= 0, "shape", "sizes must be >= 0, got ", *this);
    std::int64_t next = 0;
    const bool fits = !__builtin_mul_overflow(elements, std::max<std::int64_t>(sizes_[i], 1), &next);
    check(fits && next < (std::int64_t{1} << 62), "shape", "too many elements in ", *this);
    elements = next;
  }
}

std::size_t Shape::index(int i) const {
  check(i >= -rank_ && i < rank_, "shape", "dimension ", i, " asked of rank ", rank_, " shape ", *this);
  return static_cast<std::size_t>(i < 0 ? i + rank_ : i);
}

std::int64_t Shape::numel() const {
  std::int64_t n = 1;
  for (int i = 0; i < rank_; ++i) n *= sizes_[i];
  return n;
}

Shape Shape::with(int i, std::int64_t size) const {
  std::vector<std::int64_t> changed = sizes();
  changed[index(i)] = size;
  return Shape(changed);
}

Shape Shape::without_leading() const {
  check(rank_ > 0, "shape", "a scalar has no leading dimension");
  return Shape(sizes_.data() + 1, static_cast<std::size_t>(rank_ - 1));
}

std::ostream& operator<<(std::ostream& out, const Shape& shape) {
  out << '[';
  const auto sizes = shape.sizes();
  for (std::size_t i = 0; i < sizes.size(); ++i) out << (i ? ", " : "") << sizes[i];
  return out << ']';
}

Shape broadcast(const char* op, const Shape& a, const Shape& b) {
  const int rank = std::max(a.rank(), b.rank());
  std::vector<std::int64_t> sizes(static_cast<std::size_t>(rank));
  for (int i = 1; i <= rank; ++i) {
    const std::int64_t size_a = i <= a.rank() ? a[-i] : 1;
    const std::int64_t size_b = i <= b.rank() ? b[-i] : 1;
    check(size_a == size_b || size_a == 1 || size_b == 1, op, "shapes ", a, " and ", b,
          " do not broadcast: sizes must match or be 1, counted from the last dimension");
    sizes[static_cast<std::size_t>(rank - i)] = size_a == 1 ? size_b : size_a;
  }
  return Shape(sizes);
}

}  // namespace clearcut
