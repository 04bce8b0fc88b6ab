// Shape: the sizes of a dense, row-major tensor.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <ostream>
#include <vector>

namespace clearcut {

/// Up to six sizes, each >= 0; rank 0 is a scalar. Negative indices count from the end, as in Python.
/// Throws Error on more than six dimensions, a negative size, an index out of range, or when the
/// number of elements does not fit 62 bits.
class Shape {
 public:
  static constexpr int kMaxRank = 6;

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> sizes) : Shape(sizes.begin(), sizes.size()) {}
  explicit Shape(const std::vector<std::int64_t>& sizes) : Shape(sizes.data(), sizes.size()) {}

  int rank() const { return rank_; }
  std::int64_t operator[](int i) const { return sizes_[index(i)]; }
  std::int64_t numel() const;
  std::vector<std::int64_t> sizes() const { return {sizes_.begin(), sizes_.begin() + rank_}; }

  /// The same shape with dimension i set to size.
  Shape with(int i, std::int64_t size) const;
  /// The same shape without its leading dimension.
  Shape without_leading() const;

  friend bool operator==(const Shape&, const Shape&) = default;

 private:
  Shape(const std::int64_t* sizes, std::size_t rank);
  std::size_t index(int i) const;

  std::array<std::int64_t, kMaxRank> sizes_{};
  int rank_ = 0;
};

std::ostream& operator<<(std::ostream& out, const Shape& shape);  // [8, 3, 224, 224]

/// NumPy's rule: shapes are aligned at the last dimension; sizes must match or be 1.
Shape broadcast(const char* op, const Shape& a, const Shape& b);

}  // namespace clearcut
